// The Python type `Contraction`: an einsum of arrays of known shapes and one dtype, done by the core's loops.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the type and `understand` to the module; -1 with an exception set if that fails.
int add_contraction(PyObject* module);

bool is_contraction(PyObject* object);

// The result of arrays of any strides: a new array or NumPy's scalar, or put into `out` if that is not null,
// which lies behind them. Null with an exception set if memory is short, `out` is read-only, or they are not
// of the dtype and shapes that it was made for.
PyObject* contract(PyObject* contraction, PyObject* const* arrays, Py_ssize_t n, PyObject* out);

// Whether its results have the shape and dtype of an array.
bool makes_what(PyObject* contraction, PyObject* array);

// The contraction of a call seen first: subscripts are an exact str, arrays exact ndarrays. Null without an
// exception where it is not ours: malformed or with an ellipsis, sizes that do not fit, a view, dtypes that
// differ or are not plain, empty arrays, much work. Null with an exception only if memory is short. The order
// is the call's, 'K' or 'C'.
PyObject* understand(PyObject* subscripts, PyObject* const* arrays, Py_ssize_t n, char order);

} // namespace einroute
