// The two sides of a linear form of differences.
#pragma once

#include "held_numbers.hpp"
#include "linear_forms.hpp"
#include "pair_points.hpp"

namespace einroute {

// Sets an exception for points or weights of other shapes; false.
bool linear_fault();

// Whether points go together, and there are forms of a dtype; else false with an exception set.
bool linear_fits(const HeldNumbers& x, const HeldNumbers& y, int type);

// How small an entry may be against its terms: what a side's `size` is to be multiplied by.
constexpr double LINEAR_LEAST = 0x1p-40;

// Points, and what sums over features make of them.
struct LinearPoints {
    std::ptrdiff_t count = 0, padded = 0, features = 0;
    const double* rows = nullptr; // (count, features)
    Numbers points;               // (features, padded), once they are turned
    Numbers head, tail, size;     // (forms, padded)

    LinearSide side(std::ptrdiff_t form, std::ptrdiff_t first) const {
        const std::ptrdiff_t at = form * padded + first;
        return {head.get() + at, tail.get() + at, size.get() + at};
    }
};

// Takes memory for so many forms; false where there is none.
bool read_points(LinearPoints& p, const double* rows, std::ptrdiff_t count, std::ptrdiff_t features,
                 std::ptrdiff_t forms);

// Fills `points`, if they are not; false without memory.
bool turn_points(LinearPoints& p);

// Fills head, tail and size by weights (forms, features): of results in single precision without tails. Where
// they are `upper` the first features of a form are left out, as many as forms came before it: their weights
// are zero, whatever the points are. False with an exception set where there is no memory, or a signal's
// handler raised.
bool project(LinearPoints& p, const double* w, std::ptrdiff_t forms, bool single, int threads,
             bool upper = false);

// The same by one feature alone, as the only form; false without memory.
bool choose(LinearPoints& p, std::ptrdiff_t feature);

} // namespace einroute
