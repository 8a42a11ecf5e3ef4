// Strides given as a sequence of integers.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// False with an exception set if they are not so many integers.
inline bool read_strides(PyObject* given, int ndim, npy_intp* to) {
    PyObject* items = PySequence_Fast(given, "expected a sequence of strides");
    if (items == nullptr) {
        return false;
    }
    bool good = PySequence_Fast_GET_SIZE(items) == ndim;
    for (int i = 0; good && i < ndim; ++i) {
        to[i] = PyLong_AsSsize_t(PySequence_Fast_GET_ITEM(items, i));
        good = to[i] != -1 || !PyErr_Occurred();
    }
    Py_DECREF(items);
    if (!good && !PyErr_Occurred()) {
        PyErr_Format(PyExc_ValueError, "expected %d strides", ndim);
    }
    return good;
}

} // namespace einroute
