// The points and the weights of a sum over pairs, as its loops take them.
#pragma once

#include "numpy_api.hpp"
#include "pair_sums.hpp"
#include "workspace.hpp"

#include <cstddef>

namespace einroute {

using Numbers = Workspace<double>;

// So many numbers; null where there is no memory.
inline Numbers numbers(std::ptrdiff_t count) {
    return workspace<double>(count);
}

// Weights of pairs, of either precision and in any layout; all are one where there are none.
struct Weights {
    const char* data = nullptr;
    std::ptrdiff_t rows = 0, columns = 0, down = 0, across = 0; // steps in bytes
    bool single = false;

    std::ptrdiff_t item() const {
        return static_cast<std::ptrdiff_t>(single ? sizeof(float) : sizeof(double));
    }
    bool columnwise() const { return down == item(); }
    bool rowwise() const { return across == item(); }
    bool straight() const { return !single && rowwise(); }
    const double* row(std::ptrdiff_t i) const { return reinterpret_cast<const double*>(data + i * down); }
    // `rows` rows from i and `columns` columns from j on, row by row, each `step` numbers after the other.
    void pack(std::ptrdiff_t i, std::ptrdiff_t j, std::ptrdiff_t rows, std::ptrdiff_t columns, double* to,
              std::ptrdiff_t step) const;
};

// How many points of few features are taken as one of as many times the features, so that loops are long.
inline std::ptrdiff_t taken_together(std::ptrdiff_t features) {
    return features < 8 ? 16 / features : 1;
}

// From (count, features) to (features, padded), whole vectors; zeros for points that lack.
void feature_by_feature(const double* rows, std::ptrdiff_t count, std::ptrdiff_t features, double* to,
                        std::ptrdiff_t padded);

// Two sets of points: as they are, and centred at about the mean of each feature.
struct PairPoints {
    std::ptrdiff_t n = 0, m = 0, features = 0;
    const double *x = nullptr, *rows_y = nullptr; // (n, features), (m, features)
    Numbers near_x, near_rows;                    // centred, where they are asked for
    // What is taken from each feature, repeated for points that are taken together, and its range.
    Numbers middle, spread;
    // The second points feature by feature, as they are and, where that is asked for, centred.
    std::ptrdiff_t padded = 0; // m, up to whole vectors
    Numbers y, near_y;
};

// Fills the middle and the range of each feature, and the centred points if they are to be `near`, those of
// both sides or of the second; false where there is no memory. x and y are referred to.
bool centre(PairPoints& points, bool near, bool both);

// Fills the points feature by feature, the centred ones too if they are to be `near`; false where there is no
// memory.
bool turn(PairPoints& points, bool near = false);

} // namespace einroute
