#include "sequences.hpp"

namespace einroute {

bool read_integer(PyObject* given, const char* name, npy_intp low, npy_intp high, npy_intp& to) {
    to = PyLong_AsSsize_t(given);
    if (to == -1 && PyErr_Occurred()) {
        return false;
    }
    if (low <= to && to <= high) {
        return true;
    }
    if (high == NPY_MAX_INTP) {
        PyErr_Format(PyExc_ValueError, "%s: %zd; expected %zd or more", name, Py_ssize_t(to),
                     Py_ssize_t(low));
    } else {
        PyErr_Format(PyExc_ValueError, "%s: %zd; expected %zd to %zd", name, Py_ssize_t(to), Py_ssize_t(low),
                     Py_ssize_t(high));
    }
    return false;
}

int read_integers(PyObject* given, const char* name, npy_intp low, npy_intp high, int most, npy_intp* to) {
    return static_cast<int>(read_items(given, name, [&](Py_ssize_t i, PyObject* item) {
        if (i >= most) {
            PyErr_Format(PyExc_ValueError, "%s: expected %d numbers at most", name, most);
            return false;
        }
        return read_integer(item, name, low, high, to[i]);
    }));
}

bool read_count(PyObject* given, const char* name, npy_intp low, npy_intp high, int count, npy_intp* to) {
    const int found = read_integers(given, name, low, high, count, to);
    if (found >= 0 && found < count) {
        PyErr_Format(PyExc_ValueError, "%s: %d numbers; expected %d", name, found, count);
    }
    return found == count;
}

int read_different(PyObject* given, const char* name, int most, int* to) {
    const Py_ssize_t count = read_items(given, name, [&](Py_ssize_t i, PyObject* item) {
        npy_intp found;
        if (!read_integer(item, name, 0, most - 1, found)) {
            return false;
        }
        for (Py_ssize_t j = 0; j < i; ++j) {
            if (to[j] == found) {
                PyErr_Format(PyExc_ValueError, "%s: %zd is there twice", name, Py_ssize_t(found));
                return false;
            }
        }
        to[i] = static_cast<int>(found);
        return true;
    });
    return static_cast<int>(count);
}

bool read_layout(PyObject* given, int ndim, const npy_intp* shape, npy_intp item, npy_intp* strides) {
    int order[NPY_MAXDIMS];
    const int count = read_different(given, "layout", ndim, order);
    if (count != ndim) {
        if (count >= 0) {
            PyErr_SetString(PyExc_ValueError, "layout does not name each axis of the result once");
        }
        return false;
    }
    npy_intp reach = item;
    for (int i = count - 1; i >= 0; --i) {
        strides[order[i]] = reach;
        reach *= shape[order[i]];
    }
    return true;
}

} // namespace einroute
