#include "difference_sums.hpp"

#include "float_status.hpp"
#include "pair_job.hpp"
#include "threads.hpp"

#include <cmath>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Products from which blocks are shared.
constexpr double RELEASED = 100e3;

bool run(PairJob& job, int threads) {
    const PairPoints& p = job.points;
    if (!job.weighed) {
        job.failed = !alike_rows(job);
        return true;
    }
    const ptrdiff_t blocks = pair_blocks(job);
    const double work = static_cast<double>(p.n) * static_cast<double>(p.m) *
                        static_cast<double>(job.asked.products() ? job.width + 3 : 3);
    bool heard = true;
    if (work < RELEASED) {
        for (ptrdiff_t index = 0; index < blocks; ++index) {
            block_of_rows(&job, static_cast<long>(index));
        }
    } else {
        heard = run_blocks(static_cast<long>(blocks), threads, block_of_rows, &job);
    }
    if (heard && !job.asked.rows) {
        join_columns(job);
    }
    return heard;
}

// A fresh array of a type; null with an exception set, or without one where a number is not finite.
PyObject* handed_over(const double* made, int ndim, const npy_intp* dims, ptrdiff_t step, double sign,
                      int type) {
    PyObject* array = PyArray_SimpleNew(ndim, dims, type);
    if (array == nullptr) {
        return nullptr;
    }
    PyArrayObject* out = reinterpret_cast<PyArrayObject*>(array);
    const npy_intp size = PyArray_SIZE(out), row = ndim > 0 ? dims[ndim - 1] : 1;
    const npy_intp width = ndim == 2 ? row : 1;
    bool finite = true;
    for (npy_intp at = 0; at < size; ++at) {
        const double value = sign * made[ndim == 2 ? at / width * step + at % width : at * step];
        if (type == NPY_FLOAT) {
            const float single = static_cast<float>(value);
            finite = finite && std::isfinite(single);
            static_cast<float*>(PyArray_DATA(out))[at] = single;
        } else {
            finite = finite && std::isfinite(value);
            static_cast<double*>(PyArray_DATA(out))[at] = value;
        }
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
    const npy_intp points[] = {p.n, p.features}, others[] = {p.features, p.padded};
    PyObject* parts[] = {handed_over(p.near_x.get(), 2, points, p.features, 1, NPY_DOUBLE),
                         handed_over(p.near_y.get(), 2, others, p.padded, 1, NPY_DOUBLE),
                         handed_over(job.row_weight.get(), 1, points, 1, 1, NPY_DOUBLE),
                         handed_over(job.by_column.get(), 1, others + 1, 1, 1, NPY_DOUBLE),
                         handed_over(job.made.get(), 2, points, job.width, 1, NPY_DOUBLE)};
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
    if (!sums || !all_pairs(job, sums.get())) {
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
        sums[0] = sum_of(sums.get(), p.features, 1);
    }
    return none_if_clear(handed_over(sums.get(), job.asked.total ? 0 : 1, dims, 1, sign, type));
}

PyArrayObject* as_numbers(PyObject* x) {
    return reinterpret_cast<PyArrayObject*>(PyArray_FROMANY(x, NPY_DOUBLE, 2, 2, NPY_ARRAY_CARRAY_RO));
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

PyObject* summed(PyArrayObject* x, PyArrayObject* y, PairJob& job, double sign, int type, int threads) {
    PairPoints& p = job.points;
    p.n = PyArray_DIM(x, 0);
    p.m = PyArray_DIM(y, 0);
    p.features = PyArray_DIM(x, 1);
    if (p.n == 0 || p.m == 0 || p.features == 0 || PyArray_DIM(y, 1) != p.features ||
        (job.weighed && (job.weights.rows != p.n || job.weights.columns != p.m))) {
        PyErr_SetString(PyExc_ValueError,
                        "expected points x (n, features), y (m, features) and weights (n, m), "
                        "none of them empty");
        return nullptr;
    }
    if (!prepare_pairs(job, static_cast<const double*>(PyArray_DATA(x)),
                       static_cast<const double*>(PyArray_DATA(y)))) {
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
    int rows, total, turned, type, threads;
    if (!PyArg_ParseTuple(args, "OOOipppii:difference_sums", &given_x, &given_y, &given_w, &job.asked.power,
                          &rows, &total, &turned, &type, &threads)) {
        return nullptr;
    }
    job.asked.rows = rows != 0;
    job.asked.total = total != 0;
    if (job.asked.power < LINEAR || job.asked.power > CROSSED || (type != NPY_FLOAT && type != NPY_DOUBLE) ||
        (job.asked.power == CROSSED && rows) || (job.asked.power == LINEAR && total)) {
        PyErr_SetString(PyExc_ValueError, "no such sums");
        return nullptr;
    }
    PyArrayObject* x = as_numbers(given_x);
    PyArrayObject* y = x == nullptr ? nullptr : as_numbers(given_y);
    PyObject* made = nullptr;
    if (y != nullptr && read_weights(given_w, held, job.weights)) {
        job.weighed = held != nullptr;
        made = summed(x, y, job, turned && job.asked.power == LINEAR ? -1 : 1, type, threads);
    }
    Py_XDECREF(held);
    Py_XDECREF(x);
    Py_XDECREF(y);
    return made;
}

PyMethodDef methods[] = {
    {"difference_sums", difference_sums, METH_VARARGS,
     "difference_sums(x, y, w, power, rows, total, turned, type, threads, /)\n--\n\nSums over pairs of w d, "
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
