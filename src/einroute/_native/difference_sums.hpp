// Sums over the pairs of two sets of points of their differences, for Python.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the function to the module; -1 with an exception set if that fails.
int add_difference_sums(PyObject* module);

} // namespace einroute
