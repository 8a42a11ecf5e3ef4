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

double goal_of_row(const PairJob& job, ptrdiff_t k, double size) {
    const double spread = job.points.spread[k];
    return size * (job.asked.power != LINEAR ? spread * spread : spread) / job.allowed();
}

bool settle(const PairJob& job, RowOfWeights& weights, ptrdiff_t i, ptrdiff_t k, double goal, double& sum) {
    if (certain(sum, goal, 1, job.points.spread[k])) {
        return true;
    }
    const double* w = weights.at(i);
    if (w == nullptr) {
        return false;
    }
    const PairRow row = pair_row(job.points, w, i, k, job.asked.power != LINEAR);
    double reached = 0;
    if (!(goal >= PAIR_LEAST) || !pair_kernels().reaches(row, goal, reached)) {
        sum = pair_kernels().direct(row);
    }
    return true;
}

double goal_of_all(const PairJob& job, ptrdiff_t k, double size, double terms, double sum) {
    const double spread = job.points.spread[k],
                 goal = smaller(size * (job.asked.power != LINEAR ? spread * spread : spread), terms) /
                        job.allowed();
    return certain(sum, goal, size, spread) ? SETTLED : goal;
}

namespace {

// Settles the goals that the sizes of terms come to, row by row; false without memory.
bool look_at_rows(const PairJob& job, RowOfWeights& weights, double* goals) {
    constexpr ptrdiff_t APART = 61;
    const PairPoints& p = job.points;
    const Numbers reached = numbers(p.features);
    ptrdiff_t open = 0;
    for (ptrdiff_t k = 0; reached && k < p.features; ++k) {
        reached[k] = 0;
        open += goals[k] >= PAIR_LEAST;
    }
    for (ptrdiff_t first = 0; first < APART; ++first) {
        for (ptrdiff_t i = first; open > 0 && i < p.n; i += APART) {
            const double* w = weights.at(i);
            if (w == nullptr) {
                return false;
            }
            for (ptrdiff_t k = 0; k < p.features; ++k) {
                if (goals[k] >= PAIR_LEAST &&
                    pair_kernels().reaches(pair_row(p, w, i, k, job.asked.power != LINEAR), goals[k],
                                           reached[k])) {
                    goals[k] = SETTLED;
                    --open;
                }
            }
        }
    }
    return reached != nullptr;
}

// Sums over all pairs of the differences, where the goal is not settled; false without memory.
bool direct_of_all(const PairJob& job, RowOfWeights& weights, const double* goals, double* sums) {
    const PairPoints& p = job.points;
    const Numbers own = numbers(p.features);
    for (ptrdiff_t k = 0; k < p.features; ++k) {
        sums[k] = goals[k] == SETTLED ? sums[k] : 0;
    }
    for (ptrdiff_t first = 0; own && first < p.n; first += PAIR_BLOCK) {
        for (ptrdiff_t k = 0; k < p.features; ++k) {
            own[k] = 0;
        }
        for (ptrdiff_t i = first; i < first + PAIR_BLOCK && i < p.n; ++i) {
            const double* w = weights.at(i);
            if (w == nullptr) {
                return false;
            }
            for (ptrdiff_t k = 0; k < p.features; ++k) {
                if (goals[k] != SETTLED) {
                    own[k] += pair_kernels().direct(pair_row(p, w, i, k, job.asked.power != LINEAR));
                }
            }
        }
        for (ptrdiff_t k = 0; k < p.features; ++k) {
            sums[k] += own[k];
        }
    }
    return own != nullptr;
}

bool all_settled(const double* goals, ptrdiff_t features) {
    bool all = true;
    for (ptrdiff_t k = 0; k < features; ++k) {
        all = all && goals[k] == SETTLED;
    }
    return all;
}

} // namespace

bool settle_all(PairJob& job, RowOfWeights& weights, double* goals, double* sums) {
    const ptrdiff_t features = job.points.features;
    if (all_settled(goals, features)) {
        return true;
    }
    if ((!job.points.y && !turn(job.points)) || !look_at_rows(job, weights, goals)) {
        return false;
    }
    if (all_settled(goals, features)) {
        return true;
    }
    if (job.asked.power == CROSSED) {
        job.lost = true;
        return true;
    }
    return direct_of_all(job, weights, goals, sums);
}

} // namespace einroute
