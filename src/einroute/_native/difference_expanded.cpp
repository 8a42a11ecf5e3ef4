// Squared forms by a metric of any signs, in single precision: x' S x + y' S y - 2 x' S y in double, of
// centred points whose features are scaled by powers of two to one size.
//
// The bound, u being the unit roundoff of single precision. Of sums in double 2 D 2**-29 u are lost at most,
// of |x_i| w_j with w_j = |S y_j| + |S| |y_j|, the latter of norms; and rounding adds 3 (|a_i| + |b_j|)
// 2**-29 u. So with 2 |x_i| w_j <= s |x_i|**2 + w_j**2 / s an error of u (l_i + r_j) is sure, where l_i and
// r_j are the sums of the own terms. The rule is 64 eps of sum_kl |d_k| |S_kl| |d_l|, which is at least the
// form's size and the sum over the diagonal: where neither is as large as (l_i + r_j) / 116, as few are, a
// form is made of the difference.
#include "difference_expanded.hpp"

#include "blas.hpp"
#include "float_status.hpp"
#include "held_numbers.hpp"
#include "threads.hpp"
#include "transformed_points.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Numbers of a tile of rows; the error that sums may make, in u; the share of forms that may be made again.
constexpr ptrdiff_t TILE = 1 << 15;
constexpr double ALLOWED = 116, OFTEN = 0.02;

// Points of one side, and of each its form with itself and what is lost of those it has part in.
struct Side {
    const double* rows;
    ptrdiff_t count;
    double *near, *z, *own, *norm, *limit; // z: the points by twice the metric

    static ptrdiff_t space(ptrdiff_t count, ptrdiff_t features) { return count * (2 * features + 3); }
    Side(const double* rows, ptrdiff_t count, ptrdiff_t features, double* memory)
        : rows(rows), count(count), near(memory), z(near + count * features), own(z + count * features),
          norm(own + count), limit(norm + count) {}
};

ptrdiff_t rows_of_tile(ptrdiff_t m) {
    return std::max<ptrdiff_t>(1, TILE / m);
}

struct Job {
    Side &x, &y;
    const double* metric; // as given
    ptrdiff_t features;
    float* out;
    bool same;
    double* products;  // of a tile: one thread runs all, BLAS has threads of its own
    ptrdiff_t few;     // that may be made again
    bool lost = false; // too much cancels, or is not finite
};

void multiply_rows(const double* a, const double* b, double* c, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                   bool turned) {
    Gemm g{};
    g.element = Element::Float64;
    g.turned_b = turned;
    g.m = m;
    g.n = g.ldc = n;
    g.k = g.lda = k;
    g.ldb = turned ? k : n;
    multiply(g, reinterpret_cast<const char*>(a), reinterpret_cast<const char*>(b),
             reinterpret_cast<char*>(c));
}

double dot(const double* __restrict a, const double* __restrict b, ptrdiff_t count) {
    double sums[4] = {};
    ptrdiff_t k = 0;
    for (; k + 4 <= count; k += 4) {
        for (ptrdiff_t lane = 0; lane < 4; ++lane) {
            sums[lane] += a[k + lane] * b[k + lane];
        }
    }
    for (; k < count; ++k) {
        sums[0] += a[k] * b[k];
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// The form of a pair from its difference, rounded as NumPy rounds that; the sum over the diagonal first.
double form_of(const Job& job, ptrdiff_t i, ptrdiff_t j, double least, bool& sure) {
    const double *x = job.x.rows + i * job.features, *y = job.y.rows + j * job.features;
    double diagonal = 0;
    for (ptrdiff_t k = 0; k < job.features; ++k) {
        const double d = x[k] - y[k];
        diagonal += std::fabs(job.metric[k * job.features + k]) * d * d;
    }
    sure = diagonal >= least;
    double sum = 0;
    for (ptrdiff_t k = 0; !sure && k < job.features; ++k) {
        const double d = static_cast<double>(static_cast<float>(x[k] - y[k]));
        double own = 0;
        for (ptrdiff_t l = 0; l < job.features; ++l) {
            own += job.metric[k * job.features + l] * static_cast<double>(static_cast<float>(x[l] - y[l]));
        }
        sum += own * d;
    }
    return sum;
}

void form_row(Job& job, ptrdiff_t i, const double* products) {
    const ptrdiff_t m = job.y.count, first = job.same ? i + 1 : 0;
    float* __restrict const out = job.out + i * m;
    const double own = job.x.own[i], limit = job.x.limit[i];
    const double* __restrict const others = job.y.own;
    const double* __restrict const limits = job.y.limit;
    double unsure[4] = {}, beyond[4] = {};
    const auto one = [&](ptrdiff_t j, ptrdiff_t lane) {
        const double q = own + others[j] - products[j], size = std::fabs(q);
        out[j] = static_cast<float>(q);
        unsure[lane] += size >= limit + limits[j] ? 0.0 : 1.0;
        beyond[lane] += size <= static_cast<double>(std::numeric_limits<float>::max()) ? 0.0 : 1.0;
    };
    ptrdiff_t j = first;
    for (; j + 4 <= m; j += 4) {
        for (ptrdiff_t lane = 0; lane < 4; ++lane) {
            one(j + lane, lane);
        }
    }
    for (; j < m; ++j) {
        one(j, 0);
    }
    if (beyond[0] + beyond[1] + beyond[2] + beyond[3] > 0) {
        job.lost = true;
    }
    for (j = first; unsure[0] + unsure[1] + unsure[2] + unsure[3] > 0 && !job.lost && j < m; ++j) {
        const double least = limit + limits[j];
        bool sure = std::fabs(own + others[j] - products[j]) >= least;
        const double again = sure ? 0 : form_of(job, i, j, least, sure);
        if (!sure) {
            out[j] = static_cast<float>(again);
            job.lost = job.lost || --job.few < 0;
        }
    }
}

void form_rows(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    const ptrdiff_t m = job.y.count, each = rows_of_tile(m), first = index * each,
                    last = std::min(first + each, job.x.count);
    multiply_rows(job.x.near + first * job.features, job.y.z, job.products, last - first, m, job.features,
                  true);
    for (ptrdiff_t i = first; i < last && !job.lost; ++i) {
        form_row(job, i, job.products + (i - first) * m);
    }
    clear_status();
}

// The largest size of each feature of the centred points.
void widen(const Side& s, ptrdiff_t features, const double* centre, double* most) {
    for (ptrdiff_t i = 0; i < s.count; ++i) {
        for (ptrdiff_t k = 0; k < features; ++k) {
            most[k] = std::max(most[k], std::fabs(s.rows[i * features + k] - centre[k]));
        }
    }
}

void centre_side(Side& s, ptrdiff_t features, const double* centre, const double* scale, const double* size) {
    for (ptrdiff_t i = 0; i < s.count; ++i) {
        for (ptrdiff_t k = 0; k < features; ++k) {
            s.near[i * features + k] = (s.rows[i * features + k] - centre[k]) * scale[k];
        }
    }
    multiply_rows(s.near, size, s.z, s.count, features, features, false);
}

// What is lost of the sums: of each side's own terms, with w by the points' norms. False where a point is not
// finite, of which nothing else tells if it meets itself only.
bool limit_sides(Side& x, Side& y, bool same, ptrdiff_t features, double whole) {
    constexpr double DOUBLE = 0x1p-29;
    const double left = 2 * static_cast<double>(features) * DOUBLE;
    double squares = 0, norms = 0;
    const auto add = [&](Side& s) {
        for (ptrdiff_t i = 0; i < s.count; ++i) {
            const double *near = s.near + i * features, *z = s.z + i * features;
            s.own[i] = dot(near, z, features) / 2;
            s.norm[i] = std::sqrt(dot(near, near, features));
            s.limit[i] = std::sqrt(dot(z, z, features)) / 2 + whole * s.norm[i]; // w, at first
            squares += s.limit[i] * s.limit[i];
            norms += s.norm[i] * s.norm[i];
        }
    };
    add(x);
    if (!same) {
        add(y);
    }
    const double s = squares > 0 && norms > 0 ? std::sqrt(squares / norms) : 1;
    const auto set = [&](Side& side) {
        for (ptrdiff_t i = 0; i < side.count; ++i) {
            const double w = side.limit[i], norm = side.norm[i];
            side.limit[i] =
                (3 * DOUBLE * std::fabs(side.own[i]) + left * (norm * w + s * norm * norm + w * w / s)) /
                ALLOWED;
        }
    };
    set(x);
    if (!same) {
        set(y);
    }
    return norms <= std::numeric_limits<double>::max();
}

// The scales of features and twice the metric's symmetric part in them; its size.
double scaled(const double* metric, ptrdiff_t features, double* scale, double* size) {
    double whole = 0;
    for (ptrdiff_t k = 0; k < features; ++k) {
        int exponent = 0;
        std::frexp(scale[k], &exponent);
        scale[k] = std::ldexp(1.0, -exponent);
    }
    for (ptrdiff_t k = 0; k < features; ++k) {
        for (ptrdiff_t l = 0; l < features; ++l) {
            const double both = (metric[k * features + l] + metric[l * features + k]) / scale[k] / scale[l];
            size[k * features + l] = both;
            whole += both * both;
        }
    }
    return std::sqrt(whole) / 2;
}

// Whether all forms are made; false with an exception set, or without one where this is no way.
bool make(Job& job, double* centre, double* scale, double* size) {
    const ptrdiff_t features = job.features, n = job.x.count, m = job.y.count;
    add_means(job.x.rows, n, features, centre);
    add_means(job.y.rows, m, features, centre);
    widen(job.x, features, centre, scale);
    widen(job.y, features, centre, scale);
    const double whole = scaled(job.metric, features, scale, size);
    if (!(whole <= std::numeric_limits<double>::max())) {
        return false;
    }
    centre_side(job.x, features, centre, scale, size);
    if (!job.same) {
        centre_side(job.y, features, centre, scale, size);
    }
    if (!limit_sides(job.x, job.y, job.same, features, whole)) {
        return false;
    }
    const ptrdiff_t each = rows_of_tile(m);
    if (!run_blocks(static_cast<long>((n + each - 1) / each), 1, form_rows, &job)) {
        return false;
    }
    for (ptrdiff_t i = 0; job.same && i < n; ++i) {
        job.out[i * m + i] = 0;
        for (ptrdiff_t j = 0; j < i; ++j) {
            job.out[i * m + j] = job.out[j * m + i];
        }
    }
    return !job.lost;
}

PyObject* difference_expanded(PyObject*, PyObject* args) {
    PyObject *given_x, *given_y, *given_metric;
    if (!PyArg_ParseTuple(args, "OOO:difference_expanded", &given_x, &given_y, &given_metric)) {
        return nullptr;
    }
    const HeldNumbers held_x(given_x, 2), held_y(given_y, 2), metric(given_metric, 2);
    if (!held_x.good() || !held_y.good() || !metric.good() || !linear_fits(held_x, held_y, NPY_FLOAT)) {
        return nullptr;
    }
    const npy_intp features = held_x.length(1), dims[] = {held_x.length(0), held_y.length(0)};
    if (metric.length(0) != features || metric.length(1) != features) {
        linear_fault();
        return nullptr;
    }
    if (!has_blas()) {
        Py_RETURN_NONE;
    }
    const bool same = given_x == given_y;
    const ptrdiff_t n = dims[0], m = dims[1], own = Side::space(n, features),
                    others = same ? 0 : Side::space(m, features), tile = rows_of_tile(m) * m;
    PyObject* made = empty(NPY_FLOAT, 2, dims, nullptr);
    if (made == nullptr) {
        return nullptr;
    }
    // All at once: many smaller pieces would be paid for in page faults at each call.
    const Numbers memory = numbers(features * (features + 2) + own + others + tile);
    if (!memory) {
        Py_DECREF(made);
        return PyErr_NoMemory();
    }
    std::fill_n(memory.get(), 2 * features, 0.0);
    double *const size = memory.get() + 2 * features, *const sides = size + features * features;
    Side x(held_x.data(), n, features, sides), other(held_y.data(), m, features, sides + own);
    Job job{x,
            same ? x : other,
            metric.data(),
            features,
            static_cast<float*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(made))),
            same,
            sides + own + others,
            static_cast<ptrdiff_t>(OFTEN * static_cast<double>(n * m)) + 1};
    const bool good = make(job, memory.get(), memory.get() + features, size);
    clear_status();
    if (good) {
        return made;
    }
    Py_DECREF(made);
    if (PyErr_Occurred()) {
        return nullptr;
    }
    Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"difference_expanded", difference_expanded, METH_VARARGS,
     "difference_expanded(x, y, metric, /)\n--\n\nSquared forms of all pairs in single precision, by a "
     "metric of "
     "any signs, multiplied out in double by NumPy's BLAS; None where that is not found, much cancels, or "
     "something is not finite."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_difference_expanded(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
