// What is an array of numbers to NumPy's functions, and no ndarray itself.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Once, before any operand is asked of; -1 with an exception set.
int prepare_array_likes();

inline bool is_sequence(PyObject* object) {
    return PyTuple_CheckExact(object) || PyList_CheckExact(object);
}

inline Py_ssize_t size_of(PyObject* sequence) {
    return PyTuple_CheckExact(sequence) ? PyTuple_GET_SIZE(sequence) : PyList_GET_SIZE(sequence);
}

inline PyObject* item_of(PyObject* sequence, Py_ssize_t i) {
    return PyTuple_CheckExact(sequence) ? PyTuple_GET_ITEM(sequence, i) : PyList_GET_ITEM(sequence, i);
}

// A number of Python's own, or of NumPy's.
bool is_number(PyObject* object);

// Whether a list or tuple holds nothing but a few numbers, at any depth: what NumPy makes of it is told by
// them alone. One that is empty is not: it takes the other operand's dtype in dot, inner and vdot, and is
// float64 elsewhere.
bool is_short_list(PyObject* list);

// Whether an operand is of a subclass of arrays that overrides neither of NumPy's protocols, as numpy.memmap
// and numpy.matrix.
bool is_plain_subclass(PyObject* operand);

} // namespace einroute
