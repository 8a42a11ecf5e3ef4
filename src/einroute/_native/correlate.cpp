#include "correlate.hpp"

#include "correlation.hpp"
#include "float_status.hpp"
#include "pool.hpp"
#include "threads.hpp"

#include <atomic>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Products from which the GIL is released, and about as many in a block; results that a block is cut at.
constexpr double RELEASED = 1e5, BLOCK = 2e6;
constexpr ptrdiff_t CUT = 256;

struct Job {
    Correlation one;
    Correlate kernel;
    ptrdiff_t rings, by_ring, by_factors, by_out; // the stack, in bytes
    ptrdiff_t count, each, pieces;                // results of a ring, of a piece, and pieces of a ring
    std::atomic<int> status{0};
};

void correlate_piece(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    const ptrdiff_t ring = index / job.pieces, first = index % job.pieces * job.each;
    const ptrdiff_t last = first + job.each < job.count ? first + job.each : job.count;
    Correlation one = job.one;
    one.ring += ring * job.by_ring;
    one.factors += ring * job.by_factors;
    one.out += ring * job.by_out;
    clear_status();
    job.kernel(one, first, last);
    job.status |= read_status();
    clear_status();
}

Correlate kernel_of(int type) {
    const CorrelationKernels& all = correlation_kernels();
    switch (type) {
    case NPY_BOOL:
        return all.truth;
    case NPY_FLOAT:
        return all.single;
    case NPY_DOUBLE:
        return all.twice;
    case NPY_CFLOAT:
        return all.complex_single;
    case NPY_CDOUBLE:
        return all.complex_twice;
    default:
        break;
    }
    if (!PyTypeNum_ISINTEGER(type)) {
        return nullptr;
    }
    PyArray_Descr* descr = PyArray_DescrFromType(type);
    const npy_intp size = descr == nullptr ? 0 : PyDataType_ELSIZE(descr);
    Py_XDECREF(descr);
    return size == 1   ? all.int8
           : size == 2 ? all.int16
           : size == 4 ? all.int32
           : size == 8 ? all.int64
                       : nullptr;
}

// All rings of a stack; false with an exception set if a signal's handler raised one.
bool run(Job& job, int threads) {
    const double products = static_cast<double>(job.one.terms) * static_cast<double>(job.count);
    job.each = job.count;
    if (products > 2 * BLOCK) {
        const ptrdiff_t wanted = static_cast<ptrdiff_t>(BLOCK / static_cast<double>(job.one.terms)) + 1;
        job.each = (wanted + CUT - 1) / CUT * CUT;
    }
    job.pieces = (job.count + job.each - 1) / job.each;
    const long blocks = static_cast<long>(job.rings * job.pieces);
    if (products * static_cast<double>(job.rings) >= RELEASED) {
        return run_blocks(blocks, threads, correlate_piece, &job);
    }
    for (long i = 0; i < blocks; ++i) {
        correlate_piece(&job, i);
    }
    return true;
}

PyObject* correlate(PyObject*, PyObject* const* args, Py_ssize_t given) {
    const char* const expected =
        "expected rings and factors of one dtype, both (n,) or (stack, n), rings without gaps and not empty; "
        "count, step, first and threads, ints; told, a bool";
    if (given != 7 || !PyArray_Check(args[0]) || !PyArray_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, expected);
        return nullptr;
    }
    PyArrayObject* ring = reinterpret_cast<PyArrayObject*>(args[0]);
    PyArrayObject* factors = reinterpret_cast<PyArrayObject*>(args[1]);
    ptrdiff_t number[4];
    for (int i = 0; i < 4; ++i) {
        number[i] = PyLong_AsSsize_t(args[2 + i]);
        if (number[i] == -1 && PyErr_Occurred()) {
            return nullptr;
        }
    }
    const int ndim = PyArray_NDIM(ring), type = PyArray_TYPE(ring), last = ndim - 1;
    const Correlate kernel = kernel_of(type);
    const bool fits =
        kernel != nullptr && (ndim == 1 || ndim == 2) && PyArray_NDIM(factors) == ndim &&
        kernel_of(PyArray_TYPE(factors)) == kernel && PyArray_ISNOTSWAPPED(ring) &&
        PyArray_ISNOTSWAPPED(factors) && PyArray_DIM(ring, last) > 0 && number[0] >= 0 &&
        (PyArray_STRIDE(ring, last) == PyArray_ITEMSIZE(ring) || PyArray_DIM(ring, last) == 1) &&
        (ndim == 1 || PyArray_DIM(ring, 0) == PyArray_DIM(factors, 0));
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, expected);
        return nullptr;
    }
    const npy_intp length = PyArray_DIM(ring, last);
    const npy_intp shape[2] = {ndim == 2 ? PyArray_DIM(ring, 0) : number[0], number[0]};
    PyObject* made = empty(type, ndim, shape, nullptr);
    if (made == nullptr) {
        return nullptr;
    }
    PyArrayObject* out = reinterpret_cast<PyArrayObject*>(made);
    const auto around = [length](ptrdiff_t n) { return n % length < 0 ? n % length + length : n % length; };
    const ptrdiff_t forwards = around(number[1]); // or backwards, where that is the shorter way
    Job job;
    job.one = {PyArray_BYTES(ring),
               length,
               around(number[2]),
               2 * forwards > length ? forwards - length : forwards,
               PyArray_BYTES(factors),
               PyArray_DIM(factors, last),
               PyArray_STRIDE(factors, last),
               PyArray_BYTES(out)};
    job.kernel = kernel;
    job.count = number[0];
    job.rings = ndim == 2 ? shape[0] : 1;
    job.by_ring = ndim == 2 ? PyArray_STRIDE(ring, 0) : 0;
    job.by_factors = ndim == 2 ? PyArray_STRIDE(factors, 0) : 0;
    job.by_out = ndim == 2 ? PyArray_STRIDE(out, 0) : 0;
    if (PyArray_SIZE(out) != 0 && !run(job, static_cast<int>(number[3]))) {
        Py_DECREF(made);
        return nullptr;
    }
    if ((job.status & (OVERFLOWED | INVALID)) != 0 && args[6] == Py_True) {
        Py_DECREF(made);
        Py_RETURN_NONE;
    }
    return made;
}

PyMethodDef methods[] = {
    {"correlate", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(correlate)), METH_FASTCALL,
     "correlate(rings, factors, count, step, first, threads, told, /)\n--\n\nThe sums over j of factors[j] * "
     "ring[(first + i + step*j) % len(ring)] for i below count, in new arrays.\nNone where told is True and "
     "a "
     "sum overflowed, or was of infinities of both signs, or a product of infinity and 0."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_correlate(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
