#include "metric_factor.hpp"

#include "float_status.hpp"
#include "pool.hpp"

#include <cmath>

namespace einroute {

namespace {

using std::ptrdiff_t;

// What is looked at in a metric: `part` is to be made, if it is not symmetric.
enum Definite { NEVER, SYMMETRIC, ONLY_ITS_PART };

// Whether a metric may be positive definite, and has other entries than those of its diagonal. Minors of two
// features tell mostly that it is not.
template <class R> Definite definite(const R* a, ptrdiff_t features) {
    constexpr double ROUNDED = 1.001;
    bool some = false, alike = true;
    for (ptrdiff_t k = 0; k < features; ++k) {
        const double own = static_cast<double>(a[k * features + k]);
        if (!(own > 0)) {
            return NEVER;
        }
        for (ptrdiff_t l = 0; l < k; ++l) {
            const double lower = static_cast<double>(a[k * features + l]),
                         upper = static_cast<double>(a[l * features + k]), half = (lower + upper) / 2;
            if (half * half > ROUNDED * own * static_cast<double>(a[l * features + l])) {
                return NEVER;
            }
            some = some || half != 0;
            alike = alike && lower == upper;
        }
    }
    return !some ? NEVER : alike ? SYMMETRIC : ONLY_ITS_PART;
}

template <class R> PyObject* definite_part_of(PyArrayObject* metric) {
    const ptrdiff_t features = PyArray_DIM(metric, 0);
    const R* const a = static_cast<const R*>(PyArray_DATA(metric));
    const Definite found = definite(a, features);
    if (found != ONLY_ITS_PART) {
        return Py_NewRef(found == SYMMETRIC ? reinterpret_cast<PyObject*>(metric) : Py_None);
    }
    PyObject* part = empty(PyArray_TYPE(metric), 2, PyArray_DIMS(metric), nullptr);
    if (part != nullptr) {
        R* const to = static_cast<R*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(part)));
        for (ptrdiff_t k = 0; k < features; ++k) {
            for (ptrdiff_t l = 0; l < features; ++l) {
                to[k * features + l] = a[k * features + l] / 2 + a[l * features + k] / 2;
            }
        }
    }
    return part;
}

PyObject* definite_part(PyObject*, PyObject* given) {
    PyArray_Descr* type =
        PyArray_Check(given) ? PyArray_DESCR(reinterpret_cast<PyArrayObject*>(given)) : nullptr;
    const int number = type == nullptr ? NPY_NOTYPE : type->type_num;
    if (number != NPY_FLOAT && number != NPY_DOUBLE) {
        PyErr_SetString(PyExc_ValueError, "expected a metric of single or of double precision");
        return nullptr;
    }
    PyObject* metric = PyArray_FROMANY(given, number, 2, 2, NPY_ARRAY_CARRAY_RO);
    if (metric == nullptr) {
        return nullptr;
    }
    PyArrayObject* const a = reinterpret_cast<PyArrayObject*>(metric);
    PyObject* part = nullptr;
    if (PyArray_DIM(a, 0) != PyArray_DIM(a, 1)) {
        PyErr_SetString(PyExc_ValueError, "expected a square metric");
    } else {
        part = number == NPY_FLOAT ? definite_part_of<float>(a) : definite_part_of<double>(a);
        clear_status();
    }
    Py_DECREF(metric);
    return part;
}

PyMethodDef methods[] = {
    {"definite_part", definite_part, METH_O,
     "definite_part(metric, /)\n--\n\nThe symmetric part of a metric that may be positive definite, as its "
     "own array if that is symmetric; None if it is not, or diagonal."},
    {nullptr, nullptr, 0, nullptr},
};

// Takes `factors` times some rows away from one, all from a column on.
template <int ROWS>
void take(const double* __restrict rows, ptrdiff_t step, const double* __restrict factors, ptrdiff_t from,
          ptrdiff_t count, double* __restrict to) {
    for (ptrdiff_t l = from; l < count; ++l) {
        double sum = 0;
        for (int r = 0; r < ROWS; ++r) {
            sum += factors[r] * rows[r * step + l];
        }
        to[l] -= sum;
    }
}

} // namespace

bool factor_metric(const double* metric, ptrdiff_t features, double* u) {
    if (definite(metric, features) == NEVER) {
        return false;
    }
    for (ptrdiff_t k = 0; k < features; ++k) {
        double* const row = u + k * features;
        for (ptrdiff_t l = 0; l < features; ++l) {
            row[l] = l < k ? 0 : metric[k * features + l] / 2 + metric[l * features + k] / 2;
        }
        ptrdiff_t r = 0;
        for (; r + 4 <= k; r += 4) {
            const double* const above = u + r * features;
            const double factors[] = {above[k], above[features + k], above[2 * features + k],
                                      above[3 * features + k]};
            take<4>(above, features, factors, k, features, row);
        }
        for (; r < k; ++r) {
            take<1>(u + r * features, features, u + r * features + k, k, features, row);
        }
        if (!(row[k] > 0)) {
            return false;
        }
        const double root = std::sqrt(row[k]), part = 1 / root;
        row[k] = root;
        for (ptrdiff_t l = k + 1; l < features; ++l) {
            row[l] *= part;
        }
    }
    return true;
}

int add_metric_factor(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
