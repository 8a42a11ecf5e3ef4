// The largest absolute value of integers: what bounds their products.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds `magnitude` to the module; -1 with an exception set if that fails.
int add_magnitude(PyObject* module);

} // namespace einroute
