// Squared forms by a whole metric U' U: distances of the points that U transformed, from their differences,
// and all that are too small against their terms (`transformed_points`) from the differences of the points
// themselves.
#include "difference_transformed.hpp"

#include "difference_forms.hpp"
#include "float_status.hpp"
#include "held_numbers.hpp"
#include "metric_factor.hpp"
#include "passing.hpp"
#include "transformed_points.hpp"

#include <algorithm>
#include <limits>

namespace einroute {

namespace {

using std::ptrdiff_t;

// The most terms, and the distances that are looked at together; and the share of pairs from which this is no
// way.
constexpr ptrdiff_t MOST = 1024, TOGETHER = 64;
constexpr double OFTEN = 0.02;

enum Found { FAILED = -1, LEFT, MADE };

// The form of one pair; `own` has room for two rows of features.
template <class R>
double form_of(const double* x, const double* y, const double* metric, ptrdiff_t features, double* own) {
    double* __restrict const sums = own;
    double* __restrict const d = own + features;
    for (ptrdiff_t k = 0; k < features; ++k) {
        d[k] = static_cast<double>(static_cast<R>(x[k] - y[k]));
        sums[k] = 0;
    }
    for (ptrdiff_t k = 0; k < features; ++k, metric += features) {
        for (ptrdiff_t l = 0; l < features; ++l) {
            sums[l] += metric[l] * d[k];
        }
    }
    double sum = 0;
    for (ptrdiff_t k = 0; k < features; ++k) {
        sum += sums[k] * d[k];
    }
    return sum;
}

struct Points {
    const double* rows;
    ptrdiff_t count;
};

template <class R> struct Form {
    Points x, y;
    ptrdiff_t features;
    const double* metric;
    R* out;
    bool same;
};

// Limits of a side as numbers of the result, and so much more that a sum of two is never less than it is in
// double.
template <class R> Workspace<R> limits_of(const Transformed& side) {
    using Limits = std::numeric_limits<R>;
    Workspace<R> limits = workspace<R>(side.count);
    for (ptrdiff_t i = 0; limits && i < side.count; ++i) {
        limits[i] = static_cast<R>(side.limit[i] * (1 + 4 * static_cast<double>(Limits::epsilon())) +
                                   static_cast<double>(Limits::min()));
    }
    return limits;
}

// Whether one of some distances is not at least both limits; lanes side by side.
template <class R>
bool some_small(const R* __restrict row, const R* __restrict limits, R own, ptrdiff_t count) {
    constexpr ptrdiff_t LANES = 64 / sizeof(R);
    R small[LANES] = {};
    ptrdiff_t j = 0;
    for (; j + LANES <= count; j += LANES) {
        for (ptrdiff_t lane = 0; lane < LANES; ++lane) {
            small[lane] += row[j + lane] >= own + limits[j + lane] ? R{0} : R{1};
        }
    }
    for (; j < count; ++j) {
        small[0] += row[j] >= own + limits[j] ? R{0} : R{1};
    }
    R all = 0;
    for (ptrdiff_t lane = 0; lane < LANES; ++lane) {
        all += small[lane];
    }
    return all > 0;
}

// Writes where distances are too small, in order; how many, or -1 where that is more than `most`.
template <class R>
ptrdiff_t find_small(const Form<R>& f, const Transformed& left, const Transformed& right, const R* lefts,
                     const R* rights, ptrdiff_t most, ptrdiff_t* places) {
    const ptrdiff_t m = f.y.count;
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < f.x.count; ++i) {
        const R* const row = f.out + i * m;
        for (ptrdiff_t first = 0; first < m; first += TOGETHER) {
            const ptrdiff_t last = std::min(first + TOGETHER, m);
            const bool some = some_small(row + first, rights + first, lefts[i], last - first);
            for (ptrdiff_t j = first; some && j < last; ++j) {
                if (static_cast<double>(row[j]) >= left.limit[i] + right.limit[j]) {
                    continue;
                }
                if (count == most) {
                    return -1;
                }
                places[count++] = i * m + j;
            }
        }
    }
    return count;
}

// Computes what is small from the differences; not where that is more than some pairs.
template <class R>
Found mend(const Form<R>& f, const Transformed& left, const Transformed& right, ptrdiff_t most) {
    const ptrdiff_t m = f.y.count, features = f.features;
    const Numbers own = numbers(2 * features);
    const Workspace<ptrdiff_t> places = workspace<ptrdiff_t>(most);
    const Workspace<R> lefts = limits_of<R>(left), other = f.same ? nullptr : limits_of<R>(right);
    if (!own || !places || !lefts || (!f.same && !other)) {
        return PyErr_NoMemory(), FAILED;
    }
    const auto diagonal = [&](R value) {
        for (ptrdiff_t i = 0; f.same && i < m; ++i) {
            f.out[i * m + i] = value;
        }
    };
    diagonal(std::numeric_limits<R>::infinity());
    const ptrdiff_t count =
        find_small(f, left, right, lefts.get(), (f.same ? lefts : other).get(), most, places.get());
    if (count < 0) {
        return LEFT;
    }
    for (ptrdiff_t k = 0; k < count; ++k) {
        const ptrdiff_t i = places[k] / m, j = places[k] % m;
        f.out[places[k]] = static_cast<R>(
            form_of<R>(f.x.rows + i * features, f.y.rows + j * features, f.metric, features, own.get()));
    }
    diagonal(0);
    return MADE;
}

// Whether all below the diagonal is zero.
bool upper(const HeldNumbers& u) {
    const ptrdiff_t features = u.length(1);
    if (u.length(0) > features) {
        return false;
    }
    bool zeros = true;
    for (ptrdiff_t r = 1; r < u.length(0); ++r) {
        for (ptrdiff_t k = 0; k < r; ++k) {
            zeros = zeros && u.data()[r * features + k] == 0;
        }
    }
    return zeros;
}

// The points as rows, in the precision of the result.
template <class R> Workspace<R> as_rows(const Transformed& t, ptrdiff_t terms) {
    Workspace<R> rows = workspace<R>(t.count * terms), own;
    const Numbers& z = t.z;
    constexpr bool WIDE = sizeof(R) == sizeof(double);
    if (!WIDE) {
        own = workspace<R>(t.padded * terms);
        for (ptrdiff_t i = 0; own && i < t.padded * terms; ++i) {
            own[i] = static_cast<R>(z[i]);
        }
    }
    if (!rows || (!WIDE && !own)) {
        PyErr_NoMemory();
        return nullptr;
    }
    constexpr ptrdiff_t ITEM = sizeof(R);
    const char* const from =
        WIDE ? reinterpret_cast<const char*>(z.get()) : reinterpret_cast<char*>(own.get());
    transpose_of(ITEM)(from, t.padded * ITEM, t.count, terms, reinterpret_cast<char*>(rows.get()),
                       terms * ITEM);
    return rows;
}

// Distances of transformed points, and what is too small in them.
template <class R>
Found distances(const Form<R>& f, const Transformed& left, const Transformed& right, const Factor& factor,
                ptrdiff_t most) {
    // Twice what a distance is made of: of what that bounds all is finite.
    if (!((left.largest + right.largest) * 4 < static_cast<double>(std::numeric_limits<R>::max()))) {
        return LEFT;
    }
    const Workspace<R> x = as_rows<R>(left, factor.terms);
    const Workspace<R> y = x && !f.same ? as_rows<R>(right, factor.terms) : nullptr;
    const Workspace<R> ones = workspace<R>(factor.terms);
    if (!x || (!f.same && !y) || !ones) {
        return PyErr_NoMemory(), FAILED;
    }
    std::fill_n(ones.get(), factor.terms, R{1});
    const auto bytes = [](const Workspace<R>& own) { return reinterpret_cast<const char*>(own.get()); };
    const DifferenceForms forms = {bytes(x),    bytes(f.same ? x : y), bytes(ones), left.count,
                                   right.count, factor.terms,          false};
    if (!fill_forms(forms, reinterpret_cast<char*>(f.out), factor.single ? NPY_FLOAT : NPY_DOUBLE,
                    factor.threads)) {
        return FAILED;
    }
    return mend(f, left, right, most);
}

template <class R> Found plainly(const Form<R>& f, const Factor& factor) {
    const Numbers centre = numbers(factor.features);
    if (!centre) {
        return PyErr_NoMemory(), FAILED;
    }
    std::fill_n(centre.get(), factor.features, 0.0);
    add_means(f.x.rows, f.x.count, factor.features, centre.get());
    add_means(f.y.rows, f.y.count, factor.features, centre.get());
    Transformed left, other;
    if (!transform_plainly(f.x.rows, f.x.count, centre.get(), factor, left) ||
        (!f.same && !transform_plainly(f.y.rows, f.y.count, centre.get(), factor, other))) {
        return FAILED;
    }
    const Transformed& right = f.same ? left : other;
    // To make a pair again takes about as long as to transform a point in twice the precision, and as to make
    // the distances of some pairs, more of them by more features, all of which would have to be made again.
    return distances(f, left, right, factor,
                     (f.x.count + f.y.count) / 2 + f.x.count * f.y.count / (4 * (f.features + 2)));
}

double mean_of(const double* x, ptrdiff_t count) {
    constexpr ptrdiff_t LANES = 4;
    double sums[LANES] = {};
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (ptrdiff_t lane = 0; lane < LANES; ++lane) {
            sums[lane] += x[i + lane];
        }
    }
    for (; i < count; ++i) {
        sums[0] += x[i];
    }
    return (sums[0] + sums[1] + sums[2] + sums[3]) / static_cast<double>(count);
}

// The same of points that are transformed in twice the precision.
template <class R> Found precisely(const Form<R>& f, const Factor& factor) {
    const ptrdiff_t terms = factor.terms;
    LinearPoints x, y;
    const Numbers centre = numbers(terms);
    if (!centre || !read_points(x, f.x.rows, f.x.count, factor.features, terms) ||
        (!f.same && !read_points(y, f.y.rows, f.y.count, factor.features, terms))) {
        return PyErr_NoMemory(), FAILED;
    }
    if (!project(x, factor.u, terms, false, factor.threads, factor.above) ||
        (!f.same && !project(y, factor.u, terms, false, factor.threads, factor.above))) {
        return FAILED;
    }
    for (ptrdiff_t r = 0; r < terms; ++r) { // any point would do
        const double* const own = x.head.get() + r * x.padded;
        centre[r] =
            mean_of(own, x.count) / 2 + mean_of(f.same ? own : y.head.get() + r * y.padded, f.y.count) / 2;
    }
    Transformed left, other;
    if (!centre_projected(x, centre.get(), factor, left) ||
        (!f.same && !centre_projected(y, centre.get(), factor, other))) {
        return FAILED;
    }
    return distances(f, left, f.same ? left : other, factor,
                     static_cast<ptrdiff_t>(OFTEN * static_cast<double>(f.x.count * f.y.count)) + 1);
}

// The form by a factor, if that is a way; with an exception set if it failed.
template <class R> Found make(const Form<R>& f, const Factor& factor) {
    const Found found = plainly(f, factor);
    return found == LEFT && !factor.single ? precisely(f, factor) : found;
}

PyObject* difference_transformed(PyObject*, PyObject* args) {
    PyObject *given_x, *given_y, *given_u, *given_metric;
    int type, threads;
    if (!PyArg_ParseTuple(args, "OOOOii:difference_transformed", &given_x, &given_y, &given_u, &given_metric,
                          &type, &threads)) {
        return nullptr;
    }
    const bool factored = given_u != Py_None;
    const HeldNumbers x(given_x, 2), y(given_y, 2), metric(given_metric, 2),
        u(factored ? given_u : given_metric, 2);
    if (!x.good() || !y.good() || !u.good() || !metric.good() || !linear_fits(x, y, type)) {
        return nullptr;
    }
    const npy_intp features = x.length(1), terms = u.length(0);
    if (u.length(1) != features || metric.length(0) != features || metric.length(1) != features ||
        terms == 0 || terms > MOST) {
        linear_fault();
        return nullptr;
    }
    Numbers own;
    if (!factored) {
        own = numbers(features * features);
        if (!own) {
            return PyErr_NoMemory();
        }
        if (!factor_metric(metric.data(), features, own.get())) {
            clear_status();
            Py_RETURN_FALSE;
        }
    }
    const Points left{x.data(), x.length(0)}, right{y.data(), y.length(0)};
    const bool same = given_x == given_y, single = type == NPY_FLOAT;
    const Factor factor{factored ? u.data() : own.get(), terms,  features,
                        !factored || upper(u),           single, threads};
    const npy_intp dims[] = {left.count, right.count};
    PyObject* made = empty(type, 2, dims, nullptr);
    if (made == nullptr) {
        return nullptr;
    }
    void* const out = PyArray_DATA(reinterpret_cast<PyArrayObject*>(made));
    const Found found =
        single
            ? make(Form<float>{left, right, features, metric.data(), static_cast<float*>(out), same}, factor)
            : make(Form<double>{left, right, features, metric.data(), static_cast<double*>(out), same},
                   factor);
    clear_status();
    if (found == MADE) {
        return made;
    }
    Py_DECREF(made);
    if (found == FAILED) {
        return nullptr;
    }
    Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"difference_transformed", difference_transformed, METH_VARARGS,
     "difference_transformed(x, y, u, metric, type, threads, /)\n--\n\nSquared forms of all pairs by a "
     "metric that is u.T @ u, of points transformed by u, at most 1024 rows; None where much cancels, or "
     "something is not finite. Without u False where the metric is not positive definite, or diagonal."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_difference_transformed(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
