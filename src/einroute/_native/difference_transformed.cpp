// Squared forms by a whole metric U' U: distances of the points that U transformed, from their differences.
//
// The bound, with u the unit roundoff: a transformed and centred coordinate is off by u times itself and a
// little of the terms it was summed of, `extra`. So the root of a distance q is off by u sqrt(2 T) at most
// with T = t_i + t_j, t = sum (|z| + extra)**2, and q by 2 sqrt(2) u sqrt(q T) and (R + 3) u q for the sum of
// R terms: less than 104 u where q is at least T / least_share(R). All others are computed from the
// differences of the points themselves.
#include "difference_transformed.hpp"

#include "difference_forms.hpp"
#include "float_status.hpp"
#include "held_numbers.hpp"
#include "linear_sides.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace einroute {

namespace {

using std::ptrdiff_t;

// The most terms; and the share of pairs from which this is no way.
constexpr ptrdiff_t MOST = 64;
constexpr double OFTEN = 0.02;
// A linear form is within so many u where it is not less than its limit.
constexpr double WITHIN = 60;

double least_share(ptrdiff_t terms) {
    const double root = (100 - static_cast<double>(terms)) / (2 * std::sqrt(2.0));
    return std::min(700.0, root * root);
}

// Transformed points, row by row, and what a distance must not be less than; the largest of that.
template <class R> struct Side {
    Workspace<R> z;
    Numbers limit;
    double most = 0;

    Side(ptrdiff_t count, ptrdiff_t terms) : z(workspace<R>(count * terms)), limit(numbers(count)) {}
    bool good() const { return z && limit; }
};

// The means of the transformed points: any point would do.
void add_means(const LinearPoints& p, ptrdiff_t terms, double* centre) {
    for (ptrdiff_t r = 0; r < terms; ++r) {
        double sum = 0;
        for (ptrdiff_t i = 0; i < p.count; ++i) {
            sum += p.head[r * p.padded + i];
        }
        centre[r] += sum / (2 * static_cast<double>(p.count));
    }
}

template <class R>
void fill(const LinearPoints& p, ptrdiff_t terms, const double* centre, double share, Side<R>& to) {
    for (ptrdiff_t i = 0; i < p.count; ++i) {
        to.limit[i] = 0;
    }
    for (ptrdiff_t r = 0; r < terms; ++r) {
        const LinearSide own = p.side(r, 0);
        for (ptrdiff_t i = 0; i < p.count; ++i) {
            const double near = own.head[i] - centre[r], back = near - own.head[i],
                         lost = (own.head[i] - (near - back)) - (centre[r] + back),
                         z = near + (own.tail[i] + lost),
                         size = std::fabs(z) + WITHIN * LINEAR_LEAST * own.least[i];
            to.z[i * terms + r] = static_cast<R>(z);
            to.limit[i] += size * size / share;
        }
    }
    for (ptrdiff_t i = 0; i < p.count; ++i) {
        const double limit = to.limit[i];
        to.most = limit > to.most || std::isnan(limit) ? limit : to.most; // nan stays
    }
}

// The form of one pair.
template <class R>
double form_of(const double* x, const double* y, const double* metric, ptrdiff_t features) {
    double sum = 0;
    for (ptrdiff_t k = 0; k < features; ++k) {
        double own = 0;
        for (ptrdiff_t l = 0; l < features; ++l) {
            own += metric[k * features + l] * static_cast<double>(static_cast<R>(x[l] - y[l]));
        }
        sum += own * static_cast<double>(static_cast<R>(x[k] - y[k]));
    }
    return sum;
}

template <class R> struct Form {
    const LinearPoints &x, &y;
    const double* metric;
    R* out;
    bool same;
};

// Whether one of some numbers is not at least so much; lanes side by side.
template <class R> bool some_less(const R* x, ptrdiff_t count, R least) {
    constexpr ptrdiff_t LANES = 16;
    R less[LANES] = {};
    ptrdiff_t j = 0;
    for (; j + LANES <= count; j += LANES) {
        for (ptrdiff_t lane = 0; lane < LANES; ++lane) {
            less[lane] += x[j + lane] >= least ? R{0} : R{1};
        }
    }
    for (; j < count; ++j) {
        less[0] += x[j] >= least ? R{0} : R{1};
    }
    R all = 0;
    for (ptrdiff_t lane = 0; lane < LANES; ++lane) {
        all += less[lane];
    }
    return all > 0;
}

// Computes what is small from the differences; false where that is too much.
template <class R> bool mend(const Form<R>& f, const Side<R>& left, const Side<R>& right) {
    const ptrdiff_t m = f.y.count, features = f.x.features;
    ptrdiff_t few = static_cast<ptrdiff_t>(OFTEN * static_cast<double>(f.x.count * m)) + 1;
    for (ptrdiff_t i = 0; i < f.x.count; ++i) {
        R* const row = f.out + i * m;
        if (!f.same && !some_less(row, m, static_cast<R>(left.limit[i] + right.most))) {
            continue;
        }
        for (ptrdiff_t j = 0; j < m; ++j) {
            if (f.same && i == j) {
                row[j] = 0;
            } else if (!(static_cast<double>(row[j]) >= left.limit[i] + right.limit[j])) {
                if (--few < 0) {
                    return false;
                }
                row[j] = static_cast<R>(
                    form_of<R>(f.x.rows + i * features, f.y.rows + j * features, f.metric, features));
            }
        }
    }
    return true;
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

// 1 if the form is made, 0 if it has to be made another way, -1 with an exception set.
template <class R>
int make(LinearPoints& x, LinearPoints& y, const HeldNumbers& u, const double* metric, R* out, int type,
         int threads) {
    const ptrdiff_t terms = u.length(0);
    const double share = least_share(terms);
    const bool same = &x == &y;
    const Workspace<R> ones = workspace<R>(terms);
    const Numbers centre = numbers(terms);
    Side<R> left(x.count, terms), other(same ? 0 : y.count, terms);
    if (!ones || !centre || !left.good() || !other.good()) {
        PyErr_NoMemory();
        return -1;
    }
    const bool above = upper(u);
    if (!project(x, u.data(), terms, type == NPY_FLOAT, threads, above) ||
        (!same && !project(y, u.data(), terms, type == NPY_FLOAT, threads, above))) {
        return -1;
    }
    std::fill_n(ones.get(), terms, R{1});
    std::fill_n(centre.get(), terms, 0.0);
    add_means(x, terms, centre.get());
    add_means(y, terms, centre.get());
    fill(x, terms, centre.get(), share, left);
    if (!same) {
        fill(y, terms, centre.get(), share, other);
    }
    const Side<R>& right = same ? left : other;
    // Twice what a distance is made of: of what that bounds all is finite.
    if (!((left.most + right.most) * share * 4 < static_cast<double>(std::numeric_limits<R>::max()))) {
        return 0;
    }
    const DifferenceForms forms = {reinterpret_cast<const char*>(left.z.get()),
                                   reinterpret_cast<const char*>(right.z.get()),
                                   reinterpret_cast<const char*>(ones.get()),
                                   x.count,
                                   y.count,
                                   terms,
                                   false};
    if (!fill_forms(forms, reinterpret_cast<char*>(out), type, threads)) {
        return -1;
    }
    return mend(Form<R>{x, y, metric, out, same}, left, right);
}

PyObject* difference_transformed(PyObject*, PyObject* args) {
    PyObject *given_x, *given_y, *given_u, *given_metric;
    int type, threads;
    if (!PyArg_ParseTuple(args, "OOOOii:difference_transformed", &given_x, &given_y, &given_u, &given_metric,
                          &type, &threads)) {
        return nullptr;
    }
    const HeldNumbers x(given_x, 2), y(given_y, 2), u(given_u, 2), metric(given_metric, 2);
    if (!x.good() || !y.good() || !u.good() || !metric.good() || !linear_fits(x, y, type)) {
        return nullptr;
    }
    const npy_intp features = x.length(1), terms = u.length(0);
    if (u.length(1) != features || metric.length(0) != features || metric.length(1) != features ||
        terms == 0 || terms > MOST) {
        linear_fault();
        return nullptr;
    }
    LinearPoints left, other;
    LinearPoints& right = given_x == given_y ? left : other;
    if (!read_points(left, x.data(), x.length(0), features, terms) ||
        (&right == &other && !read_points(other, y.data(), y.length(0), features, terms))) {
        return PyErr_NoMemory();
    }
    const npy_intp dims[] = {left.count, right.count};
    PyObject* made = empty(type, 2, dims, nullptr);
    if (made == nullptr) {
        return nullptr;
    }
    void* const out = PyArray_DATA(reinterpret_cast<PyArrayObject*>(made));
    const int found = type == NPY_FLOAT
                          ? make(left, right, u, metric.data(), static_cast<float*>(out), type, threads)
                          : make(left, right, u, metric.data(), static_cast<double*>(out), type, threads);
    clear_status();
    if (found == 1) {
        return made;
    }
    Py_DECREF(made);
    if (found < 0) {
        return nullptr;
    }
    Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"difference_transformed", difference_transformed, METH_VARARGS,
     "difference_transformed(x, y, u, metric, type, threads, /)\n--\n\nSquared forms of all pairs by a "
     "metric "
     "that is u.T @ u, of points transformed by u, at most 64 rows; None where much cancels, or something "
     "is not finite."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_difference_transformed(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
