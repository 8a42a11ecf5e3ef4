// Products of two compressed matrices, element by element.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds `multiply_elements` to the module; -1 with an exception set if that fails.
int add_sparse_hadamard(PyObject* module);

} // namespace einroute
