// Sums over pairs that are not weighed: every row has the same sums of points, which are taken once.
#include "pair_guard.hpp"

#include <cmath>

namespace einroute {

using std::ptrdiff_t;

namespace {

// Points whose sum is taken by itself.
constexpr ptrdiff_t TOGETHER = 128;

void add_rows(const double* __restrict points, ptrdiff_t rows, ptrdiff_t width,
              const double* __restrict middle, double* __restrict own, double* __restrict squares) {
    for (ptrdiff_t i = 0; i < rows; ++i, points += width) {
        for (ptrdiff_t k = 0; k < width; ++k) {
            const double near = points[k] - middle[k];
            own[k] += near;
            squares[k] += near * near;
        }
    }
}

// Sums of centred points and of their squares; false without memory.
bool moments(const PairPoints& p, const double* points, ptrdiff_t count, double* one, double* two) {
    const ptrdiff_t features = p.features;
    const double* const middle = p.middle.get();
    const ptrdiff_t together = taken_together(features), width = together * features;
    const Numbers memory = numbers(2 * width);
    if (!memory) {
        return false;
    }
    double *own = memory.get(), *squares = own + width;
    for (ptrdiff_t k = 0; k < features; ++k) {
        one[k] = two[k] = 0;
    }
    const ptrdiff_t each = TOGETHER * together;
    for (ptrdiff_t first = 0; first < count; first += each, points += each * features) {
        const ptrdiff_t there = first + each < count ? each : count - first, rows = there / together;
        for (ptrdiff_t k = 0; k < width; ++k) {
            own[k] = squares[k] = 0;
        }
        add_rows(points, rows, width, middle, own, squares);
        add_rows(points + rows * width, 1, there % together * features, middle, own, squares);
        for (ptrdiff_t k = 0; k < width; ++k) {
            one[k % features] += own[k];
            two[k % features] += squares[k];
        }
    }
    return true;
}

// The bound. What rounding takes from sums over `count` pairs is some eps of the terms: of squares at most
// S**2, of differences at most sqrt(count) S, with S = sqrt(sum x**2) + sqrt(sum y**2), each point as often
// as it is in a pair. Sums of squares are to be at least a part of that; and those of |d|, which are at least
// the sum of squares by the range of the feature.
struct Bound {
    double root, spread, allowed; // of the number of pairs
    bool square;

    double goal(double terms) const { return terms * (square ? terms : root * spread) / allowed; }
    double least() const { return spread == 0 ? -1 : PAIR_LEAST; }
    bool holds(double squares, double terms) const { return squares >= goal(terms) && squares >= least(); }
};

struct Alike {
    const double *one, *two, *root; // sums of y, of y**2, and the roots of these
    double count;
};

Bound bound(const PairJob& job, double count, ptrdiff_t k) {
    return {std::sqrt(count), job.points.spread[k], job.allowed(), job.asked.power != LINEAR};
}

// Sums of a row; whether all hold their bound.
bool row_of(const PairJob& job, const Alike& a, const double* __restrict x, double* __restrict made,
            double* __restrict squares) {
    const ptrdiff_t features = job.points.features;
    const double root = std::sqrt(a.count);
    int unsure = 0;
    for (ptrdiff_t k = 0; k < features; ++k) {
        const Bound own{root, job.points.spread[k], job.allowed(), job.asked.power != LINEAR};
        squares[k] = x[k] * (x[k] * a.count - 2 * a.one[k]) + a.two[k];
        unsure |= !own.holds(squares[k], std::fabs(x[k]) * root + a.root[k]);
    }
    if (job.asked.power == LINEAR) {
        for (ptrdiff_t k = 0; k < features; ++k) {
            made[k] = x[k] * a.count - a.one[k];
        }
    } else if (!job.asked.total) {
        for (ptrdiff_t k = 0; k < features; ++k) {
            made[k] = squares[k];
        }
    } else {
        made[0] = sum_of(squares, features, 1);
    }
    return unsure == 0;
}

// The same of a row where some do not; false without memory.
bool row_again(PairJob& job, RowOfWeights& weights, const Alike& a, ptrdiff_t i, double* made,
               double* squares) {
    const PairPoints& p = job.points;
    if (!p.y && !turn(job.points)) {
        return false;
    }
    const double* w = weights.at(i);
    if (w == nullptr) {
        return false;
    }
    const double* x = p.near_x.get() + i * p.features;
    for (ptrdiff_t k = 0; k < p.features; ++k) {
        const Bound own = bound(job, a.count, k);
        if (own.holds(squares[k], std::fabs(x[k]) * own.root + a.root[k])) {
            continue;
        }
        if (job.asked.power == LINEAR) {
            if (!settle(job, weights, i, k, goal_of_row(job, k, a.count), made[k])) {
                return false;
            }
        } else {
            squares[k] = pair_kernels().direct(pair_row(p, w, i, k, true));
            made[job.asked.total ? 0 : k] = squares[k];
        }
    }
    if (job.asked.total) {
        made[0] = sum_of(squares, p.features, 1);
    }
    return true;
}

} // namespace

bool alike_rows(PairJob& job) {
    const PairPoints& p = job.points;
    const ptrdiff_t features = p.features;
    const double count = static_cast<double>(p.m);
    const Numbers memory = numbers(4 * features);
    job.made = numbers(p.n * job.width);
    if (!memory || !job.made) {
        return false;
    }
    double *one = memory.get(), *two = one + features, *root = two + features, *squares = root + features;
    if (!moments(p, p.rows_y, p.m, one, two)) {
        return false;
    }
    for (ptrdiff_t k = 0; k < features; ++k) {
        root[k] = std::sqrt(two[k]);
    }
    const Alike alike{one, two, root, count};
    RowOfWeights weights(job);
    for (ptrdiff_t i = 0; i < p.n; ++i) {
        double* made = job.made.get() + i * job.width;
        if (!row_of(job, alike, p.near_x.get() + i * features, made, squares) &&
            !row_again(job, weights, alike, i, made, squares)) {
            return false;
        }
    }
    return true;
}

bool alike_pairs(PairJob& job, double* sums) {
    const PairPoints& p = job.points;
    const ptrdiff_t features = p.features;
    const double n = static_cast<double>(p.n), m = static_cast<double>(p.m);
    const Numbers squares = numbers(3 * features);
    job.first = numbers(features);
    job.second = numbers(features);
    if (!squares || !job.first || !job.second || !moments(p, p.x, p.n, job.first.get(), squares.get()) ||
        !moments(p, p.rows_y, p.m, job.second.get(), squares.get() + features)) {
        return false;
    }
    double* const goals = squares.get() + 2 * features;
    for (ptrdiff_t k = 0; k < features; ++k) {
        const double square =
            (m * squares[k] + n * squares[features + k]) - 2 * (job.first[k] * job.second[k]);
        sums[k] = job.asked.power == LINEAR ? m * job.first[k] - n * job.second[k] : square;
        const double terms = std::sqrt(m * squares[k]) + std::sqrt(n * squares[features + k]);
        goals[k] = bound(job, n * m, k).holds(square, terms) ? SETTLED
                                                             : goal_of_all(job, k, n * m, UNKNOWN, sums[k]);
    }
    RowOfWeights weights(job);
    return settle_all(job, weights, goals, sums);
}

} // namespace einroute
