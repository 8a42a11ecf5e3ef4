// The axes that the dense operand of a sparse product has besides. No Python here.
#pragma once

#include "sparse_dense.hpp"

#include <cstddef>

namespace einroute {

inline std::ptrdiff_t magnitude(std::ptrdiff_t x) {
    return x < 0 ? -x : x;
}

// Free axes outermost first in the result, or in x, those that lie as one made one; returns how many vectors
// there are.
std::ptrdiff_t simplify_free(SparseDense& p, std::ptrdiff_t item);

} // namespace einroute
