// Points that a factor of a metric transformed, and how small a distance of them may be.
#pragma once

#include "linear_sides.hpp"
#include "pair_points.hpp"

#include <cstddef>

namespace einroute {

// The rows of a factor, whether it is zero below the diagonal, and in which precision distances are made.
struct Factor {
    const double* u; // (terms, features)
    std::ptrdiff_t terms, features;
    bool above, single;
    int threads;
};

// Transformed points, feature by feature, and what a distance must not be less than: its sum of both sides.
struct Transformed {
    std::ptrdiff_t count = 0, padded = 0;
    Numbers z, limit;             // (terms, padded), (count)
    double largest = 0, most = 0; // the largest sum of squares that a limit is made of, and the largest limit
};

// About the mean of each feature, half of it from each side; any point would do.
void add_means(const double* rows, std::ptrdiff_t count, std::ptrdiff_t features, double* centre);

// Transforms centred points in double precision. False with an exception set where there is no memory, or a
// signal's handler raised.
bool transform_plainly(const double* rows, std::ptrdiff_t count, const double* centre, const Factor& factor,
                       Transformed& to);

// The same of points that `project` transformed in twice the precision, which are centred then.
bool centre_projected(const LinearPoints& points, const double* centre, const Factor& factor,
                      Transformed& to);

} // namespace einroute
