#include "pair_guard.hpp"

#include <cmath>

namespace einroute {

using std::ptrdiff_t;

namespace {

// Of two numbers; the first if the other is none.
double smaller(double x, double y) {
    return y < x ? y : x;
}

} // namespace

bool certain(double sum, double goal, double weight, double spread) {
    return weight == 0 || spread == 0 || (std::fabs(sum) >= goal && goal >= PAIR_LEAST);
}

PairRow pair_row(const PairPoints& p, const double* w, ptrdiff_t i, ptrdiff_t k, bool square) {
    return {w, p.y.get() + k * p.padded, p.m, p.x[i * p.features + k], square};
}

bool settle(const PairJob& job, RowOfWeights& weights, ptrdiff_t i, ptrdiff_t k, double size, double& sum) {
    const PairPoints& p = job.points;
    const bool square = job.asked.power != LINEAR;
    const double spread = p.spread[k], goal = size * (square ? spread * spread : spread) / PAIR_SPREAD;
    if (certain(sum, goal, size, spread)) {
        return true;
    }
    const double* w = weights.at(i);
    if (w == nullptr) {
        return false;
    }
    const PairRow row = pair_row(p, w, i, k, square);
    double reached = 0;
    if (!(goal >= PAIR_LEAST) || !pair_kernels().reaches(row, goal, reached)) {
        sum = pair_kernels().direct(row);
    }
    return true;
}

bool settle_total(const PairJob& job, RowOfWeights& weights, ptrdiff_t i, double size, double terms,
                  double& sum) {
    const PairPoints& p = job.points;
    double spread = 0;
    for (ptrdiff_t k = 0; k < p.features; ++k) {
        spread += p.spread[k] * p.spread[k];
    }
    const double goal = smaller(size * spread, terms) / PAIR_SPREAD;
    if (certain(sum, goal, size, spread)) {
        return true;
    }
    const double* w = weights.at(i);
    if (w == nullptr) {
        return false;
    }
    double reached = 0;
    for (ptrdiff_t k = 0; goal >= PAIR_LEAST && k < p.features; ++k) {
        if (pair_kernels().reaches(pair_row(p, w, i, k, true), goal, reached)) {
            return true;
        }
    }
    sum = 0;
    for (ptrdiff_t k = 0; k < p.features; ++k) {
        sum += pair_kernels().direct(pair_row(p, w, i, k, true));
    }
    return true;
}

Sure sure_of_all(const PairJob& job, RowOfWeights& weights, ptrdiff_t k, double size, double terms,
                 double sum) {
    constexpr ptrdiff_t APART = 61;
    const PairPoints& p = job.points;
    const bool square = job.asked.power != LINEAR;
    const double spread = p.spread[k],
                 goal = smaller(size * (square ? spread * spread : spread), terms) / PAIR_SPREAD;
    if (certain(sum, goal, size, spread)) {
        return Sure::YES;
    }
    double reached = 0;
    for (ptrdiff_t first = 0; goal >= PAIR_LEAST && first < APART; ++first) {
        for (ptrdiff_t i = first; i < p.n; i += APART) {
            const double* w = weights.at(i);
            if (w == nullptr) {
                return Sure::NO_MEMORY;
            }
            if (pair_kernels().reaches(pair_row(p, w, i, k, square), goal, reached)) {
                return Sure::YES;
            }
        }
    }
    return Sure::NO;
}

bool direct_of_all(const PairJob& job, RowOfWeights& weights, ptrdiff_t k, double& sum) {
    const PairPoints& p = job.points;
    double total = 0;
    for (ptrdiff_t first = 0; first < p.n; first += PAIR_BLOCK) {
        double own = 0;
        for (ptrdiff_t i = first; i < first + PAIR_BLOCK && i < p.n; ++i) {
            const double* w = weights.at(i);
            if (w == nullptr) {
                return false;
            }
            own += pair_kernels().direct(pair_row(p, w, i, k, job.asked.power != LINEAR));
        }
        total += own;
    }
    sum = total;
    return true;
}

} // namespace einroute
