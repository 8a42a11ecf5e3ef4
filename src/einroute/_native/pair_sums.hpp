// Sums over the pairs of two sets of points of their differences, weighed: the loops. No Python here.
#pragma once

#include <cstddef>

namespace einroute {

// Rows of weights by some columns, with the points of these columns.
struct PairTile {
    const double* const* w;                 // each row's
    std::ptrdiff_t rows, columns, features; // columns in whole vectors
    const double* y;                        // of feature k at y + k * step
    std::ptrdiff_t step;
    const double* x;    // (rows, features): where differences are summed, or their squares; else null
    bool square, total; // total: of squares over all features
    // To be added to: sums of w y, w (x - y) or w (x - y)**2, (rows, features), or (rows) of all features.
    double* made;
};

// The same where the points that are kept lie side by side: columns of weights by some rows, which have
// points. Sums go down.
struct PairColumns {
    const double* const* w;                 // each row's
    std::ptrdiff_t rows, columns, features; // columns in whole vectors
    const double *y, *x; // the rows' points, (rows, features); the columns', (features, step)
    bool square, total;
    std::ptrdiff_t step;
    double* made; // sums of w (x - y) or of its square, (features, step), or (step) of all features
};

// One row of weights and one feature.
struct PairRow {
    const double *w, *y;
    std::ptrdiff_t count;
    double x;
    bool square; // (x - y)**2, else x - y
};

// The loops of one instruction set: the same bits for all of them.
struct PairKernels {
    void (*tile)(const PairTile& tile);
    void (*columns)(const PairColumns& columns);
    // The sum of w d.
    double (*direct)(const PairRow& row);
    // Whether the sum of |w| |d|, added to `sum`, comes to `goal`; no more is added then.
    bool (*reaches)(const PairRow& row, double goal, double& sum);
    // Numbers of single precision as those of double.
    void (*widen)(const float* from, std::ptrdiff_t count, double* to);
};

// What a tile has at most, and whose sums are added by themselves; columns of a vector.
constexpr std::ptrdiff_t PAIR_ROWS = 16, PAIR_COLUMNS = 256, PAIR_LANES = 4;

const PairKernels& pair_kernels();

} // namespace einroute
