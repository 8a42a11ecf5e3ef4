#include "network.hpp"

#include "array_arguments.hpp"
#include "blocks.hpp"
#include "network_object.hpp"
#include "object.hpp"
#include "pool.hpp"

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

// Memory of one run: from the pool where it is large, so that a repeated call finds it with its pages.
class Workspace {
  public:
    explicit Workspace(std::size_t size) {
#if EINROUTE_HAS_BLOCKS
        pooled_ = size >= blocks::BRIEF && size <= blocks::info().limit;
        if (pooled_) {
            data_ = blocks::allocate_block(size + ALIGNMENT);
            return;
        }
#endif
        data_ = PyMem_RawMalloc(size + ALIGNMENT);
    }
    ~Workspace() {
#if EINROUTE_HAS_BLOCKS
        if (pooled_) {
            blocks::release(data_);
            return;
        }
#endif
        PyMem_RawFree(data_);
    }
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

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
void address(const Network& self, PyObject* const* args, const char** to, char* copies) {
    const NetworkProgram& p = self.program;
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
std::size_t bytes_copied(const Network& self, PyObject* const* args) {
    const NetworkProgram& p = self.program;
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

// Runs the program on operands that fit, into an array of the result's shape.
bool run_into(const Network& self, PyObject* const* args, PyArrayObject* out, int& flags) {
    const NetworkProgram& p = self.program;
    const std::ptrdiff_t item = item_size(p.element);
    const bool direct = p.direct && PyArray_IS_C_CONTIGUOUS(out) && is_aligned(PyArray_DATA(out), item);
    const std::size_t addresses = rounded(p.given.size() * sizeof(const char*));
    const std::size_t work = rounded(p.work), buffer = rounded(static_cast<std::size_t>(p.size));
    const Workspace memory(addresses + work + buffer + bytes_copied(self, args));
    char* at = memory.data();
    if (at == nullptr) {
        PyErr_NoMemory();
        return false;
    }
    const char** operands = reinterpret_cast<const char**>(at);
    char *scratch = at + addresses, *intermediates = scratch + work;
    address(self, args, operands, intermediates + buffer);
    Released released{p.products >= RELEASED ? PyEval_SaveThread() : nullptr};
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
    return !ended;
}

bool is_operand(const Network& self, PyObject* given, int i) {
    const npy_intp begin = self.begins[i], end = self.begins[i + 1];
    return PyArray_CheckExact(given) && is_like(reinterpret_cast<PyArrayObject*>(given), self.type,
                                                static_cast<int>(end - begin), self.shapes.data() + begin);
}

bool all_fit(const Network& self, PyObject* const* args) {
    const int count = self.operands();
    for (int i = 0; i < count; ++i) {
        if (!is_operand(self, args[i], i)) {
            return false;
        }
    }
    return true;
}

} // namespace

PyObject* Network::fresh() const {
    return empty(type, program.result.ndim, program.result.size.data(), nullptr);
}

bool Network::fits(PyObject* x, int operand) const {
    if (is_operand(*this, x, operand)) {
        return true;
    }
    PyErr_Format(PyExc_ValueError,
                 "operand %d is no numpy.ndarray of the shape and dtype that the network was bound for",
                 operand);
    return false;
}

bool Network::fits_result(PyObject* x) const {
    return is_expected(x, type, program.result.ndim, program.result.size.data(), "out");
}

bool Network::run(const Given& given, PyArrayObject* out, int& flags) const {
    return run_into(*this, given.arrays(), out, flags);
}

PyObject* call_network(PyObject* object, PyObject* const* args, size_t nargsf, PyObject* names) {
    const Network& self = state_of<Network>(object);
    const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    if (count != self.operands()) { // `out` has to be named
        PyErr_Format(PyExc_ValueError, "%zd operands; the network was bound for %d", count, self.operands());
        return nullptr;
    }
    return call_told<Given>(self, args, count, names);
}

PyObject* attempt_network(PyObject* object, PyObject* const* args, Py_ssize_t count) {
    const Network& self = state_of<Network>(object);
    if (count != self.operands() || !all_fit(self, args)) {
        return Py_NewRef(Py_NotImplemented);
    }
    Held out(self.fresh());
    if (!out) {
        return nullptr;
    }
    if (!all_fit(self, args)) { // what says how much memory is kept may run anything
        return Py_NewRef(Py_NotImplemented);
    }
    int flags = 0;
    const bool good = run_into(self, args, out.array(), flags) && tell(self.report.object, flags);
    return good ? out.release() : nullptr;
}

} // namespace einroute
