#include "array_arguments.hpp"

namespace einroute {

namespace {

bool is_array(PyObject* given, const char* name) {
    if (!PyArray_Check(given)) {
        PyErr_Format(PyExc_TypeError, "%s is of type %s; expected a numpy.ndarray", name,
                     Py_TYPE(given)->tp_name);
        return false;
    }
    return true;
}

} // namespace

bool find_out(PyObject* const* args, Py_ssize_t count, PyObject* names, int operands, PyObject*& out) {
    const Py_ssize_t keywords = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
    if (count < operands || count + keywords > operands + 1) {
        PyErr_Format(PyExc_TypeError, "expected %d operands and perhaps out", operands);
        return false;
    }
    if (keywords == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "out") != 0) {
        PyErr_Format(PyExc_TypeError, "unexpected keyword argument %R; expected out",
                     PyTuple_GET_ITEM(names, 0));
        return false;
    }
    out = count + keywords > operands ? args[operands] : nullptr;
    if (out == Py_None) {
        out = nullptr;
    }
    return true;
}

bool is_writeable(PyObject* out) {
    return out == nullptr || (is_array(out, "out") &&
                              PyArray_FailUnlessWriteable(reinterpret_cast<PyArrayObject*>(out), "out") >= 0);
}

bool is_expected(PyObject* given, int type, int ndim, const npy_intp* shape, const char* name) {
    const bool same = is_like(reinterpret_cast<PyArrayObject*>(given), type, ndim, shape);
    if (!same) {
        PyErr_Format(PyExc_ValueError, "%s has another shape or dtype than the call was bound for", name);
    }
    return same;
}

Operands::~Operands() {
    for (int i = 0; i < count_; ++i) {
        Py_XDECREF(made_[i]);
    }
}

bool Operands::take(PyObject* const* args, int count) {
    while (count_ < count) {
        PyObject* given = args[count_];
        PyObject* array = PyArray_IsScalar(given, Generic) ? PyArray_FromScalar(given, nullptr) : nullptr;
        if (array == nullptr && (PyErr_Occurred() || !is_array(given, "an operand"))) {
            return false;
        }
        made_[count_] = array;
        arrays_[count_++] = array == nullptr ? given : array;
    }
    return true;
}

bool tell(PyObject* report, int flags) {
    if (flags == 0 || report == Py_None) {
        return true;
    }
    const Held told(PyObject_CallFunction(report, "i", flags));
    return static_cast<bool>(told);
}

} // namespace einroute
