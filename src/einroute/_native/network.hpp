// The Python type `Network`: the program of a network of small arrays, run as one call.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the type, and what looks for NumPy's BLAS, to the module; -1 with an exception set if that fails.
int add_network(PyObject* module);

} // namespace einroute
