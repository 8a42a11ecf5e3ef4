// The sum of many numbers of single precision.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds `total` to the module; -1 with an exception set if that fails.
int add_sparse_total(PyObject* module);

} // namespace einroute
