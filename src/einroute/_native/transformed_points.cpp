// How points are transformed, and the bound of distances that are made of their differences.
//
// Let u be the unit roundoff of the result, z a transformed point and e what each of its coordinates is off
// by at most, in u. So the root of a distance q is off by u sqrt(2 T) at most, T the sum of both points' t =
// |e|**2, and q by 2 sqrt(2) u sqrt(q T), and by S u q for the sum of its terms. That is less than 110 u q of
// the 128 of the rule where q is at least T / least_share; the others are left for what the factor itself is
// off by.
//
// The sum z_r = sum_k U_rk (x - c)_k takes features in fours, a few fours in groups, and adds the groups.
// Where terms are alike their sums do not round at random: of 20,000 sums, of all kinds, none was off by more
// than 3.0 u of its terms' absolute values with 16 to 64 features, 4.4 with 200 and 17 with 1000; 3 u are
// taken and a fourth of the groups. The points' centring and the factor's rounding add one each. Distances
// are sums without fours, of which no one was off by more than 5.0 and 16. For results in single precision
// double leaves nothing of that but rounding z.
//
// Where this is too much, since terms cancel in z, it is made in twice the precision (`linear_sides`).
#include "transformed_points.hpp"

#include "float_status.hpp"
#include "forms.hpp"
#include "threads.hpp"

#include <algorithm>
#include <cmath>

namespace einroute {

using std::ptrdiff_t;

namespace {

// Points of a block, and products from which blocks are shared.
constexpr ptrdiff_t POINTS = 64;
constexpr double SHARED = 100e3;
// What distances may be off by, in u.
constexpr double ALLOWED = 110;
// A linear form is within so many u where it is not less than its limit.
constexpr double WITHIN = 60;

// What groups add to what a sum of so many products may be off by, in u of their sizes.
double groups(ptrdiff_t terms, ptrdiff_t together) {
    return static_cast<double>((terms - 1) / together) / 4;
}

double least_share(ptrdiff_t terms) {
    const double few = static_cast<double>(std::min(terms, FORMS_TOGETHER)),
                 summed = 1 + few / 4 + groups(terms, FORMS_TOGETHER),
                 root = (ALLOWED - 3 - summed) / (2 * std::sqrt(2.0));
    return root * root;
}

bool make_room(Transformed& to, ptrdiff_t count, ptrdiff_t terms) {
    to.count = count;
    to.padded = (count + PAIR_LANES - 1) / PAIR_LANES * PAIR_LANES;
    to.z = numbers(terms * to.padded);
    to.limit = numbers(to.padded);
    if (!to.z || !to.limit) {
        PyErr_NoMemory();
        return false;
    }
    for (ptrdiff_t i = 0; i < to.padded; ++i) {
        to.limit[i] = 0;
    }
    return true;
}

// Adds the squares of what one coordinate of the points may be off by.
void add_errors(Transformed& to, const double* __restrict z, const double* __restrict size, double part,
                double rounded) {
    double* __restrict const limit = to.limit.get();
    for (ptrdiff_t i = 0; i < to.padded; ++i) {
        const double off = std::fabs(z[i]) * rounded + size[i] * part;
        limit[i] += off * off;
    }
}

void finish(Transformed& to, ptrdiff_t terms) {
    const double share = least_share(terms);
    for (ptrdiff_t i = 0; i < to.count; ++i) {
        const double all = to.limit[i];
        to.largest = all > to.largest || std::isnan(all) ? all : to.largest; // nan stays
        to.limit[i] = all / share;
    }
    to.most = to.largest / share;
}

struct Job {
    const Factor& factor;
    const double* near; // centred points, (features, padded)
    ptrdiff_t padded;
    double *z, *size; // (terms, padded)
};

void transform_block(void* context, long index) {
    const Job& job = *static_cast<const Job*>(context);
    const Factor& f = job.factor;
    const ptrdiff_t first = index * POINTS;
    LinearDot dot{};
    dot.step = job.padded;
    dot.count = first + POINTS < job.padded ? POINTS : job.padded - first;
    for (ptrdiff_t r = 0; r < f.terms; ++r) {
        const ptrdiff_t from = f.above ? r : 0;
        dot.points = job.near + from * job.padded + first;
        dot.w = f.u + r * f.features + from;
        dot.features = f.features - from;
        dot.head = job.z + r * job.padded + first;
        dot.size = job.size + r * job.padded + first;
        linear_kernels().dot(dot);
    }
    clear_status();
}

// The points feature by feature, centred.
Numbers centred(const double* rows, const Transformed& to, const double* centre, ptrdiff_t features) {
    Numbers near = numbers(features * to.padded);
    if (near) {
        feature_by_feature(rows, to.count, features, near.get(), to.padded);
        for (ptrdiff_t k = 0; k < features; ++k) {
            double* const own = near.get() + k * to.padded;
            for (ptrdiff_t i = 0; i < to.count; ++i) {
                own[i] -= centre[k];
            }
        }
    }
    return near;
}

} // namespace

void add_means(const double* rows, ptrdiff_t count, ptrdiff_t features, double* centre) {
    const double part = 0.5 / static_cast<double>(count);
    for (ptrdiff_t i = 0; i < count; ++i, rows += features) {
        for (ptrdiff_t k = 0; k < features; ++k) {
            centre[k] += rows[k] * part;
        }
    }
}

bool transform_plainly(const double* rows, ptrdiff_t count, const double* centre, const Factor& factor,
                       Transformed& to) {
    if (!make_room(to, count, factor.terms)) {
        return false;
    }
    const Numbers near = centred(rows, to, centre, factor.features), size = numbers(factor.terms * to.padded);
    if (!near || !size) {
        PyErr_NoMemory();
        return false;
    }
    Job job{factor, near.get(), to.padded, to.z.get(), size.get()};
    const long blocks = static_cast<long>((to.padded + POINTS - 1) / POINTS);
    const double work = static_cast<double>(count) * static_cast<double>(factor.features * factor.terms);
    if (work < SHARED) {
        for (long index = 0; index < blocks; ++index) {
            transform_block(&job, index);
        }
    } else if (!run_blocks(blocks, factor.threads, transform_block, &job)) {
        return false;
    }
    for (ptrdiff_t r = 0; r < factor.terms; ++r) {
        const double off = 5 + groups(factor.features - (factor.above ? r : 0), LINEAR_TOGETHER);
        add_errors(to, to.z.get() + r * to.padded, size.get() + r * to.padded,
                   factor.single ? off * 0x1p-29 : off, factor.single ? 1 : 0);
    }
    finish(to, factor.terms);
    return true;
}

bool centre_projected(const LinearPoints& points, const double* centre, const Factor& factor,
                      Transformed& to) {
    if (!make_room(to, points.count, factor.terms)) {
        return false;
    }
    for (ptrdiff_t r = 0; r < factor.terms; ++r) {
        const LinearSide own = points.side(r, 0);
        double* __restrict const z = to.z.get() + r * to.padded;
        for (ptrdiff_t i = 0; i < to.padded; ++i) {
            const double near = own.head[i] - centre[r], back = near - own.head[i],
                         lost = (own.head[i] - (near - back)) - (centre[r] + back);
            z[i] = near + (own.tail[i] + lost);
        }
        add_errors(to, z, own.least, WITHIN * LINEAR_LEAST, 1);
    }
    finish(to, factor.terms);
    return true;
}

} // namespace einroute
