// The Python type `OnePass`, and copies that change the order of the axes.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the type and `copy` to the module; -1 with an exception set if that fails.
int add_one_pass(PyObject* module);

bool is_one_pass(PyObject* object);

// A call of one, which tells nobody of the flags that it saw.
PyObject* call_one_pass(PyObject* pass, PyObject* const* args, Py_ssize_t count, PyObject* names, int& flags);

} // namespace einroute
