// The Python type `Silent`: a product or pass of the core's with the manners of einsum.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the type to the module; -1 with an exception set if that fails.
int add_silent(PyObject* module);

} // namespace einroute
