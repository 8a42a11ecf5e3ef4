// The minimum-norm least-squares solution by a kept singular value decomposition, with one step of
// refinement: what `_factors/svd.py` describes, without an array of NumPy's for each intermediate.

#include "least_squares.hpp"

#include "float_status.hpp"
#include "object.hpp"

#include <cstddef>
#include <cstring>

namespace einroute {

namespace {

// Bytes of intermediates that lie on the stack.
constexpr std::size_t ON_STACK = 8192;
// Sums that run side by side: as many as hide the time that an addition takes.
constexpr std::ptrdiff_t SIDE_BY_SIDE = 8;
// The residual b - a x still holds rounding errors along the range of a; where they are more than this part
// of it, they are taken out by another pass.
constexpr double CANCELS = 0.25;

double dot(const double* x, const double* y, std::ptrdiff_t n) {
    double sums[SIDE_BY_SIDE] = {0};
    std::ptrdiff_t i = 0;
    for (; i + SIDE_BY_SIDE <= n; i += SIDE_BY_SIDE) {
        for (std::ptrdiff_t j = 0; j < SIDE_BY_SIDE; ++j) {
            sums[j] += x[i + j] * y[i + j];
        }
    }
    double rest = 0;
    for (; i < n; ++i) {
        rest += x[i] * y[i];
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7])) + rest;
}

void add_multiple(double factor, const double* x, double* to, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        to[i] += factor * x[i];
    }
}

// A matrix of doubles, in C order.
struct Rows {
    const double* data;
    std::ptrdiff_t rows, columns;

    void times(const double* x, double* to) const {
        for (std::ptrdiff_t i = 0; i < rows; ++i) {
            to[i] = dot(data + i * columns, x, columns);
        }
    }
    void add_transposed_times(const double* x, double* to) const {
        for (std::ptrdiff_t i = 0; i < rows; ++i) {
            add_multiple(x[i], data + i * columns, to, columns);
        }
    }
};

// A matrix or a vector of doubles with strides in bytes.
struct Strided {
    const char* data;
    std::ptrdiff_t by_row, by_column;

    double at(std::ptrdiff_t i, std::ptrdiff_t j) const {
        double x;
        std::memcpy(&x, data + i * by_row + j * by_column, sizeof x);
        return x;
    }
};

// r = b - a x, with products and sums of the type Real.
template <class Real>
void residual(const Strided& a, const double* b, const double* x, std::ptrdiff_t m, std::ptrdiff_t n,
              double* r) {
    for (std::ptrdiff_t i = 0; i < m; ++i) {
        Real sum = 0;
        for (std::ptrdiff_t j = 0; j < n; ++j) {
            sum += static_cast<Real>(a.at(i, j)) * static_cast<Real>(x[j]);
        }
        r[i] = static_cast<double>(static_cast<Real>(b[i]) - sum);
    }
}

void plain_residual(const Strided& a, const double* b, const double* x, std::ptrdiff_t m, std::ptrdiff_t n,
                    double* r) {
    constexpr std::ptrdiff_t ITEM = sizeof(double);
    if (a.by_column == ITEM) {
        for (std::ptrdiff_t i = 0; i < m; ++i) {
            r[i] = b[i] - dot(reinterpret_cast<const double*>(a.data + i * a.by_row), x, n);
        }
    } else if (a.by_row == ITEM) {
        std::memcpy(r, b, static_cast<std::size_t>(m) * sizeof(double));
        for (std::ptrdiff_t j = 0; j < n; ++j) {
            add_multiple(-x[j], reinterpret_cast<const double*>(a.data + j * a.by_column), r, m);
        }
    } else {
        residual<double>(a, b, x, m, n, r);
    }
}

// What is known of a call: the factors u^H (k, m) and w (k, n) = (v / s)^T, the matrix and b.
struct Problem {
    Rows uh, w;
    Strided a;
    const double* b;
    bool tall, extended;
    double low, high;

    std::ptrdiff_t m() const { return uh.columns; }
    std::ptrdiff_t n() const { return w.columns; }
    std::size_t scratch() const { return static_cast<std::size_t>(m() + uh.rows) * sizeof(double); }
};

bool any(const double* x, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        if (x[i] != 0) {
            return true;
        }
    }
    return false;
}

// Fills x and, where the matrix is tall and of full rank, the squared norm of the residual; false where
// digits may have been lost on the way, so that LAPACK's driver has to be asked.
bool apply(const Problem& p, double* work, double* x, double* norm) {
    const std::ptrdiff_t m = p.m(), n = p.n(), k = p.uh.rows;
    double *r = work, *d = work + m;
    p.uh.times(p.b, d);
    std::memset(x, 0, static_cast<std::size_t>(n) * sizeof(double));
    p.w.add_transposed_times(d, x);
    const double length = dot(x, x, n);
    if (!(p.low < length && length < p.high) && (length != 0 || any(x, n) || any(p.b, m))) {
        return false;
    }
    if (p.extended) {
        residual<long double>(p.a, p.b, x, m, n, r);
    } else {
        plain_residual(p.a, p.b, x, m, n, r);
    }
    p.uh.times(r, d);
    p.w.add_transposed_times(d, x);
    if (p.tall) {
        const double whole = dot(r, r, m), part = dot(d, d, k);
        *norm = whole - part;
        if (part > CANCELS * whole) {
            for (std::ptrdiff_t i = 0; i < k; ++i) {
                add_multiple(-d[i], p.uh.data + i * m, r, m);
            }
            *norm = dot(r, r, m);
        }
    }
    return true;
}

// The array, if it is one of aligned doubles with so many dimensions; null with an exception set otherwise.
PyArrayObject* doubles(PyObject* given, int ndim, const char* name) {
    if (PyArray_CheckExact(given)) {
        PyArrayObject* x = reinterpret_cast<PyArrayObject*>(given);
        if (PyArray_TYPE(x) == NPY_DOUBLE && PyArray_ISBEHAVED_RO(x) && PyArray_NDIM(x) == ndim) {
            return x;
        }
    }
    PyErr_Format(PyExc_TypeError, "%s: expected an aligned array of float64 with %d dimensions", name, ndim);
    return nullptr;
}

bool rows_of(PyObject* given, const char* name, Rows& to) {
    PyArrayObject* x = doubles(given, 2, name);
    if (x != nullptr && !PyArray_IS_C_CONTIGUOUS(x)) {
        PyErr_Format(PyExc_TypeError, "%s: expected an array in C order", name);
        return false;
    }
    if (x == nullptr) {
        return false;
    }
    to = {static_cast<const double*>(PyArray_DATA(x)), PyArray_DIM(x, 0), PyArray_DIM(x, 1)};
    return true;
}

PyObject* told(PyObject* x, const Problem& p, double norm) {
    if (!p.tall) {
        return Py_BuildValue("NO", x, Py_None);
    }
    const npy_intp one = 1;
    PyObject* norms = PyArray_SimpleNew(1, &one, NPY_DOUBLE);
    if (norms == nullptr) {
        Py_DECREF(x);
        return nullptr;
    }
    *static_cast<double*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(norms))) = norm;
    return Py_BuildValue("NN", x, norms);
}

PyObject* solve(const Problem& p) {
    const npy_intp n = p.n();
    PyObject* x = PyArray_SimpleNew(1, &n, NPY_DOUBLE);
    if (x == nullptr) {
        return nullptr;
    }
    alignas(16) char stack[ON_STACK];
    void* heap = nullptr;
    if (p.scratch() > ON_STACK) {
        heap = PyMem_RawMalloc(p.scratch());
        if (heap == nullptr) {
            Py_DECREF(x);
            return PyErr_NoMemory();
        }
    }
    double norm = 0;
    double* data = static_cast<double*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(x)));
    double* work = heap != nullptr ? static_cast<double*>(heap) : reinterpret_cast<double*>(stack);
    const bool done = apply(p, work, data, &norm);
    clear_status();
    PyMem_RawFree(heap);
    if (!done) {
        Py_DECREF(x);
        Py_RETURN_NONE;
    }
    return told(x, p, norm);
}

PyObject* apply_factors(PyObject*, PyObject* const* args, Py_ssize_t count) {
    if (count != 8) {
        PyErr_Format(PyExc_TypeError, "expected 8 arguments, not %zd", count);
        return nullptr;
    }
    Problem p;
    const int tall = PyObject_IsTrue(args[4]);
    p.low = PyFloat_AsDouble(args[5]);
    p.high = PyFloat_AsDouble(args[6]);
    const int extended = PyObject_IsTrue(args[7]);
    if (tall < 0 || extended < 0 || PyErr_Occurred()) {
        return nullptr;
    }
    p.tall = tall != 0;
    p.extended = extended != 0;
    PyArrayObject *a = nullptr, *b = nullptr;
    if (!rows_of(args[0], "uh", p.uh) || !rows_of(args[1], "w", p.w) ||
        (a = doubles(args[2], 2, "a")) == nullptr || (b = doubles(args[3], 1, "b")) == nullptr) {
        return nullptr;
    }
    if (p.uh.rows != p.w.rows || PyArray_DIM(a, 0) != p.m() || PyArray_DIM(a, 1) != p.n() ||
        PyArray_DIM(b, 0) != p.m() || !PyArray_IS_C_CONTIGUOUS(b)) {
        PyErr_SetString(PyExc_ValueError, "uh (k, m), w (k, n), a (m, n) and b (m,) in C order do not fit");
        return nullptr;
    }
    p.a = {PyArray_BYTES(a), PyArray_STRIDE(a, 0), PyArray_STRIDE(a, 1)};
    p.b = static_cast<const double*>(PyArray_DATA(b));
    return solve(p);
}

PyMethodDef functions[] = {
    {"apply_factors", fast_method(apply_factors), METH_FASTCALL,
     "apply_factors(uh, w, a, b, tall, low, high, extended, /)\n--\n\n"
     "The solution for one right-hand side, and the squared norm of the residual or None; None for both "
     "where\n"
     "the squared norm of the solution is not between low and high."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_least_squares(PyObject* module) {
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
