// Sequences that Python gives: of numbers, and of anything.
#pragma once

#include "held.hpp"

namespace einroute {

// Calls read(i, item) for each item of a sequence until one says false, with an exception set. Their number;
// -1 with an exception set. `name` is what they are called.
template <class Read> Py_ssize_t read_items(PyObject* given, const char* name, const Read& read) {
    const Held items(PySequence_Fast(given, ""));
    if (!items) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Format(PyExc_TypeError, "%s: expected a sequence, not %s", name, Py_TYPE(given)->tp_name);
        }
        return -1;
    }
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(items.object);
    for (Py_ssize_t i = 0; i < count; ++i) {
        if (!read(i, PySequence_Fast_GET_ITEM(items.object, i))) {
            return -1;
        }
    }
    return count;
}

// A number from `low` to `high`; false with an exception set.
bool read_integer(PyObject* given, const char* name, npy_intp low, npy_intp high, npy_intp& to);

// Up to `most` numbers from `low` to `high`: how many; -1 with an exception set.
int read_integers(PyObject* given, const char* name, npy_intp low, npy_intp high, int most, npy_intp* to);

// So many numbers from `low` to `high`; false with an exception set.
bool read_count(PyObject* given, const char* name, npy_intp low, npy_intp high, int count, npy_intp* to);

// Up to `most` numbers from 0 to below `most`, all different: how many; -1 with an exception set.
int read_different(PyObject* given, const char* name, int most, int* to);

// Strides, in bytes, of an array without gaps whose axes lie in memory in the order given, outermost first;
// false with an exception set where it does not name each once.
bool read_layout(PyObject* given, int ndim, const npy_intp* shape, npy_intp item, npy_intp* strides);

} // namespace einroute
