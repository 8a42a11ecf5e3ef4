// The Python type `SparseProduct`: a compressed sparse matrix of scipy.sparse by a dense array.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

bool is_sparse_product(PyObject* object);

// The result of operands as they came; null with an exception set where its fallback raises.
PyObject* multiply_sparse(PyObject* product, PyObject* const* operands, Py_ssize_t n);

// Adds the type to the module; -1 with an exception set if that fails.
int add_sparse_product(PyObject* module);

} // namespace einroute
