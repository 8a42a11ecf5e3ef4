// Sparse by dense products as a function of the module.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

int add_sparse_dense(PyObject* module);

} // namespace einroute
