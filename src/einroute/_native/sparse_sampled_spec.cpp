#include "sparse_sampled_spec.hpp"

namespace einroute {

namespace {

// The numbers of a tuple, all below a limit; -1 with an exception.
int read_labels(PyObject* given, int* to, int most, int below) {
    if (!PyTuple_Check(given) || PyTuple_GET_SIZE(given) > most) {
        PyErr_Format(PyExc_ValueError, "expected a tuple of %d labels at most", most);
        return -1;
    }
    const int count = static_cast<int>(PyTuple_GET_SIZE(given));
    for (int i = 0; i < count; ++i) {
        const long label = PyLong_AsLong(PyTuple_GET_ITEM(given, i));
        if (label < 0 || label >= below) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_ValueError, "a label has no size, or is not the sparse operand's");
            }
            return -1;
        }
        to[i] = static_cast<int>(label);
    }
    return count;
}

} // namespace

bool read_spec(SampledSpec& s, PyObject* own, PyObject* dense, PyObject* out, PyObject* sizes) {
    if (!PyTuple_Check(sizes) || PyTuple_GET_SIZE(sizes) > SAMPLED_LABELS || !PyTuple_Check(dense) ||
        PyTuple_GET_SIZE(dense) > SAMPLED_FACTORS) {
        PyErr_SetString(PyExc_ValueError, "too many labels or operands");
        return false;
    }
    s.labels = static_cast<int>(PyTuple_GET_SIZE(sizes));
    for (int i = 0; i < s.labels; ++i) {
        s.size[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(sizes, i));
        if (s.size[i] < 0) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_ValueError, "a size is negative");
            }
            return false;
        }
    }
    s.own = read_labels(own, s.own_label, SAMPLED_AXES, s.labels);
    s.out = read_labels(out, s.out_label, SAMPLED_LABELS, s.labels);
    if (s.own < 0 || s.out < 0) {
        return false;
    }
    s.of_sparse = 0;
    for (int i = 0; i < s.own; ++i) { // each new one is the next number
        if (s.own_label[i] > s.of_sparse) {
            PyErr_SetString(PyExc_ValueError, "labels of the sparse operand must come first, in order");
            return false;
        }
        s.of_sparse += s.own_label[i] == s.of_sparse;
    }
    s.dense = static_cast<int>(PyTuple_GET_SIZE(dense));
    for (int f = 0; f < s.dense; ++f) {
        s.dense_ndim[f] = read_labels(PyTuple_GET_ITEM(dense, f), s.dense_label[f], SAMPLED_LABELS, s.labels);
        if (s.dense_ndim[f] < 0) {
            return false;
        }
    }
    for (int label = s.of_sparse; label < s.labels; ++label) {
        bool found = false;
        for (int f = 0; f < s.dense; ++f) {
            for (int i = 0; i < s.dense_ndim[f]; ++i) {
                found = found || s.dense_label[f][i] == label;
            }
        }
        if (!found) {
            PyErr_SetString(PyExc_ValueError, "a label is no operand's");
            return false;
        }
    }
    return true;
}

} // namespace einroute
