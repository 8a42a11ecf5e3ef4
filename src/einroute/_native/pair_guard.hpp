// Whether a sum over pairs that was made of products of the points holds its bound, and what makes it again.
#pragma once

#include "pair_job.hpp"

#include <limits>

namespace einroute {

// In place of terms that no bound is known of.
constexpr double UNKNOWN = std::numeric_limits<double>::infinity();

// One row of weights at a time, packed only if it has to be.
class RowOfWeights {
  public:
    explicit RowOfWeights(const PairJob& job) : job(job) {}

    const double* at(std::ptrdiff_t i) {
        const Weights& w = job.weights;
        if (w.data != nullptr && w.straight()) {
            return w.row(i);
        }
        if (!memory) {
            memory = numbers(job.points.m);
        }
        if (memory && held != i && !(held >= 0 && w.data == nullptr)) {
            w.pack(i, 0, 1, job.points.m, memory.get(), job.points.m);
            held = i;
        }
        return memory.get();
    }

  private:
    const PairJob& job;
    Numbers memory;
    std::ptrdiff_t held = -1;
};

// Whether a sum says by itself that it loses little: it is at least `goal`, or zero as it should be.
bool certain(double sum, double goal, double weight, double spread);

PairRow pair_row(const PairPoints& p, const double* w, std::ptrdiff_t i, std::ptrdiff_t k, bool square);

// What a row's sums are to come to, where the sizes of its weights add up to `size`.
double goal_of_row(const PairJob& job, std::ptrdiff_t k, double size);

// A sum over a row, of products of the points: it comes to its goal, or is taken again of the differences.
// False without memory.
bool settle(const PairJob& job, RowOfWeights& weights, std::ptrdiff_t i, std::ptrdiff_t k, double goal,
            double& sum);

// What the sizes of the terms of a feature's sum over all pairs are to come to, for it to stand: the terms
// are known to be at most `terms`. SETTLED where the sum says so by itself.
constexpr double SETTLED = -1;
double goal_of_all(const PairJob& job, std::ptrdiff_t k, double size, double terms, double sum);

// Sums over all pairs, of each feature: they come to their goals, or are taken again of the differences, or,
// of products of different features, are lost. Rows are looked at from all over. False without memory.
bool settle_all(PairJob& job, RowOfWeights& weights, double* goals, double* sums);

} // namespace einroute
