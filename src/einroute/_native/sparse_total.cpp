#include "sparse_total.hpp"

#include "finite.hpp"
#include "float_status.hpp"
#include "sparse_parts.hpp"

namespace einroute {

namespace {

// Numbers from which the GIL is released; and how many sums take turns, an even number.
constexpr npy_intp RELEASED = 1 << 15;
constexpr int LANES = 16;

// Sums of numbers in turn, of all that have the same place modulo `LANES`.
void add_up(const float* from, npy_intp count, double (&sums)[LANES]) {
    npy_intp k = 0;
    for (; k + LANES <= count; k += LANES) {
        for (int lane = 0; lane < LANES; ++lane) {
            sums[lane] += static_cast<double>(from[k + lane]);
        }
    }
    for (int lane = 0; k < count; ++k, ++lane) {
        sums[lane] += static_cast<double>(from[k]);
    }
}

PyObject* total(PyObject*, PyObject* data) {
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(data);
    const bool plain = is_plain_vector(data);
    const bool complex = plain && PyArray_TYPE(x) == NPY_CFLOAT;
    if (!plain || (PyArray_TYPE(x) != NPY_FLOAT && !complex)) {
        PyErr_SetString(PyExc_ValueError, "not a plain vector of single precision");
        return nullptr;
    }
    double sums[LANES] = {};
    const float* from = static_cast<const float*>(PyArray_DATA(x));
    const npy_intp count = PyArray_DIM(x, 0) * (complex ? 2 : 1);
    if (count < RELEASED) {
        add_up(from, count, sums);
    } else {
        Py_BEGIN_ALLOW_THREADS;
        add_up(from, count, sums);
        Py_END_ALLOW_THREADS;
    }
    const int parts = complex ? 2 : 1;
    for (int half = LANES / 2; half >= parts; half /= 2) {
        for (int lane = 0; lane < half; ++lane) {
            sums[lane] += sums[lane + half];
        }
    }
    clear_status();
    return complex ? PyComplex_FromDoubles(sums[0], sums[1]) : PyFloat_FromDouble(sums[0]);
}

// Numbers up to which this takes less time than a call of BLAS's.
constexpr npy_intp FEW = 1 << 12;

PyObject* few_finite(PyObject*, PyObject* data) {
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(data);
    if (!PyArray_Check(data) || !PyArray_ISBEHAVED_RO(x) ||
        !(PyArray_IS_C_CONTIGUOUS(x) || PyArray_IS_F_CONTIGUOUS(x))) {
        Py_RETURN_NONE;
    }
    const int type = PyArray_TYPE(x);
    const bool single = type == NPY_FLOAT || type == NPY_CFLOAT;
    const npy_intp count = PyArray_NBYTES(x) / (single ? 4 : 8);
    if ((!single && type != NPY_DOUBLE && type != NPY_CDOUBLE) || count > FEW) {
        Py_RETURN_NONE;
    }
    return PyBool_FromLong(all_finite(PyArray_BYTES(x), count, single));
}

PyObject* finite(PyObject*, PyObject* data) {
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(data);
    const int type = is_plain_vector(data) ? PyArray_TYPE(x) : NPY_NOTYPE;
    const bool single = type == NPY_FLOAT || type == NPY_CFLOAT;
    if (!single && type != NPY_DOUBLE && type != NPY_CDOUBLE) {
        PyErr_SetString(PyExc_ValueError, "not a plain vector of floats");
        return nullptr;
    }
    const npy_intp count = PyArray_NBYTES(x) / (single ? 4 : 8);
    bool good;
    if (count < RELEASED) {
        good = all_finite(PyArray_BYTES(x), count, single);
    } else {
        Py_BEGIN_ALLOW_THREADS;
        good = all_finite(PyArray_BYTES(x), count, single);
        Py_END_ALLOW_THREADS;
    }
    return PyBool_FromLong(good);
}

PyMethodDef functions[] = {
    {"finite", finite, METH_O,
     "finite(data, /)\n--\n\n"
     "Whether all numbers of a plain vector are."},
    {"few_finite", few_finite, METH_O,
     "few_finite(data, /)\n--\n\n"
     "Whether all numbers of an array are, of floats without gaps; None of another one or of many."},
    {"total", total, METH_O,
     "total(data, /)\n--\n\n"
     "The sum of a plain vector of single precision, in double precision."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_sparse_total(PyObject* module) {
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
