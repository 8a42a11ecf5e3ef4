// Linear forms of the differences of points, by what a sum over features makes of the points: the loops. No
// Python here.
#pragma once

#include <cstddef>

namespace einroute {

// Some points, and weights of the features. In twice the precision a weight is `high`, which has few bits,
// and `low`; so is a coordinate once `large` of its feature was added and taken away, so that the sum of the
// products of what is high is exact, and `tail` is what is left. In single precision `tail` is null, and
// `size` is the sum of the terms' absolute values.
struct LinearDot {
    const double *points, *w, *high, *low, *large; // (features, step) or (count, features); (features) each
    std::ptrdiff_t step, count, features;          // step 0: point by point
    std::ptrdiff_t row;                            // then from one point to the next
    double *head, *tail, *size;
};

// Features whose products, or in twice the precision those of low parts, are summed by themselves.
constexpr std::ptrdiff_t LINEAR_TOGETHER = 16;

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
    const double *x, *y, *w; // (n, features), (columns, features), (features)
    std::ptrdiff_t features, columns;
    char* out;
};

// The loops of one instruction set: the same bits for all of them.
struct LinearKernels {
    void (*dot)(const LinearDot& dot);
    // The largest finite absolute value of each feature, whatever is in `dot` but the points.
    void (*largest)(const LinearDot& dot, double* most);
    void (*total)(const LinearTotal& total);
    // Whether all of it is finite.
    bool (*single)(const LinearRows& rows, std::ptrdiff_t first, std::ptrdiff_t last);
    bool (*twice)(const LinearRows& rows, std::ptrdiff_t first, std::ptrdiff_t last); // double precision
};

const LinearKernels& linear_kernels();

} // namespace einroute
