// Copies of arrays in another order of their axes, by the kernels of passes.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds `copy` to the module; -1 with an exception set if that fails.
int add_copies(PyObject* module);

} // namespace einroute
