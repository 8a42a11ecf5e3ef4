#include "difference_projections.hpp"

#include "difference_totals.hpp"
#include "float_status.hpp"
#include "held_numbers.hpp"
#include "linear_sides.hpp"
#include "passing.hpp"
#include "pool.hpp"
#include "threads.hpp"

#include <atomic>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Entries of a block, and from how many on blocks are shared.
constexpr double SHARED = 50e3;
constexpr ptrdiff_t BLOCK = 1 << 15;
// Columns below which rows take their place, since vectors run along rows; and how many then go together.
constexpr ptrdiff_t NARROW = 8, STRETCH = 256;

// A form's entries. Where columns are few its rows are columns meanwhile, and the weights those of y - x.
struct Job {
    const LinearPoints &left, &right;
    const double* w;
    ptrdiff_t form;
    char* out;
    ptrdiff_t item; // bytes of a number
    bool (*kernel)(const LinearRows&, ptrdiff_t, ptrdiff_t);
    ptrdiff_t each; // rows of a block
    bool narrow;
    std::atomic<bool> finite{true}, failed{false};

    LinearRows rows(const LinearPoints& down, const LinearPoints& across, ptrdiff_t from, ptrdiff_t count,
                    char* to) const {
        return {down.side(form, 0),
                across.side(form, from),
                down.rows,
                across.rows + from * across.features,
                w,
                left.features,
                count,
                to};
    }
};

bool narrow_rows(Job& job, ptrdiff_t first, ptrdiff_t last) {
    const ptrdiff_t columns = job.right.count;
    const Workspace<char> turned = workspace<char>(STRETCH * columns * job.item);
    if (!turned) {
        job.failed = true;
        return true;
    }
    bool finite = true;
    for (ptrdiff_t i = first; i < last; i += STRETCH) {
        const ptrdiff_t count = i + STRETCH < last ? STRETCH : last - i;
        finite = job.kernel(job.rows(job.right, job.left, i, count, turned.get()), 0, columns) && finite;
        transpose_of(job.item)(turned.get(), count * job.item, count, columns,
                               job.out + i * columns * job.item, columns * job.item);
    }
    return finite;
}

void some_rows(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    const ptrdiff_t first = index * job.each, count = job.left.count;
    const ptrdiff_t last = first + job.each < count ? first + job.each : count;
    const bool finite =
        job.narrow ? narrow_rows(job, first, last)
                   : job.kernel(job.rows(job.left, job.right, 0, job.right.count, job.out), first, last);
    if (!finite) {
        job.finite = false;
    }
    clear_status();
}

// Makes sizes what an entry must not be less than.
void limit(LinearPoints& p, ptrdiff_t forms) {
    for (ptrdiff_t i = 0; i < forms * p.padded; ++i) {
        p.size[i] *= LINEAR_LEAST;
    }
}

// A form, and whether it is all finite; false with an exception set if there is no memory, or a signal's
// handler raised.
bool fill(Job& job, int threads, bool& finite) {
    const double entries = static_cast<double>(job.left.count) * static_cast<double>(job.right.count);
    job.each = (BLOCK / job.right.count / STRETCH + 1) * STRETCH;
    if (entries < SHARED) {
        job.each = job.left.count;
        some_rows(&job, 0);
    } else if (!run_blocks(static_cast<long>((job.left.count + job.each - 1) / job.each), threads, some_rows,
                           &job)) {
        return false;
    }
    if (job.failed) {
        PyErr_NoMemory();
        return false;
    }
    finite = finite && job.finite;
    return true;
}

// All forms of the points, which may be one set; false with an exception set.
bool fill_all(LinearPoints& left, LinearPoints& right, const double* w, PyArrayObject* out, int threads,
              bool& finite) {
    const npy_intp forms = PyArray_DIM(out, 0), features = left.features;
    const bool single = PyArray_TYPE(out) == NPY_FLOAT,
               narrow = right.count < NARROW && left.count > right.count;
    const Numbers turned = numbers(narrow ? forms * features : 0);
    if (!turned) {
        PyErr_NoMemory();
        return false;
    }
    for (npy_intp k = 0; narrow && k < forms * features; ++k) {
        turned[k] = -w[k];
    }
    w = narrow ? turned.get() : w;
    LinearPoints* const sides[] = {&left, &right};
    for (int side = 0; side < (&left == &right ? 1 : 2); ++side) {
        if (!project(*sides[side], w, forms, single, threads)) {
            return false;
        }
        limit(*sides[side], forms);
    }
    for (npy_intp b = 0; b < forms; ++b) {
        Job job{left,
                right,
                w + b * features,
                b,
                PyArray_BYTES(out) + b * PyArray_STRIDE(out, 0),
                single ? 4 : 8,
                single ? linear_kernels().single : linear_kernels().twice,
                0,
                narrow};
        if (!fill(job, threads, finite)) {
            return false;
        }
    }
    return true;
}

PyObject* difference_projections(PyObject*, PyObject* args) {
    PyObject *given_x, *given_y, *given_w;
    int type, threads, only_finite;
    bool finite = true;
    if (!PyArg_ParseTuple(args, "OOOiip:difference_projections", &given_x, &given_y, &given_w, &type,
                          &threads, &only_finite)) {
        return nullptr;
    }
    const HeldNumbers x(given_x, 2), y(given_y, 2), w(given_w, 2);
    if (!x.good() || !y.good() || !w.good() || !linear_fits(x, y, type)) {
        return nullptr;
    }
    if (w.length(1) != x.length(1) || w.length(0) == 0) {
        linear_fault();
        return nullptr;
    }
    LinearPoints left, other;
    LinearPoints& right = given_x == given_y ? left : other;
    if (!read_points(left, x.data(), x.length(0), x.length(1), w.length(0)) ||
        (&right == &other && !read_points(other, y.data(), y.length(0), y.length(1), w.length(0)))) {
        return PyErr_NoMemory();
    }
    const npy_intp dims[] = {w.length(0), left.count, right.count};
    PyObject* made = empty(type, 3, dims, nullptr);
    if (made == nullptr) {
        return nullptr;
    }
    if (!fill_all(left, right, w.data(), reinterpret_cast<PyArrayObject*>(made), threads, finite)) {
        Py_DECREF(made);
        return nullptr;
    }
    clear_status();
    if (only_finite && !finite) {
        Py_DECREF(made);
        Py_RETURN_NONE;
    }
    return made;
}

PyMethodDef methods[] = {
    {"difference_projections", difference_projections, METH_VARARGS,
     "difference_projections(x, y, w, type, threads, only_finite, /)\n--\n\nSums over features of w d for "
     "all pairs, "
     "(forms, n, m); None if only what is finite is asked for and not all is."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_difference_projections(PyObject* module) {
    return PyModule_AddFunctions(module, methods) < 0 ? -1 : add_difference_totals(module);
}

} // namespace einroute
