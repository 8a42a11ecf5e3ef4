#include "difference_projections.hpp"

#include "float_status.hpp"
#include "held_numbers.hpp"
#include "linear_sides.hpp"
#include "pair_sums.hpp"
#include "pool.hpp"
#include "threads.hpp"

#include <atomic>
#include <cmath>
#include <limits>

namespace einroute {

namespace {

using std::ptrdiff_t;

// How small an entry may be against its terms; entries of a block, and from how many on blocks are shared.
constexpr double LEAST = 0x1p-40, SHARED = 50e3;
constexpr ptrdiff_t BLOCK = 1 << 15;

bool fault() {
    PyErr_SetString(PyExc_ValueError, "expected points x (n, features), y (m, features) and weights "
                                      "(forms, features), none of them empty");
    return false;
}

bool fits(const HeldNumbers& x, const HeldNumbers& y, int type) {
    if (type != NPY_FLOAT && type != NPY_DOUBLE) {
        PyErr_SetString(PyExc_ValueError, "the forms are of single or of double precision");
        return false;
    }
    return (x.length(1) == y.length(1) && x.length(0) > 0 && x.length(1) > 0 && y.length(0) > 0) || fault();
}

struct Job {
    LinearRows rows;
    bool (*kernel)(const LinearRows&, ptrdiff_t, ptrdiff_t);
    ptrdiff_t count, each;
    std::atomic<bool> finite{true};
};

void some_rows(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    const ptrdiff_t first = index * job.each;
    if (!job.kernel(job.rows, first, first + job.each < job.count ? first + job.each : job.count)) {
        job.finite = false;
    }
    clear_status();
}

// Makes sizes what an entry must not be less than; nothing of what only fills a vector.
void limit(LinearPoints& p) {
    for (ptrdiff_t i = 0; i < p.padded; ++i) {
        p.size[i] = i < p.count ? p.size[i] * LEAST : -std::numeric_limits<double>::infinity();
    }
}

// Rows of one form, and whether they are all finite; false with an exception set if a signal's handler
// raised.
bool fill(const LinearPoints& left, const LinearPoints& right, const double* w, char* out, int type,
          int threads, bool& finite) {
    Job job;
    job.rows = {left.side(),  right.side(), left.rows, right.points.get(), w, left.features,
                right.padded, right.count,  out};
    job.kernel = type == NPY_FLOAT ? linear_kernels().single : linear_kernels().twice;
    job.count = left.count;
    job.each = BLOCK / right.count + 1;
    const double entries = static_cast<double>(left.count) * static_cast<double>(right.count);
    if (entries < SHARED) {
        job.each = job.count;
        some_rows(&job, 0);
        finite = finite && job.finite;
        return true;
    }
    const bool heard =
        run_blocks(static_cast<long>((job.count + job.each - 1) / job.each), threads, some_rows, &job);
    finite = finite && job.finite;
    return heard;
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
    if (!x.good() || !y.good() || !w.good() || !fits(x, y, type)) {
        return nullptr;
    }
    if (w.length(1) != x.length(1)) {
        fault();
        return nullptr;
    }
    LinearPoints left, right;
    if (!read_points(left, x.data(), x.length(0), x.length(1)) ||
        !read_points(right, y.data(), y.length(0), y.length(1))) {
        return PyErr_NoMemory();
    }
    const npy_intp dims[] = {w.length(0), left.count, right.count};
    PyObject* made = empty(type, 3, dims, nullptr);
    if (made == nullptr) {
        return nullptr;
    }
    PyArrayObject* out = reinterpret_cast<PyArrayObject*>(made);
    for (npy_intp b = 0; b < dims[0]; ++b) {
        const double* own = w.data() + b * left.features;
        project(left, own);
        project(right, own);
        limit(left);
        limit(right);
        if (!fill(left, right, own, PyArray_BYTES(out) + b * PyArray_STRIDE(out, 0), type, threads, finite)) {
            Py_DECREF(made);
            return nullptr;
        }
    }
    clear_status();
    if (only_finite && !finite) {
        Py_DECREF(made);
        Py_RETURN_NONE;
    }
    return made;
}

// One side of a sum: its points each, or all of them together, as often as the other side's are many.
struct Total {
    ptrdiff_t count;
    Numbers head, tail, size;

    explicit Total(ptrdiff_t count)
        : count(count), head(numbers(count)), tail(numbers(count)), size(numbers(count)) {}
    bool good() const { return head && tail && size; }
};

// Sums of one form over points.
struct Sums {
    LinearPoints &x, &y;
    const double* w; // of the features, or null: of one feature alone
    ptrdiff_t feature;
    bool over_x, over_y, plain; // plain: weights are one
    const double* ones;
};

void add_up(const LinearPoints& p, const Sums& s, bool over, double times, Total& t) {
    if (over) {
        const bool plain = s.plain; // all coordinates, one after the other
        double size = 0;
        linear_kernels().total({plain ? p.rows : p.head.get(), plain ? nullptr : p.tail.get(),
                                plain ? p.count * p.features : p.count, t.head.get(), t.tail.get(),
                                t.size.get()});
        for (ptrdiff_t i = 0; !plain && i < p.count; ++i) {
            size += p.size[i];
        }
        t.size[0] = plain ? t.size[0] : size;
    }
    for (ptrdiff_t i = 0; i < t.count; ++i) {
        const double head = over ? t.head[0] : p.head[i], tail = over ? t.tail[0] : p.tail[i],
                     size = over ? t.size[0] : p.size[i];
        t.head[i] = head * times;
        t.tail[i] = std::fma(head, times, -t.head[i]) + tail * times;
        t.size[i] = size * times;
    }
}

// The sum of |w d| of a point with all of another side's; whether that comes to the goal.
bool reaches(const Sums& s, const double* point, const LinearPoints& others, double goal, double& sum) {
    for (ptrdiff_t k = s.w ? 0 : s.feature; k < (s.w ? others.features : s.feature + 1); ++k) {
        const double scale = s.w ? std::fabs(s.w[k]) : 1;
        double own = 0;
        const PairRow row{s.ones, others.points.get() + k * others.padded, others.count, point[k], false};
        const bool enough = scale > 0 && pair_kernels().reaches(row, (goal - sum) / scale, own);
        sum += own * scale;
        if (enough) {
            return true;
        }
    }
    return false;
}

double direct(const Sums& s, const double* point, const LinearPoints& others) {
    double sum = 0;
    for (ptrdiff_t k = s.w ? 0 : s.feature; k < (s.w ? others.features : s.feature + 1); ++k) {
        const PairRow row{s.ones, others.points.get() + k * others.padded, others.count, point[k], false};
        sum += (s.w ? s.w[k] : 1) * pair_kernels().direct(row);
    }
    return sum;
}

// A sum that is small against its terms: it stands where the sizes of its differences are not, else is made
// of the differences.
double settled(const Sums& s, ptrdiff_t at, double goal, double made) {
    const bool all = s.over_x && s.over_y;
    LinearPoints &points = s.over_y ? s.x : s.y, &others = s.over_y ? s.y : s.x;
    turn_points(others);
    const double sign = s.over_y ? 1 : -1;
    const ptrdiff_t first = all ? 0 : at, last = all ? points.count : at + 1;
    double reached = 0, sum = 0;
    for (ptrdiff_t i = first; i < last; ++i) {
        if (reaches(s, points.rows + i * points.features, others, goal, reached)) {
            return made;
        }
    }
    for (ptrdiff_t i = first; i < last; ++i) {
        sum += direct(s, points.rows + i * points.features, others);
    }
    return sign * sum;
}

void sums_of(const Sums& s, bool same, Total& left, Total& right, int type, char* out, bool& finite) {
    add_up(s.x, s, s.over_x, s.over_y ? static_cast<double>(s.y.count) : 1, left);
    add_up(s.y, s, s.over_y, s.over_x ? static_cast<double>(s.x.count) : 1, right);
    const ptrdiff_t count = left.count > right.count ? left.count : right.count;
    for (ptrdiff_t i = 0; i < count; ++i) {
        const ptrdiff_t a = left.count > 1 ? i : 0, b = right.count > 1 ? i : 0;
        const double goal = (left.size[a] + right.size[b]) * LEAST;
        double made = (left.head[a] - right.head[b]) + (left.tail[a] - right.tail[b]);
        if (!(std::fabs(made) >= goal) && !(same && s.over_x && s.over_y && made == 0)) {
            made = settled(s, i, goal, made);
        }
        if (type == NPY_FLOAT) {
            const float single = static_cast<float>(made);
            finite = finite && std::isfinite(single);
            reinterpret_cast<float*>(out)[i] = single;
        } else {
            finite = finite && std::isfinite(made);
            reinterpret_cast<double*>(out)[i] = made;
        }
    }
}

PyObject* difference_totals(PyObject*, PyObject* args) {
    PyObject *given_x, *given_y, *given_w;
    bool finite = true;
    int alone, over_x, over_y, type, only_finite; // alone: each feature by itself
    if (!PyArg_ParseTuple(args, "OOOpppip:difference_totals", &given_x, &given_y, &given_w, &alone, &over_x,
                          &over_y, &type, &only_finite)) {
        return nullptr;
    }
    const bool plain = given_w == Py_None;
    const HeldNumbers x(given_x, 2), y(given_y, 2), w(plain ? given_x : given_w, 2);
    if (!x.good() || !y.good() || !w.good() || !fits(x, y, type)) {
        return nullptr;
    }
    if (w.length(1) != x.length(1) || (!over_x && !over_y) || (alone && !plain)) {
        fault();
        return nullptr;
    }
    LinearPoints left, right;
    ptrdiff_t most = x.length(0) > y.length(0) ? x.length(0) : y.length(0);
    most = most > x.length(1) ? most : x.length(1);
    const Numbers ones = numbers(most);
    Total left_total(over_x ? 1 : x.length(0)), right_total(over_y ? 1 : y.length(0));
    if (!ones || !left_total.good() || !right_total.good() ||
        !read_points(left, x.data(), x.length(0), x.length(1)) ||
        !read_points(right, y.data(), y.length(0), y.length(1))) {
        return PyErr_NoMemory();
    }
    for (ptrdiff_t i = 0; i < most; ++i) {
        ones[i] = 1;
    }
    const npy_intp dims[] = {alone   ? x.length(1)
                             : plain ? 1
                                     : w.length(0),
                             !over_x   ? left.count
                             : !over_y ? right.count
                                       : 1};
    PyObject* made = empty(type, 2, dims, nullptr);
    if (made == nullptr) {
        return nullptr;
    }
    PyArrayObject* out = reinterpret_cast<PyArrayObject*>(made);
    for (npy_intp b = 0; b < dims[0]; ++b) {
        const double* own = alone ? nullptr : plain ? ones.get() : w.data() + b * left.features;
        const Sums sums{left, right, own, b, over_x != 0, over_y != 0, plain && !alone, ones.get()};
        for (int side = 0; side < 2; ++side) {
            LinearPoints& points = side == 0 ? left : right;
            if (alone) {
                choose(points, b);
            } else if (!sums.plain || !(side == 0 ? over_x : over_y)) {
                project(points, own);
            }
        }
        sums_of(sums, given_x == given_y, left_total, right_total, type,
                PyArray_BYTES(out) + b * PyArray_STRIDE(out, 0), finite);
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
    {"difference_totals", difference_totals, METH_VARARGS,
     "difference_totals(x, y, w, alone, over_x, over_y, type, only_finite, /)\n--\n\nThe same summed over "
     "points: (forms, "
     "n), "
     "(forms, m) or (forms, 1). Without w of all features together, or of each alone."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_difference_projections(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
