// The largest absolute value of integers.

#include "magnitude.hpp"

#include <type_traits>

namespace einroute {

namespace {

template <class T> PyObject* largest(const T* x, npy_intp count) {
    T least = 0, most = 0; // absolute values are no less
    for (npy_intp i = 0; i < count; ++i) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    // Of the least number of a dtype the absolute value is none of that dtype: it is unsigned.
    using Unsigned = std::make_unsigned_t<T>;
    const Unsigned below = static_cast<Unsigned>(Unsigned(0) - static_cast<Unsigned>(least));
    const Unsigned above = static_cast<Unsigned>(most);
    return PyLong_FromUnsignedLongLong(below > above ? below : above);
}

PyObject* magnitude(PyObject*, PyObject* object) {
    if (!PyArray_Check(object)) {
        PyErr_Format(PyExc_TypeError, "expected a numpy.ndarray, not %s", Py_TYPE(object)->tp_name);
        return nullptr;
    }
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(object);
    // In one piece, whatever the order.
    const bool dense = PyArray_IS_C_CONTIGUOUS(x) || PyArray_IS_F_CONTIGUOUS(x);
    if (!dense || !PyArray_ISALIGNED(x) || !PyArray_ISNOTSWAPPED(x)) {
        Py_RETURN_NONE;
    }
    const void* data = PyArray_DATA(x);
    const npy_intp count = PyArray_SIZE(x);
    switch (PyArray_TYPE(x)) {
    case NPY_BYTE:
        return largest(static_cast<const npy_byte*>(data), count);
    case NPY_UBYTE:
        return largest(static_cast<const npy_ubyte*>(data), count);
    case NPY_SHORT:
        return largest(static_cast<const npy_short*>(data), count);
    case NPY_USHORT:
        return largest(static_cast<const npy_ushort*>(data), count);
    case NPY_INT:
        return largest(static_cast<const npy_int*>(data), count);
    case NPY_UINT:
        return largest(static_cast<const npy_uint*>(data), count);
    case NPY_LONG:
        return largest(static_cast<const npy_long*>(data), count);
    case NPY_ULONG:
        return largest(static_cast<const npy_ulong*>(data), count);
    case NPY_LONGLONG:
        return largest(static_cast<const npy_longlong*>(data), count);
    case NPY_ULONGLONG:
        return largest(static_cast<const npy_ulonglong*>(data), count);
    default:
        Py_RETURN_NONE;
    }
}

PyMethodDef functions[] = {
    {"magnitude", magnitude, METH_O,
     "magnitude(x, /)\n--\n\nThe largest absolute value of integers; None if they are no aligned block of "
     "memory "
     "in native byte order."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_magnitude(PyObject* module) {
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
