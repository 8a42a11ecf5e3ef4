// Kept factors of a matrix applied to one right-hand side.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds `apply_factors` to the module; -1 with an exception set if that fails.
int add_least_squares(PyObject* module);

} // namespace einroute
