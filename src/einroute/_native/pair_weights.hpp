// Sums of the weights of pairs by themselves: the loops. No Python here.
#pragma once

#include <cstddef>

namespace einroute {

// Rows of weights as they lie, of either precision: those of a row one after the other.
struct PairWeights {
    const char* data;
    std::ptrdiff_t rows, columns, down; // down: from one row to the next, in bytes
    bool single;
    // To be added to: of each row sums of w, of |w| and of w**2, and of each column sums of w,
    // in whole vectors.
    double *weight, *size, *squares, *by_column;
    bool each; // whether each row's |w| and w**2 are asked for; else what they come to together is right
};

// Where it is the columns' sums that are asked for: of w, |w| and w**2, in whole vectors.
struct ColumnWeights {
    const char* data;
    std::ptrdiff_t rows, columns, down;
    bool single;
    double *weight, *size, *squares;
};

struct WeightKernels {
    void (*rows)(const PairWeights& weights);
    void (*columns)(const ColumnWeights& weights);
};

const WeightKernels& weight_kernels();

} // namespace einroute
