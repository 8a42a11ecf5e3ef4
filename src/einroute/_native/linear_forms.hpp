// Linear forms of the differences of points, by what a sum over features makes of the points: the loops. No
// Python here.
#pragma once

#include <cstddef>

namespace einroute {

// Points feature by feature, and weights of the features; what they sum to in twice the precision, and the
// sum of absolute values. Points in whole vectors.
struct LinearDot {
    const double *points, *w; // (features, step), (features)
    std::ptrdiff_t step, count, features;
    double *head, *tail, *size;
};

// Numbers in twice the precision, or without tails; their sum, and that of the heads' absolute values.
struct LinearTotal {
    const double *head, *tail;
    std::ptrdiff_t count;
    double *sum, *rest, *size;
};

// One side of the form in twice the precision, and how small an entry may be against it.
struct LinearSide {
    const double *head, *tail, *least;
};

// Rows of a form: each point of the left side with all of the right.
struct LinearRows {
    LinearSide left, right;
    const double *x, *y, *w; // (n, features), (features, step), (features)
    std::ptrdiff_t features, step, columns;
    char* out;
};

// The loops of one instruction set: the same bits for all of them.
struct LinearKernels {
    void (*dot)(const LinearDot& dot);
    void (*total)(const LinearTotal& total);
    // Whether all of it is finite.
    bool (*single)(const LinearRows& rows, std::ptrdiff_t first, std::ptrdiff_t last);
    bool (*twice)(const LinearRows& rows, std::ptrdiff_t first, std::ptrdiff_t last); // double precision
};

const LinearKernels& linear_kernels();

} // namespace einroute
