// Linear forms of the differences of two sets of points, for Python.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the functions to the module; -1 with an exception set if that fails.
int add_difference_projections(PyObject* module);

} // namespace einroute
