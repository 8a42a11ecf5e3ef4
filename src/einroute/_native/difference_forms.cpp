#include "difference_forms.hpp"

#include "finite.hpp"
#include "float_status.hpp"
#include "forms.hpp"
#include "pool.hpp"
#include "threads.hpp"

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Products from which the GIL is released, and about as many in a block.
constexpr double RELEASED = 50e3, BLOCK = 4e6;
// Products of a block at most, since a signal is heard between blocks; columns that a row is cut by, at
// least.
constexpr double LONGEST = 1 << 26;
constexpr ptrdiff_t COLUMNS = 64;

struct Job {
    Forms forms;
    void (*kernel)(const Forms&, ptrdiff_t, ptrdiff_t, char*);
    ptrdiff_t rows, each; // all, and of a block
    ptrdiff_t wide;       // columns of a block
    ptrdiff_t item;       // bytes of a number
    double work;          // products of all
    long blocks;
    std::atomic<bool> failed{false};
};

// Blocks of rows, and of columns of a row that takes long.
void cut(Job& job, ptrdiff_t rows) {
    const double terms = static_cast<double>(job.forms.features),
                 pair = (job.forms.whole ? terms * (terms + 5) / 2 : 4 * terms) + 1;
    const double row = static_cast<double>(job.forms.m) * pair;
    job.rows = rows;
    job.work = row * static_cast<double>(rows);
    job.each = row < BLOCK ? static_cast<ptrdiff_t>(BLOCK / row) + 1 : 1;
    job.each += job.each % 2; // rows go in twos
    job.wide = job.forms.m;
    if (static_cast<double>(job.each) * row > LONGEST) {
        const double wide = LONGEST / (static_cast<double>(job.each) * pair);
        job.wide = (static_cast<ptrdiff_t>(wide) / COLUMNS + 1) * COLUMNS;
    }
    if (job.work < RELEASED) {
        job.each = rows;
    }
    job.blocks =
        static_cast<long>((rows + job.each - 1) / job.each * ((job.forms.m + job.wide - 1) / job.wide));
}

void form_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    const ptrdiff_t bands = (job.forms.m + job.wide - 1) / job.wide, from = index % bands * job.wide;
    const ptrdiff_t first = index / bands * job.each;
    const ptrdiff_t last = first + job.each < job.rows ? first + job.each : job.rows;
    Forms own = job.forms;
    own.y += from * job.item;
    own.out += from * job.item;
    own.m = from + job.wide < own.m ? job.wide : own.m - from;
    char* work = static_cast<char*>(std::malloc(static_cast<std::size_t>(form_work(job.forms.features)) + 1));
    if (work == nullptr) {
        job.failed = true;
        return;
    }
    job.kernel(own, first, last, work);
    std::free(work);
    clear_status();
}

// All rows; false with an exception set if there is no memory, or a signal's handler raised.
bool run(const Forms& forms, ptrdiff_t rows, int type, int threads) {
    Job job;
    job.forms = forms;
    job.item = type == NPY_FLOAT ? sizeof(float) : sizeof(double);
    job.kernel = type == NPY_FLOAT ? form_kernels().single : form_kernels().twice;
    cut(job, rows);
    bool heard = true;
    if (job.work < RELEASED) {
        form_block(&job, 0);
    } else {
        heard = run_blocks(job.blocks, threads, form_block, &job);
    }
    if (heard && job.failed) {
        PyErr_NoMemory();
    }
    return heard && !job.failed;
}

bool fits(PyArrayObject* x, int ndim, int type) {
    return PyArray_NDIM(x) == ndim && PyArray_TYPE(x) == type && PyArray_ISCARRAY_RO(x);
}

PyObject* difference_forms(PyObject*, PyObject* args) {
    PyArrayObject *x, *y, *s, *out;
    int threads;
    if (!PyArg_ParseTuple(args, "O!O!O!O!i:difference_forms", &PyArray_Type, &x, &PyArray_Type, &y,
                          &PyArray_Type, &s, &PyArray_Type, &out, &threads)) {
        return nullptr;
    }
    const int type = PyArray_TYPE(out);
    const bool whole = PyArray_NDIM(s) == 2;
    bool good = (type == NPY_FLOAT || type == NPY_DOUBLE) && fits(x, 2, type) && fits(y, 2, type) &&
                fits(s, whole ? 2 : 1, type) && fits(out, 2, type) && PyArray_ISWRITEABLE(out);
    const npy_intp features = good ? PyArray_DIM(x, 1) : 0;
    good = good && PyArray_DIM(y, 0) == features && PyArray_DIM(s, 0) == features &&
           (!whole || PyArray_DIM(s, 1) == features) && PyArray_DIM(out, 0) == PyArray_DIM(x, 0) &&
           PyArray_DIM(out, 1) == PyArray_DIM(y, 1);
    if (!good) {
        PyErr_SetString(PyExc_ValueError,
                        "expected x (n, features), y (features, m), a matrix of the features or "
                        "its diagonal and out (n, m), of one dtype, in C order");
        return nullptr;
    }
    if (PyArray_SIZE(out) == 0) {
        Py_RETURN_NONE;
    }
    const Forms forms = {PyArray_BYTES(x),
                         PyArray_BYTES(y),
                         PyArray_BYTES(s),
                         PyArray_BYTES(out),
                         PyArray_DIM(y, 1),
                         features,
                         whole,
                         PyArray_DIM(y, 1)};
    if (!run(forms, PyArray_DIM(out, 0), type, threads)) {
        return nullptr;
    }
    Py_RETURN_NONE;
}

// An array of a type in C order; null with an exception set.
PyArrayObject* in_order(PyObject* x, int type, int least, int most) {
    return reinterpret_cast<PyArrayObject*>(PyArray_FROMANY(x, type, least, most, NPY_ARRAY_CARRAY_RO));
}

template <class R> const R* of(PyArrayObject* x) {
    return static_cast<const R*>(PyArray_DATA(x));
}

template <class R> R largest(const R* x, ptrdiff_t count) {
    R most = 0;
    for (ptrdiff_t i = 0; i < count; ++i) {
        const R size = x[i] < 0 ? -x[i] : x[i];
        most = size > most || size != size ? size : most;
    }
    return most;
}

// The second points feature by feature.
template <class R> void turn(const R* y, ptrdiff_t m, ptrdiff_t features, R* to) {
    constexpr ptrdiff_t STRIP = 8;
    for (ptrdiff_t first = 0; first < m; first += STRIP) {
        const ptrdiff_t last = first + STRIP < m ? first + STRIP : m;
        for (ptrdiff_t k = 0; k < features; ++k) {
            for (ptrdiff_t j = first; j < last; ++j) {
                to[k * m + j] = y[j * features + k];
            }
        }
    }
}

// The diagonal; or the rows of the matrix, the lower triangle added to the upper one; the sum of sizes.
template <class R> double entries(PyArrayObject* metric, ptrdiff_t features, R* to) {
    double size = 0;
    if (metric == nullptr || PyArray_NDIM(metric) == 1) {
        for (ptrdiff_t k = 0; k < features; ++k) {
            to[k] = metric == nullptr ? 1 : of<R>(metric)[k];
            size += std::fabs(static_cast<double>(to[k]));
        }
        return size;
    }
    const R* from = of<R>(metric);
    for (ptrdiff_t k = 0; k < features; ++k) {
        for (ptrdiff_t l = 0; l < features; ++l) {
            const R one = from[k * features + l];
            to[k * features + l] = k == l ? one : one + from[l * features + k];
            size += std::fabs(static_cast<double>(one));
        }
    }
    return size;
}

// Columns up to which rows take their place, since vectors run along columns; and columns that are turned and
// filled at a time, where rows are few.
constexpr ptrdiff_t NARROW = 16, PIECE = 1 << 12, FEW = 64;

template <class R> using Space = std::unique_ptr<R[]>;

template <class R> Space<R> space(ptrdiff_t count) {
    return Space<R>(new (std::nothrow) R[static_cast<std::size_t>(count) + 1]);
}

template <class R> struct Sides {
    const R *x, *y, *s;
    ptrdiff_t n, m, features;
    bool whole;
};

// All pairs, (n, m), each row `step` after the other; false with an exception set.
template <class R> bool fill_all(const Sides<R>& a, R* out, ptrdiff_t step, int type, int threads) {
    const Space<R> turned = space<R>(a.m * a.features), apart = space<R>(step == a.m ? 0 : a.n * a.m);
    if (!turned || !apart) {
        PyErr_NoMemory();
        return false;
    }
    turn(a.y, a.m, a.features, turned.get());
    R* to = step == a.m ? out : apart.get();
    const Forms forms = {reinterpret_cast<const char*>(a.x),
                         reinterpret_cast<char*>(turned.get()),
                         reinterpret_cast<const char*>(a.s),
                         reinterpret_cast<char*>(to),
                         a.m,
                         a.features,
                         a.whole,
                         a.m};
    if (!run(forms, a.n, type, threads)) {
        return false;
    }
    for (ptrdiff_t i = 0; to != out && i < a.n; ++i) {
        std::memcpy(out + i * step, to + i * a.m, static_cast<std::size_t>(a.m) * sizeof(R));
    }
    return true;
}

// The same by columns that are few, or in pieces of those of few rows.
template <class R> bool fill_pieces(const Sides<R>& a, R* out, int type, int threads) {
    if (a.m < NARROW && a.n > a.m) {
        const Space<R> other = space<R>(a.n * a.m);
        if (!other) {
            PyErr_NoMemory();
            return false;
        }
        if (!fill_pieces(Sides<R>{a.y, a.x, a.s, a.m, a.n, a.features, a.whole}, other.get(), type,
                         threads)) {
            return false;
        }
        turn(other.get(), a.m, a.n, out); // (m, n) to (n, m)
        return true;
    }
    if (a.n > FEW || a.m <= PIECE) {
        return fill_all(a, out, a.m, type, threads);
    }
    for (ptrdiff_t j = 0; j < a.m; j += PIECE) {
        const ptrdiff_t there = j + PIECE < a.m ? PIECE : a.m - j;
        const Sides<R> piece = {a.x, a.y + j * a.features, a.s, a.n, there, a.features, a.whole};
        if (!fill_all(piece, out + j, a.m, type, threads)) {
            return false;
        }
    }
    return true;
}

// The form of all pairs in `out`; 1 if all of it is finite, 0 if not, -1 with an exception set.
template <class R>
int fill(PyArrayObject* x, PyArrayObject* y, PyArrayObject* metric, PyArrayObject* out, int threads) {
    const ptrdiff_t n = PyArray_DIM(x, 0), m = PyArray_DIM(y, 0), features = PyArray_DIM(x, 1);
    const bool whole = metric != nullptr && PyArray_NDIM(metric) == 2;
    const Space<R> s = space<R>((whole ? features : 1) * features);
    if (!s) {
        PyErr_NoMemory();
        return -1;
    }
    const double sum = entries(metric, features, s.get());
    const Sides<R> sides = {of<R>(x), of<R>(y), s.get(), n, m, features, whole};
    if (!fill_pieces(sides, static_cast<R*>(PyArray_DATA(out)), PyArray_TYPE(out), threads)) {
        return -1;
    }
    const double most = static_cast<double>(largest(of<R>(x), n * features)) +
                        static_cast<double>(largest(of<R>(y), m * features));
    // No entry, and none of the sums it is made of, can be other than finite.
    if (4 * most * most * sum < static_cast<double>(std::numeric_limits<R>::max())) {
        return 1;
    }
    return all_finite(PyArray_BYTES(out), n * m, sizeof(R) == sizeof(float));
}

PyObject* difference_squares(PyObject*, PyObject* args) {
    PyObject *given_x, *given_y, *given_metric;
    int type, threads;
    if (!PyArg_ParseTuple(args, "OOOii:difference_squares", &given_x, &given_y, &given_metric, &type,
                          &threads)) {
        return nullptr;
    }
    if (type != NPY_FLOAT && type != NPY_DOUBLE) {
        PyErr_SetString(PyExc_ValueError, "the forms are of single or of double precision");
        return nullptr;
    }
    const bool plain = given_metric == Py_None;
    PyArrayObject* x = in_order(given_x, type, 2, 2);
    PyArrayObject* y = x == nullptr ? nullptr : in_order(given_y, type, 2, 2);
    PyArrayObject* metric = y == nullptr || plain ? nullptr : in_order(given_metric, type, 1, 2);
    PyObject* made = nullptr;
    if (y != nullptr && (plain || metric != nullptr)) {
        const npy_intp features = PyArray_DIM(x, 1), dims[] = {PyArray_DIM(x, 0), PyArray_DIM(y, 0)};
        bool good = features > 0 && dims[0] > 0 && dims[1] > 0 && PyArray_DIM(y, 1) == features;
        for (int axis = 0; metric != nullptr && axis < PyArray_NDIM(metric); ++axis) {
            good = good && PyArray_DIM(metric, axis) == features;
        }
        if (good) {
            made = empty(type, 2, dims, nullptr);
        } else {
            PyErr_SetString(PyExc_ValueError,
                            "expected points x (n, features), y (m, features), none of them "
                            "empty, and a matrix of the features or its diagonal");
        }
    }
    if (made != nullptr) {
        PyArrayObject* out = reinterpret_cast<PyArrayObject*>(made);
        const int finite = type == NPY_FLOAT ? fill<float>(x, y, metric, out, threads)
                                             : fill<double>(x, y, metric, out, threads);
        if (finite != 1) {
            Py_CLEAR(made);
            if (finite == 0) {
                made = Py_NewRef(Py_None);
            }
        }
    }
    Py_XDECREF(metric);
    Py_XDECREF(y);
    Py_XDECREF(x);
    return made;
}

PyMethodDef methods[] = {
    {"difference_forms", difference_forms, METH_VARARGS,
     "difference_forms(x, y, s, out, threads, /)\n--\n\nThe sum over k <= l of d[k] s[k, l] d[l] for each "
     "pair,\nd[k] = x[i, k] - y[k, j]; s is a matrix, or its diagonal."},
    {"difference_squares", difference_squares, METH_VARARGS,
     "difference_squares(x, y, metric, type, threads, /)\n--\n\nSquared forms of all pairs by a matrix, its "
     "diagonal, or None, as they come; None where not all are finite."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_difference_forms(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
