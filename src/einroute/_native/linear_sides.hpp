// The two sides of a linear form of differences.
#pragma once

#include "linear_forms.hpp"
#include "pair_points.hpp"

namespace einroute {

// Points feature by feature, and what a sum over features makes of them.
struct LinearPoints {
    std::ptrdiff_t count = 0, padded = 0, features = 0;
    const double* rows = nullptr; // (count, features)
    Numbers points;               // (features, padded), once they are turned
    bool turned = false;
    Numbers head, tail, size; // (padded)

    LinearSide side() const { return {head.get(), tail.get(), size.get()}; }
};

// Takes memory; false where there is none.
bool read_points(LinearPoints& p, const double* rows, std::ptrdiff_t count, std::ptrdiff_t features);

// Fills `points`, if they are not.
void turn_points(LinearPoints& p);

// Fills head, tail and size by weights of the features.
void project(LinearPoints& p, const double* w);

// The same by one feature alone.
void choose(LinearPoints& p, std::ptrdiff_t feature);

} // namespace einroute
