// Circular correlations, for Python.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the function to the module; -1 with an exception set if that fails.
int add_correlate(PyObject* module);

} // namespace einroute
