#include "difference_totals.hpp"

#include "float_status.hpp"
#include "held_numbers.hpp"
#include "linear_sides.hpp"
#include "pair_sums.hpp"

#include <cmath>

namespace einroute {

namespace {

using std::ptrdiff_t;

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
    ptrdiff_t feature, form;
    bool over_x, over_y, plain; // plain: weights are one
    const double* ones;
    bool& failed; // for want of memory
};

void add_up(const LinearPoints& p, const Sums& s, bool over, double times, Total& t) {
    const LinearSide own = p.side(s.form, 0);
    if (over) {
        const bool plain = s.plain; // all coordinates, one after the other
        double size = 0;
        linear_kernels().total({plain ? p.rows : own.head, plain ? nullptr : own.tail,
                                plain ? p.count * p.features : p.count, t.head.get(), t.tail.get(),
                                t.size.get()});
        for (ptrdiff_t i = 0; !plain && i < p.count; ++i) {
            size += own.least[i];
        }
        t.size[0] = plain ? t.size[0] : size;
    }
    for (ptrdiff_t i = 0; i < t.count; ++i) {
        const double head = over ? t.head[0] : own.head[i], tail = over ? t.tail[0] : own.tail[i],
                     size = over ? t.size[0] : own.least[i];
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
    if (!turn_points(others)) {
        s.failed = true;
        return made;
    }
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
        const double goal = (left.size[a] + right.size[b]) * LINEAR_LEAST;
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
    bool finite = true, failed = false;
    int alone, over_x, over_y, type, only_finite; // alone: each feature by itself
    if (!PyArg_ParseTuple(args, "OOOpppip:difference_totals", &given_x, &given_y, &given_w, &alone, &over_x,
                          &over_y, &type, &only_finite)) {
        return nullptr;
    }
    const bool plain = given_w == Py_None;
    const HeldNumbers x(given_x, 2), y(given_y, 2), w(plain ? given_x : given_w, 2);
    if (!x.good() || !y.good() || !w.good() || !linear_fits(x, y, type)) {
        return nullptr;
    }
    if (w.length(1) != x.length(1) || (!over_x && !over_y) || (alone && !plain)) {
        linear_fault();
        return nullptr;
    }
    LinearPoints left, right;
    const npy_intp forms = plain ? 1 : w.length(0);
    ptrdiff_t most = x.length(0) > y.length(0) ? x.length(0) : y.length(0);
    most = most > x.length(1) ? most : x.length(1);
    const Numbers ones = numbers(most);
    Total left_total(over_x ? 1 : x.length(0)), right_total(over_y ? 1 : y.length(0));
    if (!ones || !left_total.good() || !right_total.good() ||
        !read_points(left, x.data(), x.length(0), x.length(1), forms) ||
        !read_points(right, y.data(), y.length(0), y.length(1), forms)) {
        return PyErr_NoMemory();
    }
    for (ptrdiff_t i = 0; i < most; ++i) {
        ones[i] = 1;
    }
    // All together are summed as they are.
    const double* const weights = plain ? ones.get() : w.data();
    if (!alone && ((!(plain && over_x) && !project(left, weights, forms, false, 1)) ||
                   (!(plain && over_y) && !project(right, weights, forms, false, 1)))) {
        return nullptr;
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
        const double* own = alone ? nullptr : weights + b * left.features;
        const Sums sums{left,        right,           own,        b,     alone ? 0 : b, over_x != 0,
                        over_y != 0, plain && !alone, ones.get(), failed};
        failed = alone && (!choose(left, b) || !choose(right, b));
        if (!failed) {
            sums_of(sums, given_x == given_y, left_total, right_total, type,
                    PyArray_BYTES(out) + b * PyArray_STRIDE(out, 0), finite);
        }
        if (failed) {
            Py_DECREF(made);
            return PyErr_NoMemory();
        }
    }
    clear_status();
    if (only_finite && !finite) {
        Py_DECREF(made);
        Py_RETURN_NONE;
    }
    return made;
}

PyMethodDef methods[] = {
    {"difference_totals", difference_totals, METH_VARARGS,
     "difference_totals(x, y, w, alone, over_x, over_y, type, only_finite, /)\n--\n\nThe same summed over "
     "points: (forms, "
     "n), "
     "(forms, m) or (forms, 1). Without w of all features together, or of each alone."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_difference_totals(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
