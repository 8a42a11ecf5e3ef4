#include "handler.hpp"

#include "blocks.hpp"

#include <cstddef>
#include <cstdint>

namespace einroute {

#if EINROUTE_HAS_BLOCKS

// Python's header declares them as C++ up to 3.12.
extern "C" {
int einroute_track(unsigned domain, std::uintptr_t data, std::size_t size) __asm__("PyTraceMalloc_Track");
int einroute_untrack(unsigned domain, std::uintptr_t data) __asm__("PyTraceMalloc_Untrack");
}

namespace {

constexpr unsigned DOMAIN = 389047; // NumPy's, in which tracemalloc knows its arrays

void* handler_malloc(void*, std::size_t size) {
    return blocks::allocate(size);
}

void* handler_calloc(void*, std::size_t count, std::size_t size) {
    return size != 0 && count > SIZE_MAX / size ? nullptr : blocks::allocate_zeroed(count * size);
}

void* handler_realloc(void*, void* data, std::size_t size) {
    return blocks::reallocate(data, size);
}

void handler_free(void*, void* data, std::size_t) {
    blocks::release(data);
}

PyDataMem_Handler handler = {
    "einroute_pool",
    1,
    {nullptr, handler_malloc, handler_calloc, handler_realloc, handler_free},
};

PyObject* capsule = nullptr; // lives as long as the process: arrays may outlast the module

PyObject*& handler_of(PyObject* array) {
    return reinterpret_cast<PyArrayObject_fields*>(array)->mem_handler;
}

// Whether a new array of NumPy's names this handler where we think it does.
bool named(PyObject* expected, void* data) {
    npy_intp size = 8;
    PyObject* array = data == nullptr ? PyArray_SimpleNew(1, &size, NPY_DOUBLE)
                                      : PyArray_SimpleNewFromData(1, &size, NPY_DOUBLE, data);
    const bool found = array != nullptr && handler_of(array) == expected;
    Py_XDECREF(array);
    return found;
}

// Whether an array made under our handler names it, and frees by it.
bool frees() {
    const std::size_t before = blocks::info().freed;
    PyObject* theirs = PyDataMem_SetHandler(capsule);
    if (theirs == nullptr) {
        return false;
    }
    const bool good = named(capsule, nullptr);
    PyObject* ours = PyDataMem_SetHandler(theirs);
    Py_XDECREF(ours);
    Py_DECREF(theirs);
    return good && ours != nullptr && blocks::info().freed == before + 1;
}

// The field of an array that names its handler is in NumPy's public header, which says that it may move: it
// has to hold three things that are known in three arrays before anything is written to it.
const char* tried() {
    if (PyArray_Type.tp_basicsize <
        Py_ssize_t(offsetof(PyArrayObject_fields, mem_handler) + sizeof(PyObject*))) {
        return "arrays name no memory handler";
    }
    capsule = PyCapsule_New(&handler, "mem_handler", nullptr);
    PyObject* current = PyDataMem_GetHandler();
    double data[8];
    const bool good = capsule != nullptr && current != nullptr && named(current, nullptr) &&
                      named(nullptr, data) && frees();
    Py_XDECREF(current);
    PyErr_Clear();
    return good ? nullptr : "arrays of this NumPy name their memory handler elsewhere";
}

} // namespace

const char* handler_fault() {
    static const char* const fault = tried();
    return fault;
}

bool handler_is_numpys() {
    PyObject* current = PyDataMem_GetHandler();
    if (current == nullptr) {
        PyErr_Clear();
        return false;
    }
    Py_DECREF(current);
    return current == PyDataMem_DefaultHandler;
}

PyObject* pooled_array(PyArray_Descr* descr, int ndim, const npy_intp* dims, const npy_intp* strides,
                       bool fortran, std::size_t bytes) {
    void* data = blocks::allocate_block(bytes);
    if (data == nullptr) {
        return nullptr;
    }
    einroute_track(DOMAIN, reinterpret_cast<std::uintptr_t>(data), bytes);
    PyObject* array = PyArray_NewFromDescr(&PyArray_Type, descr, ndim, dims, strides, data,
                                           fortran ? NPY_ARRAY_FARRAY : NPY_ARRAY_CARRAY, nullptr);
    if (array == nullptr) {
        einroute_untrack(DOMAIN, reinterpret_cast<std::uintptr_t>(data));
        blocks::release(data);
        return nullptr;
    }
    handler_of(array) = Py_NewRef(capsule);
    PyArray_ENABLEFLAGS(reinterpret_cast<PyArrayObject*>(array), NPY_ARRAY_OWNDATA);
    return array;
}

#else

const char* handler_fault() {
    return "blocks are kept on Linux";
}

bool handler_is_numpys() {
    return false;
}

PyObject* pooled_array(PyArray_Descr*, int, const npy_intp*, const npy_intp*, bool, std::size_t) {
    return nullptr;
}

#endif

} // namespace einroute
