// Products of two sparse matrices as a function of the module.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

int add_sparse_sparse(PyObject* module);

} // namespace einroute
