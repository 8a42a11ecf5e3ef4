#include "pool.hpp"

#include "blocks.hpp"
#include "handler.hpp"
#include "object.hpp"

#include <cstdint>

namespace einroute {

namespace {

// Bytes of an array; 0 where they are none, or too many: NumPy says what is wrong.
std::size_t bytes_of(npy_intp itemsize, int ndim, const npy_intp* dims) {
    npy_intp bytes = itemsize;
    for (int i = 0; i < ndim; ++i) {
        if (dims[i] <= 0 || bytes > NPY_MAX_INTP / dims[i]) {
            return 0;
        }
        bytes *= dims[i];
    }
    return static_cast<std::size_t>(bytes);
}

PyObject* plain(PyArray_Descr* descr, int ndim, const npy_intp* dims, const npy_intp* strides, bool fortran) {
    if (strides == nullptr) {
        return PyArray_Empty(ndim, dims, descr, fortran);
    }
    return PyArray_NewFromDescr(&PyArray_Type, descr, ndim, dims, strides, nullptr, 0, nullptr);
}

#if EINROUTE_HAS_BLOCKS

PyObject* decide = nullptr; // what says how much is kept, at each call; null where that is settled

// Brings the limit up to date; false with an exception set if that fails.
bool decided() {
    if (decide == nullptr) {
        return true;
    }
    PyObject* asked = Py_NewRef(decide);
    PyObject* answer = PyObject_CallNoArgs(asked);
    Py_DECREF(asked);
    if (answer == nullptr) {
        return false;
    }
    const std::size_t limit = PyLong_AsSize_t(answer);
    Py_DECREF(answer);
    if (limit == static_cast<std::size_t>(-1) && PyErr_Occurred()) {
        return false;
    }
    if (limit != blocks::info().limit) {
        blocks::limit(limit);
    }
    return true;
}

// Steals the descriptor, as NumPy's functions do.
PyObject* large(PyArray_Descr* descr, int ndim, const npy_intp* dims, const npy_intp* strides, bool fortran,
                std::size_t bytes) {
    if (!decided()) {
        Py_DECREF(descr);
        return nullptr;
    }
    if (bytes <= blocks::info().limit && handler_fault() == nullptr && handler_is_numpys() &&
        !PyDataType_REFCHK(descr)) {
        Py_INCREF(descr);
        PyObject* array = pooled_array(descr, ndim, dims, strides, fortran, bytes);
        if (array != nullptr || PyErr_Occurred()) {
            Py_DECREF(descr);
            return array;
        }
        Py_DECREF(descr);
    }
    return plain(descr, ndim, dims, strides, fortran);
}

#endif

// Steals the descriptor.
PyObject* fresh(PyArray_Descr* descr, int ndim, const npy_intp* dims, const npy_intp* strides, bool fortran,
                [[maybe_unused]] std::size_t least) {
#if EINROUTE_HAS_BLOCKS
    const std::size_t bytes = bytes_of(PyDataType_ELSIZE(descr), ndim, dims);
    if (bytes >= least) {
        return large(descr, ndim, dims, strides, fortran, bytes);
    }
#endif
    return plain(descr, ndim, dims, strides, fortran);
}

bool read_order(PyObject* given, bool& fortran) {
    const Py_UCS4 order =
        PyUnicode_Check(given) && PyUnicode_GET_LENGTH(given) == 1 ? PyUnicode_READ_CHAR(given, 0) : 0;
    fortran = order == 'F';
    if (order != 'F' && order != 'C') {
        PyErr_Format(PyExc_ValueError, "order is %R; expected 'C' or 'F'", given);
        return false;
    }
    return true;
}

PyObject* make(PyObject* const* args, Py_ssize_t count, std::size_t least) {
    if (count < 2 || count > 3) {
        PyErr_SetString(PyExc_TypeError, "expected a shape, a dtype and perhaps an order");
        return nullptr;
    }
    bool fortran = false;
    if (count == 3 && !read_order(args[2], fortran)) {
        return nullptr;
    }
    PyArray_Dims shape = {nullptr, 0};
    if (!PyArray_IntpConverter(args[0], &shape)) {
        return nullptr;
    }
    PyArray_Descr* descr = nullptr;
    PyObject* array = nullptr;
    if (PyArray_DescrConverter(args[1], &descr)) {
        array = fresh(descr, shape.len, shape.ptr, nullptr, fortran, least);
    }
    PyDimMem_FREE(shape.ptr);
    return array;
}

PyObject* make_result(PyObject*, PyObject* const* args, Py_ssize_t count) {
    return make(args, count, blocks::LARGE);
}

PyObject* make_intermediate(PyObject*, PyObject* const* args, Py_ssize_t count) {
    return make(args, count, blocks::BRIEF);
}

#if EINROUTE_HAS_BLOCKS

PyObject* keep(PyObject*, PyObject* given) {
    if (PyCallable_Check(given)) {
        Py_XSETREF(decide, Py_NewRef(given));
        Py_RETURN_NONE;
    }
    const std::size_t bytes = PyLong_AsSize_t(given);
    if (bytes == static_cast<std::size_t>(-1) && PyErr_Occurred()) {
        return nullptr;
    }
    Py_CLEAR(decide);
    blocks::limit(bytes);
    Py_RETURN_NONE;
}

PyObject* clear(PyObject*, PyObject*) {
    blocks::clear();
    Py_RETURN_NONE;
}

PyObject* info(PyObject*, PyObject*) {
    const blocks::Info found = blocks::info();
    return Py_BuildValue("nnn", Py_ssize_t(found.count), Py_ssize_t(found.bytes), Py_ssize_t(found.reused));
}

#else

PyObject* keep(PyObject*, PyObject*) {
    Py_RETURN_NONE;
}

PyObject* clear(PyObject*, PyObject*) {
    Py_RETURN_NONE;
}

PyObject* info(PyObject*, PyObject*) {
    return Py_BuildValue("iii", 0, 0, 0);
}

#endif

PyObject* fault(PyObject*, PyObject*) {
    const char* found = handler_fault();
    return PyUnicode_FromString(found == nullptr ? "" : found);
}

PyMethodDef methods[] = {
    {"empty", fast_method(make_result), METH_FASTCALL,
     "empty(shape, dtype, order='C', /)\n--\n\nnumpy.empty, of memory that is kept when it is large."},
    {"intermediate", fast_method(make_intermediate), METH_FASTCALL,
     "intermediate(shape, dtype, order='C', /)\n--\n\nThe same for what goes within the call that makes it: "
     "also where it is smaller."},
    {"keep", keep, METH_O,
     "keep(limit, /)\n--\n\nBytes of freed blocks that are kept, or what says so each time that a large "
     "array is "
     "made."},
    {"clear_kept", clear, METH_NOARGS, "clear_kept()\n--\n\nGive all freed blocks back to the system."},
    {"kept", info, METH_NOARGS,
     "kept()\n--\n\nFreed blocks that are kept, their bytes, and how often one was used again."},
    {"keep_fault", fault, METH_NOARGS, "keep_fault()\n--\n\nWhy no blocks are kept here; '' where they are."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

bool ready_pool([[maybe_unused]] npy_intp bytes) {
#if EINROUTE_HAS_BLOCKS
    return bytes < static_cast<npy_intp>(blocks::BRIEF) || decided();
#else
    return true;
#endif
}

PyObject* empty(int type, int ndim, const npy_intp* dims, const npy_intp* strides) {
    PyArray_Descr* descr = PyArray_DescrFromType(type);
    return descr == nullptr ? nullptr : fresh(descr, ndim, dims, strides, false, blocks::LARGE);
}

int add_pool(PyObject* module) {
    const long large = static_cast<long>(blocks::LARGE), brief = static_cast<long>(blocks::BRIEF);
    if (PyModule_AddIntConstant(module, "BRIEF_BYTES", brief) < 0) {
        return -1;
    }
    return PyModule_AddIntConstant(module, "LARGE_BYTES", large) < 0 ? -1
                                                                     : PyModule_AddFunctions(module, methods);
}

} // namespace einroute
