#include "lengthened.hpp"

#include "held.hpp"
#include "object.hpp"

#include <cstring>

namespace einroute {

namespace {

constexpr Py_ssize_t ARGUMENTS = 9;
// Bytes of a copy up to which the GIL is kept; longer ones are left to the caller.
constexpr npy_intp MOST = 1 << 18;

bool read_number(PyObject* object, npy_intp& to) {
    to = PyLong_AsSsize_t(object);
    return to != -1 || !PyErr_Occurred();
}

bool read_numbers(PyObject* object, npy_intp (&to)[NPY_MAXDIMS], int& count) {
    if (!PyTuple_Check(object) || PyTuple_GET_SIZE(object) > NPY_MAXDIMS) {
        PyErr_SetString(PyExc_TypeError, "shape and strides must be tuples");
        return false;
    }
    count = static_cast<int>(PyTuple_GET_SIZE(object));
    for (int i = 0; i < count; ++i) {
        if (!read_number(PyTuple_GET_ITEM(object, i), to[i])) {
            return false;
        }
    }
    return true;
}

// Whether all elements of a view lie in so many bytes.
bool within(int ndim, const npy_intp* shape, const npy_intp* strides, npy_intp origin, npy_intp item,
            npy_intp nbytes) {
    npy_intp low = origin, high = origin;
    for (int i = 0; i < ndim; ++i) {
        const npy_intp step = strides[i] < 0 ? -strides[i] : strides[i];
        if (shape[i] < 1 || step > nbytes || (step != 0 && shape[i] - 1 > nbytes / step)) {
            return false;
        }
        (strides[i] < 0 ? low : high) += (shape[i] - 1) * strides[i];
        if (low < 0 || high > nbytes - item) {
            return false;
        }
    }
    return low >= 0 && high <= nbytes - item;
}

PyObject* lengthened(PyObject*, PyObject* const* args, Py_ssize_t given) {
    if (given != ARGUMENTS || !PyArray_DescrCheck(args[1])) {
        PyErr_SetString(PyExc_TypeError, "lengthened takes 9 arguments, the second a dtype");
        return nullptr;
    }
    PyArrayObject* const base = reinterpret_cast<PyArrayObject*>(args[0]);
    PyArray_Descr* const dtype = reinterpret_cast<PyArray_Descr*>(args[1]);
    npy_intp rows, period, first, length, origin, shape[NPY_MAXDIMS], strides[NPY_MAXDIMS];
    int ndim, others;
    if (!read_number(args[2], rows) || !read_number(args[3], period) || !read_number(args[4], first) ||
        !read_number(args[5], length) || !read_numbers(args[6], shape, ndim) ||
        !read_numbers(args[7], strides, others) || !read_number(args[8], origin)) {
        return nullptr;
    }
    if (!PyArray_CheckExact(args[0]) || !PyArray_ISCARRAY_RO(base) || PyArray_TYPE(base) != dtype->type_num ||
        !PyTypeNum_ISNUMBER(dtype->type_num) || !PyDataType_ISNOTSWAPPED(dtype) || rows < 1 || length < 1 ||
        rows > MOST || length > MOST / rows) {
        Py_RETURN_NONE;
    }
    const npy_intp item = PyArray_ITEMSIZE(base), nbytes = rows * length;
    if (period < 1 || first < 0 || first >= period || PyArray_NBYTES(base) / period != rows ||
        PyArray_NBYTES(base) % period != 0 || nbytes % item != 0 || ndim != others ||
        !within(ndim, shape, strides, origin, item, nbytes)) {
        PyErr_SetString(PyExc_ValueError, "the view does not lie in the copy, or the base has other rows");
        return nullptr;
    }
    npy_intp count = nbytes / item;
    Held copy(PyArray_EMPTY(1, &count, dtype->type_num, 0));
    if (!copy) {
        return nullptr;
    }
    char* to = PyArray_BYTES(copy.array());
    for (npy_intp row = 0; row < rows; ++row) {
        const char* const from = PyArray_BYTES(base) + row * period;
        npy_intp start = first;
        for (npy_intp left = length; left > 0; start = 0) {
            const npy_intp some = left < period - start ? left : period - start;
            std::memcpy(to, from + start, static_cast<std::size_t>(some));
            to += some;
            left -= some;
        }
    }
    Held view(PyArray_NewFromDescr(&PyArray_Type, reinterpret_cast<PyArray_Descr*>(Py_NewRef(args[1])), ndim,
                                   shape, strides, PyArray_BYTES(copy.array()) + origin, NPY_ARRAY_WRITEABLE,
                                   nullptr));
    if (!view || PyArray_SetBaseObject(view.array(), copy.release()) < 0) {
        return nullptr;
    }
    return view.release();
}

PyMethodDef functions[] = {
    {"lengthened", fast_method(lengthened), METH_FASTCALL,
     "lengthened(base, dtype, rows, period, first, length, shape, strides, origin, /)\n--\n\n"
     "A view of a copy of the base whose rows, of `period` bytes, go round from byte `first` on until they\n"
     "have `length` bytes; None of a base that does not lie straight, or where the copy is long."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_lengthened(PyObject* module) {
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
