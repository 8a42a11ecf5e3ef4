#include "difference_sums.hpp"

#include "float_status.hpp"
#include "held_numbers.hpp"
#include "pair_job.hpp"
#include "pool.hpp"
#include "threads.hpp"

#include <utility>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Products from which blocks are shared.
constexpr double RELEASED = 100e3;

// Blocks, shared if there is much to do; false with an exception set if a signal's handler raised one.
bool share(PairJob& job, ptrdiff_t count, int threads, bool much, Block block) {
    if (much) {
        return run_blocks(static_cast<long>(count), threads, block, &job);
    }
    for (ptrdiff_t index = 0; index < count; ++index) {
        block(&job, static_cast<long>(index));
    }
    return true;
}

bool run(PairJob& job, int threads) {
    const PairPoints& p = job.points;
    if (!job.weighed) {
        job.failed = job.asked.rows && !alike_rows(job);
        return true;
    }
    if (!prepare_pairs(job)) {
        job.failed = true;
        return true;
    }
    const PairsAsked& asked = job.asked;
    const double pairs = static_cast<double>(p.n) * static_cast<double>(p.m),
                 features = static_cast<double>(p.features);
    const bool much = pairs * (asked.direct() || asked.products() ? features + 3 : 3) >= RELEASED;
    bool heard = true;
    const auto then = [&](ptrdiff_t count, int most, bool shared, Block block) {
        heard = heard && (job.failed || share(job, count, most, shared, block));
    };
    if (asked.by_blas) {
        then(1, 1, pairs >= RELEASED, prepare_products);
    }
    then(pair_blocks(job), threads, much, block_of_rows);
    // BLAS has threads of its own.
    if (asked.by_blas && asked.rows) {
        const ptrdiff_t each = multiplied_block(job);
        then((p.n + each - 1) / each, 1, pairs * features >= RELEASED, multiplied_rows);
    } else if (asked.by_blas) {
        job.made = numbers(p.n * p.features);
        job.failed = job.failed || !job.made;
        then(1, 1, pairs * features >= RELEASED, multiply_points);
    }
    if (heard && !asked.direct()) {
        join_columns(job);
    }
    return heard;
}

// Numbers of a type, times a sign; whether all are finite. Lanes side by side, since each waits for the one
// before.
template <class R> bool cast(const double* __restrict from, npy_intp count, double sign, R* __restrict to) {
    constexpr npy_intp LANES = 16;
    R lost[LANES] = {}; // of finite numbers zero, else nan
    npy_intp i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (npy_intp lane = 0; lane < LANES; ++lane) {
            const R value = static_cast<R>(sign * from[i + lane]);
            to[i + lane] = value;
            lost[lane] += value * 0;
        }
    }
    for (; i < count; ++i) {
        to[i] = static_cast<R>(sign * from[i]);
        lost[0] += to[i] * 0;
    }
    R all = 0;
    for (const R one : lost) {
        all += one;
    }
    return all == 0;
}

// A fresh array of a type; null with an exception set, or without one where a number is not finite.
PyObject* handed_over(const double* made, int ndim, const npy_intp* dims, ptrdiff_t step, double sign,
                      int type) {
    PyObject* array = empty(type, ndim, dims, nullptr);
    if (array == nullptr) {
        return nullptr;
    }
    const npy_intp rows = ndim > 0 ? dims[0] : 1, width = ndim == 2 ? dims[1] : 1;
    const bool whole = step == width;
    char* to = PyArray_BYTES(reinterpret_cast<PyArrayObject*>(array));
    bool finite = true;
    const npy_intp count = whole ? rows * width : width;
    for (npy_intp i = 0; i < (whole ? 1 : rows); ++i) {
        const double* from = made + i * step;
        const bool good = type == NPY_FLOAT
                              ? cast(from, count, sign, reinterpret_cast<float*>(to) + i * width)
                              : cast(from, count, sign, reinterpret_cast<double*>(to) + i * width);
        finite = finite && good;
    }
    if (!finite) {
        Py_CLEAR(array);
    }
    return array;
}

PyObject* none_if_clear(PyObject* made) {
    if (made == nullptr && !PyErr_Occurred()) {
        Py_RETURN_NONE;
    }
    return made;
}

// What the sums of products of different features are made of.
PyObject* moments(const PairJob& job) {
    const PairPoints& p = job.points;
    const npy_intp left[] = {p.n, p.features}, right[] = {p.m, p.features};
    PyObject* parts[] = {handed_over(p.near_x.get(), 2, left, p.features, 1, NPY_DOUBLE),
                         handed_over(p.near_rows.get(), 2, right, p.features, 1, NPY_DOUBLE), nullptr,
                         nullptr, nullptr};
    if (job.weighed) {
        parts[2] = handed_over(job.row_weight.get(), 1, left, 1, 1, NPY_DOUBLE);
        parts[3] = handed_over(job.by_column.get(), 1, right, 1, 1, NPY_DOUBLE);
        parts[4] = handed_over(job.made.get(), 2, left, job.width, 1, NPY_DOUBLE);
    } else {
        parts[2] = handed_over(job.first.get(), 1, left + 1, 1, 1, NPY_DOUBLE);
        parts[3] = handed_over(job.second.get(), 1, left + 1, 1, 1, NPY_DOUBLE);
        parts[4] = Py_NewRef(Py_None);
    }
    PyObject* made = nullptr;
    if (parts[0] && parts[1] && parts[2] && parts[3] && parts[4]) {
        made = PyTuple_Pack(5, parts[0], parts[1], parts[2], parts[3], parts[4]);
    }
    for (PyObject* part : parts) {
        Py_XDECREF(part);
    }
    return none_if_clear(made);
}

PyObject* result(PairJob& job, double sign, int type) {
    const PairPoints& p = job.points;
    if (job.asked.rows) {
        const npy_intp dims[] = {p.n, p.features};
        return none_if_clear(
            handed_over(job.made.get(), job.asked.total ? 1 : 2, dims, job.width, sign, type));
    }
    const Numbers sums = numbers(p.features);
    const bool direct = job.weighed && job.asked.direct();
    for (ptrdiff_t k = 0; sums && direct && k < job.width; ++k) {
        sums[k] = sum_of(job.made.get() + k, p.n, job.width);
    }
    if (!sums || (!direct && !(job.weighed ? all_pairs : alike_pairs)(job, sums.get()))) {
        return PyErr_NoMemory();
    }
    clear_status();
    if (job.lost) {
        Py_RETURN_NONE;
    }
    if (job.asked.power == CROSSED) {
        return moments(job);
    }
    npy_intp dims[] = {p.features};
    if (job.asked.total) {
        sums[0] = sum_of(sums.get(), direct ? 1 : p.features, 1);
    }
    return none_if_clear(handed_over(sums.get(), job.asked.total ? 0 : 1, dims, 1, sign, type));
}

bool read_weights(PyObject* given, PyObject*& held, Weights& w) {
    if (given == Py_None) {
        return true;
    }
    if (!PyArray_Check(given)) {
        PyErr_SetString(PyExc_TypeError, "the weights are no array");
        return false;
    }
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(given);
    const int type = PyArray_TYPE(x);
    if ((type == NPY_DOUBLE || type == NPY_FLOAT) && PyArray_ISBEHAVED_RO(x)) {
        Py_INCREF(given);
        held = given;
    } else {
        held = PyArray_FROM_OTF(given, NPY_DOUBLE, NPY_ARRAY_CARRAY_RO);
    }
    if (held == nullptr) {
        return false;
    }
    x = reinterpret_cast<PyArrayObject*>(held);
    if (PyArray_NDIM(x) != 2) {
        PyErr_Format(PyExc_ValueError, "the weights have %d axes, expected 2", PyArray_NDIM(x));
        return false;
    }
    w.data = PyArray_BYTES(x);
    w.rows = PyArray_DIM(x, 0);
    w.columns = PyArray_DIM(x, 1);
    w.down = PyArray_STRIDE(x, 0);
    w.across = PyArray_STRIDE(x, 1);
    w.single = PyArray_TYPE(x) == NPY_FLOAT;
    return true;
}

PyObject* summed(const HeldNumbers& x, const HeldNumbers& y, PairJob& job, double sign, int type,
                 int threads) {
    PairPoints& p = job.points;
    p.n = x.length(0);
    p.m = y.length(0);
    p.features = x.length(1);
    if (p.n == 0 || p.m == 0 || p.features == 0 || y.length(1) != p.features ||
        (job.weighed && (job.weights.rows != p.n || job.weights.columns != p.m))) {
        PyErr_SetString(PyExc_ValueError,
                        "expected points x (n, features), y (m, features) and weights (n, m), "
                        "none of them empty");
        return nullptr;
    }
    p.x = x.data();
    job.threads = threads;
    job.single = type == NPY_FLOAT;
    job.asked.by_blas = job.asked.by_blas && job.weighed && blas_takes(job);
    p.rows_y = y.data();
    p.padded = (p.m + PAIR_LANES - 1) / PAIR_LANES * PAIR_LANES;
    // All features are summed at once, but where sums of all pairs are made of each one's.
    job.width = job.asked.total && job.weighed && (job.asked.rows || job.asked.direct()) ? 1 : p.features;
    if (!(job.weighed && job.asked.direct()) &&
        !centre(p, job.asked.multiplied() || (!job.weighed && job.asked.rows),
                !(job.weighed && job.asked.rows))) {
        return PyErr_NoMemory();
    }
    if (!run(job, threads)) {
        return nullptr;
    }
    return job.failed ? PyErr_NoMemory() : result(job, sign, type);
}

PyObject* difference_sums(PyObject*, PyObject* args) {
    PyObject *given_x, *given_y, *given_w, *held = nullptr;
    PairJob job;
    int rows, total, turned, by_blas, type, threads;
    if (!PyArg_ParseTuple(args, "OOOippppii:difference_sums", &given_x, &given_y, &given_w, &job.asked.power,
                          &rows, &total, &turned, &by_blas, &type, &threads)) {
        return nullptr;
    }
    job.asked.by_blas = by_blas != 0;
    job.asked.rows = rows != 0;
    job.asked.total = total != 0;
    if (job.asked.power < LINEAR || job.asked.power > CROSSED || (type != NPY_FLOAT && type != NPY_DOUBLE) ||
        (job.asked.power == CROSSED && rows) || (job.asked.power == LINEAR && total)) {
        PyErr_SetString(PyExc_ValueError, "no such sums");
        return nullptr;
    }
    const HeldNumbers first(given_x, 2), second(given_y, 2);
    const HeldNumbers *x = &first, *y = &second;
    PyObject* made = nullptr;
    if (x->good() && y->good() && read_weights(given_w, held, job.weights)) {
        job.weighed = held != nullptr;
        if (!rows && job.weights.columnwise() && !job.weights.rowwise()) {
            // Sums of all pairs are those of the others' differences: rows of weights lie so.
            std::swap(x, y);
            std::swap(job.weights.rows, job.weights.columns);
            std::swap(job.weights.down, job.weights.across);
            turned = !turned;
        }
        made = summed(*x, *y, job, turned && job.asked.power == LINEAR ? -1 : 1, type, threads);
    }
    Py_XDECREF(held);
    return made;
}

PyMethodDef methods[] = {
    {"difference_sums", difference_sums, METH_VARARGS,
     "difference_sums(x, y, w, power, rows, total, turned, by_blas, type, threads, /)\n--\n\nSums over pairs "
     "of w d, "
     "w d**2, or what those of w d d' are made of: points centred, sums of weights, and w y.\nFor each row "
     "or "
     "for all, over all features or each; None where they are not finite, or lose too much."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_difference_sums(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
