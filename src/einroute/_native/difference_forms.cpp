#include "difference_forms.hpp"

#include "finite.hpp"
#include "float_status.hpp"
#include "forms.hpp"
#include "passing.hpp"
#include "pool.hpp"
#include "threads.hpp"
#include "workspace.hpp"

#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Products from which the GIL is released, and about as many in a block.
constexpr double RELEASED = 50e3, BLOCK = 4e6;
// Products of a block at most, since a signal is heard between blocks.
constexpr double LONGEST = 1 << 26;
// The second points are turned a piece of the columns at a time, of about so many numbers, for rows that make
// up for that.
constexpr ptrdiff_t PIECE = 1 << 14, ENOUGH = 64;
// Columns up to which rows take their place.
constexpr ptrdiff_t NARROW = 16;

// The rows of a matrix (m, features), feature by feature.
void turn(const char* y, ptrdiff_t m, ptrdiff_t features, char* to, ptrdiff_t item) {
    transpose_of(item)(y, features * item, features, m, to, m * item);
}

struct Job {
    Forms forms;
    const char* points; // the second ones, of which a block turns its own
    void (*kernel)(const Forms&, ptrdiff_t, ptrdiff_t, char*);
    ptrdiff_t rows, each; // all, and of a block
    ptrdiff_t wide;       // columns of a block
    ptrdiff_t item;       // bytes of a number
    ptrdiff_t parts;      // of a number: two of a complex one
    double work;          // products of all
    long blocks;
    std::atomic<bool> failed{false};
};

// Blocks of rows and of columns.
void cut(Job& job, ptrdiff_t rows) {
    const double terms = static_cast<double>(job.forms.features),
                 pair = (job.forms.whole ? terms * (terms + 5) / 2 : 4 * terms) + 1;
    job.rows = rows;
    job.work = static_cast<double>(job.forms.m) * pair * static_cast<double>(rows);
    // No power of two, which would put the features of a point into the same lines of a cache.
    job.wide = PIECE / (job.forms.features + 1) / 16 * 16 + 24;
    job.wide = job.wide < job.forms.m ? job.wide : job.forms.m;
    const double row = static_cast<double>(job.wide) * pair, most = LONGEST / row;
    const ptrdiff_t enough = static_cast<ptrdiff_t>(BLOCK / row) + 1;
    job.each = enough > ENOUGH ? enough : ENOUGH;
    job.each = static_cast<double>(job.each) < most ? job.each : static_cast<ptrdiff_t>(most);
    job.each += job.each % 2; // rows go in twos
    job.each = job.each > 2 ? job.each : 2;
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
    own.out += from * job.item;
    own.m = from + job.wide < own.m ? job.wide : own.m - from;
    const ptrdiff_t space = form_work(own.features);
    const Workspace<char> work = workspace<char>(space + own.m * own.features * job.item);
    if (!work) {
        job.failed = true;
        return;
    }
    turn(job.points + from * own.features * job.item, own.m, own.features * job.parts, work.get() + space,
         job.item / job.parts);
    own.y = work.get() + space;
    own.pitch = own.m;
    job.kernel(own, first, last, work.get());
    clear_status();
}

// Bytes of a number, and the loops; null where there are none.
ptrdiff_t item_of(int type) {
    return type == NPY_FLOAT ? 4 : type == NPY_CDOUBLE ? 16 : 8;
}

auto kernel_of(int type) -> decltype(FormKernels::single) {
    const FormKernels& kernels = form_kernels();
    return type == NPY_FLOAT     ? kernels.single
           : type == NPY_DOUBLE  ? kernels.twice
           : type == NPY_CFLOAT  ? kernels.complex_single
           : type == NPY_CDOUBLE ? kernels.complex_twice
                                 : nullptr;
}

// All rows; false with an exception set if there is no memory, or a signal's handler raised.
bool run(const DifferenceForms& a, char* out, int type, int threads) {
    Job job;
    job.forms = {a.x, nullptr, a.s, out, a.m, a.features, a.whole, 0, a.m};
    job.points = a.y;
    job.item = item_of(type);
    job.parts = PyTypeNum_ISCOMPLEX(type) ? 2 : 1;
    job.kernel = kernel_of(type);
    cut(job, a.n);
    bool heard = true;
    if (job.work < RELEASED) {
        for (long index = 0; index < job.blocks; ++index) {
            form_block(&job, index);
        }
    } else {
        heard = run_blocks(job.blocks, threads, form_block, &job);
    }
    if (heard && job.failed) {
        PyErr_NoMemory();
    }
    return heard && !job.failed;
}

} // namespace

// By columns where they are few, since vectors run along columns.
bool fill_forms(const DifferenceForms& a, char* out, int type, int threads) {
    if (a.m >= NARROW || a.n <= a.m) {
        return run(a, out, type, threads);
    }
    const ptrdiff_t item = item_of(type);
    const Workspace<char> turned = workspace<char>(a.n * a.m * item);
    if (!turned) {
        PyErr_NoMemory();
        return false;
    }
    if (!run({a.y, a.x, a.s, a.m, a.n, a.features, a.whole}, turned.get(), type, threads)) {
        return false;
    }
    turn(turned.get(), a.m, a.n, out, item); // (m, n) to (n, m)
    return true;
}

namespace {

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
    bool good = kernel_of(type) != nullptr && !(whole && PyTypeNum_ISCOMPLEX(type)) && fits(x, 2, type) &&
                fits(y, 2, type) && fits(s, whole ? 2 : 1, type) && fits(out, 2, type) &&
                PyArray_ISWRITEABLE(out);
    const npy_intp features = good ? PyArray_DIM(x, 1) : 0;
    good = good && PyArray_DIM(y, 1) == features && PyArray_DIM(s, 0) == features &&
           (!whole || PyArray_DIM(s, 1) == features) && PyArray_DIM(out, 0) == PyArray_DIM(x, 0) &&
           PyArray_DIM(out, 1) == PyArray_DIM(y, 0);
    if (!good) {
        PyErr_SetString(PyExc_ValueError,
                        "expected x (n, features), y (m, features), a matrix of the features or "
                        "its diagonal and out (n, m), of one dtype, in C order");
        return nullptr;
    }
    if (PyArray_SIZE(out) == 0) {
        Py_RETURN_NONE;
    }
    const DifferenceForms sides = {PyArray_BYTES(x),
                                   PyArray_BYTES(y),
                                   PyArray_BYTES(s),
                                   PyArray_DIM(x, 0),
                                   PyArray_DIM(y, 0),
                                   features,
                                   whole};
    if (!ready_pool(PyArray_NBYTES(out)) || !fill_forms(sides, PyArray_BYTES(out), type, threads)) {
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

// The largest size, or nan where one is not finite; lanes side by side, since each waits for the one before.
template <class R> R largest(const R* x, ptrdiff_t count) {
    constexpr ptrdiff_t LANES = 16;
    R most[LANES] = {}, lost[LANES] = {}; // lost: of finite numbers zero, else nan
    const auto look = [&](ptrdiff_t lane, R value) {
        const R size = std::fabs(value);
        most[lane] = size > most[lane] ? size : most[lane];
        lost[lane] += value * 0;
    };
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (ptrdiff_t lane = 0; lane < LANES; ++lane) {
            look(lane, x[i + lane]);
        }
    }
    for (; i < count; ++i) {
        look(0, x[i]);
    }
    R all = 0;
    for (ptrdiff_t lane = 0; lane < LANES; ++lane) {
        all = most[lane] > all ? most[lane] : all;
    }
    for (ptrdiff_t lane = 0; lane < LANES; ++lane) {
        all += lost[lane];
    }
    return all;
}

// The diagonal; or the upper triangle of the matrix, the lower one added to it.
template <class R> void entries(PyArrayObject* metric, ptrdiff_t features, R* to) {
    if (metric == nullptr || PyArray_NDIM(metric) == 1) {
        for (ptrdiff_t k = 0; k < features; ++k) {
            to[k] = metric == nullptr ? 1 : of<R>(metric)[k];
        }
        return;
    }
    const R* from = of<R>(metric);
    for (ptrdiff_t k = 0; k < features; ++k) {
        to[k * features + k] = from[k * features + k];
        for (ptrdiff_t l = k + 1; l < features; ++l) {
            to[k * features + l] = from[k * features + l] + from[l * features + k];
        }
    }
}

// The sum of the sizes of a metric's entries.
template <class R> double size_of(PyArrayObject* metric, ptrdiff_t features) {
    double size = metric == nullptr ? static_cast<double>(features) : 0;
    for (ptrdiff_t k = 0; metric != nullptr && k < PyArray_SIZE(metric); ++k) {
        size += std::fabs(static_cast<double>(of<R>(metric)[k]));
    }
    return size;
}

// The form of all pairs in `out`; 1 if all of it is finite, 0 if not, -1 with an exception set.
template <class R>
int fill(PyArrayObject* x, PyArrayObject* y, PyArrayObject* metric, PyArrayObject* out, int threads) {
    const ptrdiff_t n = PyArray_DIM(x, 0), m = PyArray_DIM(y, 0), features = PyArray_DIM(x, 1);
    const bool whole = metric != nullptr && PyArray_NDIM(metric) == 2;
    const Workspace<R> s = workspace<R>((whole ? features : 1) * features);
    if (!s) {
        PyErr_NoMemory();
        return -1;
    }
    entries(metric, features, s.get());
    const DifferenceForms sides = {
        PyArray_BYTES(x), PyArray_BYTES(y), reinterpret_cast<const char*>(s.get()), n, m, features, whole};
    if (!ready_pool(PyArray_NBYTES(out)) ||
        !fill_forms(sides, PyArray_BYTES(out), PyArray_TYPE(out), threads)) {
        return -1;
    }
    // What is not finite stays so in every sum: the entries tell it, and the points where they are fewer.
    if (n * m <= (n + m) * features) {
        return all_finite(PyArray_BYTES(out), n * m, sizeof(R) == sizeof(float));
    }
    const double most = static_cast<double>(largest(of<R>(x), n * features)) +
                        static_cast<double>(largest(of<R>(y), m * features));
    // No entry, and none of the sums it is made of, can be other than finite.
    if (4 * most * most * size_of<R>(metric, features) < static_cast<double>(std::numeric_limits<R>::max())) {
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
     "pair,\nd[k] = x[i, k] - y[j, k]; s is a matrix, or its diagonal, as of complex numbers."},
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
