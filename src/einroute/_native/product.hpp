// The Python type `Product`: a product of two operands of known shapes, bound to a kernel.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the type to the module; -1 with an exception set if that fails.
int add_product(PyObject* module);

bool is_product(PyObject* object);

// A call of one, which tells nobody of the flags that it saw.
PyObject* call_product(PyObject* product, PyObject* const* args, Py_ssize_t count, PyObject* names,
                       int& flags);

} // namespace einroute
