// Sums of squares of rows, for Python.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the function to the module; -1 with an exception set if that fails.
int add_row_squares(PyObject* module);

} // namespace einroute
