#include "network.hpp"

#include "blocks.hpp"
#include "network_object.hpp"

#include <cstddef>
#include <new>

namespace einroute {

namespace {

// Products from which the GIL is released, as of one product.
constexpr double RELEASED = 20000;
constexpr std::size_t ALIGNMENT = 64;

bool is_aligned(const void* data, std::ptrdiff_t item) {
    return reinterpret_cast<std::uintptr_t>(data) % static_cast<std::uintptr_t>(item < 16 ? item : 16) == 0;
}

// Whether an argument is an array of the dtype and the shape that an operand has.
bool fits(const Network* self, PyObject* given, const npy_intp* shape, int ndim) {
    if (!PyArray_CheckExact(given)) {
        return false;
    }
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(given);
    if (PyArray_NDIM(x) != ndim || !PyArray_CompareLists(PyArray_DIMS(x), shape, ndim)) {
        return false;
    }
    const int type = PyArray_TYPE(x);
    return (type == self->type || PyArray_EquivTypenums(type, self->type)) && PyArray_ISNOTSWAPPED(x);
}

// Memory of one run: from the pool where it is large, so that a repeated call finds it with its pages.
class Memory {
  public:
    explicit Memory(std::size_t size) {
#if EINROUTE_HAS_BLOCKS
        pooled_ = size >= blocks::BRIEF && size <= blocks::info().limit;
        if (pooled_) {
            data_ = blocks::allocate_block(size + ALIGNMENT);
            return;
        }
#endif
        data_ = PyMem_RawMalloc(size + ALIGNMENT);
    }
    ~Memory() {
#if EINROUTE_HAS_BLOCKS
        if (pooled_) {
            blocks::release(data_);
            return;
        }
#endif
        PyMem_RawFree(data_);
    }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    // Aligned; null where memory is short.
    char* data() const {
        const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(data_);
        return data_ == nullptr ? nullptr
                                : reinterpret_cast<char*>((at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    }

  private:
    void* data_ = nullptr;
    bool pooled_ = false;
};

std::size_t rounded(std::size_t size) {
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

// What a run knows of Python: the thread's state while the GIL is released.
struct Released {
    PyThreadState* state;
};

bool look_for_signals(void* context) {
    Released& released = *static_cast<Released*>(context);
    if (released.state != nullptr) {
        PyEval_RestoreThread(released.state);
    }
    const bool good = PyErr_CheckSignals() == 0;
    released.state = good && released.state != nullptr ? PyEval_SaveThread() : nullptr;
    return good;
}

// The operands' addresses; those that do not lie in C order, aligned, are copied to `copies` first.
void address(const Network* self, PyObject* const* args, const char** to, char* copies) {
    const NetworkProgram& p = *self->program;
    const std::ptrdiff_t item = item_size(p.element);
    for (std::size_t i = 0; i < p.given.size(); ++i) {
        PyArrayObject* x = reinterpret_cast<PyArrayObject*>(args[i]);
        if (PyArray_IS_C_CONTIGUOUS(x) && is_aligned(PyArray_DATA(x), item)) {
            to[i] = PyArray_BYTES(x);
            continue;
        }
        const int ndim = PyArray_NDIM(x);
        npy_intp strides[NPY_MAXDIMS];
        npy_intp reach = item;
        for (int d = ndim - 1; d >= 0; --d) {
            strides[d] = reach;
            reach *= PyArray_DIM(x, d);
        }
        copy_strided(ndim, PyArray_DIMS(x), item, PyArray_BYTES(x), PyArray_STRIDES(x), copies, strides);
        to[i] = copies;
        copies += reach;
    }
}

// Bytes of the operands that have to be copied first.
std::size_t bytes_copied(const Network* self, PyObject* const* args) {
    const NetworkProgram& p = *self->program;
    const std::ptrdiff_t item = item_size(p.element);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < p.given.size(); ++i) {
        PyArrayObject* x = reinterpret_cast<PyArrayObject*>(args[i]);
        if (!PyArray_IS_C_CONTIGUOUS(x) || !is_aligned(PyArray_DATA(x), item)) {
            bytes += static_cast<std::size_t>(p.given[i] * item);
        }
    }
    return bytes;
}

bool report(const Network* self, int flags) {
    if (flags == 0 || self->report == Py_None) {
        return true;
    }
    PyObject* told = PyObject_CallFunction(self->report, "i", flags);
    Py_XDECREF(told);
    return told != nullptr;
}

// Runs the program on operands that fit, into an array of the result's shape.
bool run_into(const Network* self, PyObject* const* args, PyArrayObject* out) {
    const NetworkProgram& p = *self->program;
    const std::ptrdiff_t item = item_size(p.element);
    const bool direct = p.direct && PyArray_IS_C_CONTIGUOUS(out) && is_aligned(PyArray_DATA(out), item);
    const std::size_t addresses = rounded(p.given.size() * sizeof(const char*));
    const std::size_t work = rounded(p.work), buffer = rounded(static_cast<std::size_t>(p.size));
    const Memory memory(addresses + work + buffer + bytes_copied(self, args));
    char* at = memory.data();
    if (at == nullptr) {
        PyErr_NoMemory();
        return false;
    }
    const char** operands = reinterpret_cast<const char**>(at);
    char *scratch = at + addresses, *intermediates = scratch + work;
    address(self, args, operands, intermediates + buffer);
    Released released{p.products >= RELEASED ? PyEval_SaveThread() : nullptr};
    int flags;
    const bool ended =
        !run_network(p, operands, intermediates, scratch, direct ? PyArray_BYTES(out) : nullptr, flags,
                     look_for_signals, &released);
    if (!ended && !direct) {
        const char* from = p.result_at < 0 ? operands[-1 - p.result_at] : intermediates + p.result_at;
        copy_strided(p.result.ndim, p.result.size.data(), item, from, p.result.stride.data(),
                     PyArray_BYTES(out), PyArray_STRIDES(out));
    }
    if (released.state != nullptr) {
        PyEval_RestoreThread(released.state);
    }
    return !ended && report(self, flags);
}

bool all_fit(const Network* self, PyObject* const* args, Py_ssize_t count) {
    const std::size_t wanted = self->program->given.size();
    if (static_cast<std::size_t>(count) != wanted) {
        return false;
    }
    const npy_intp* shape = self->shapes->data();
    for (std::size_t i = 0; i < wanted; shape += (*self->ndims)[i++]) {
        if (!fits(self, args[i], shape, (*self->ndims)[i])) {
            return false;
        }
    }
    return true;
}

PyObject* fresh_result(const Network* self, PyObject* const* args) {
    const Seen& result = self->program->result;
    PyObject* out = empty(self->type, result.ndim, result.size.data(), nullptr);
    if (out != nullptr && !run_into(self, args, reinterpret_cast<PyArrayObject*>(out))) {
        Py_CLEAR(out);
    }
    return out;
}

} // namespace

PyObject* call_network(PyObject* object, PyObject* const* args, size_t nargsf, PyObject* names) {
    const Network* self = reinterpret_cast<Network*>(object);
    const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    const Py_ssize_t keywords = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
    if (keywords > 1 ||
        (keywords == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "out") != 0)) {
        PyErr_SetString(PyExc_TypeError, "expected the operands and perhaps out=");
        return nullptr;
    }
    if (!all_fit(self, args, count)) {
        PyErr_Format(PyExc_ValueError,
                     "expected %zd arrays of the shapes and the dtype that the network was bound for",
                     static_cast<Py_ssize_t>(self->program->given.size()));
        return nullptr;
    }
    PyObject* out = keywords == 1 ? args[count] : Py_None;
    if (out == Py_None) {
        return fresh_result(self, args);
    }
    const Seen& result = self->program->result;
    if (!fits(self, out, result.size.data(), result.ndim)) {
        PyErr_SetString(PyExc_ValueError, "out has another shape or dtype than the result");
        return nullptr;
    }
    if (PyArray_FailUnlessWriteable(reinterpret_cast<PyArrayObject*>(out), "out") < 0 ||
        !run_into(self, args, reinterpret_cast<PyArrayObject*>(out))) {
        return nullptr;
    }
    return Py_NewRef(out);
}

PyObject* attempt_network(PyObject* object, PyObject* const* args, Py_ssize_t count) {
    const Network* self = reinterpret_cast<Network*>(object);
    return all_fit(self, args, count) ? fresh_result(self, args) : Py_NewRef(Py_NotImplemented);
}

} // namespace einroute
