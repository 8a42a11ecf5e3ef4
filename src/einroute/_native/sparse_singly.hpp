// Products of few entries with strided vectors, entry by entry. No Python here.
#pragma once

#include "sparse_dense.hpp"

#include <cstddef>
#include <vector>

namespace einroute {

// An entry: where its value is, and the offsets of what it is multiplied with and added to.
struct SparsePlace {
    std::ptrdiff_t value, x, y;
};

// Whether entries are so few that passing over them takes less than filling tiles for them.
bool is_worth_passes(const SparseDense& product, std::ptrdiff_t item);

// The free axis that entries pass over.
int axis_of_passes(const SparseDense& product);

// All entries of a product's matrix; false where pointers decrease, an index is out of range, or there is no
// memory. Nothing else is read of its index arrays, be that while another thread writes to them.
bool list_places(const SparseDense& product, std::ptrdiff_t item, std::vector<SparsePlace>& to);

// Fills y with zeros.
void clear(const SparseDense& product, std::ptrdiff_t item);

// y[f] += a * x[f] for some vectors f, at each place.
struct SparseAdds {
    const std::vector<SparsePlace>& places;
    const char* data;
    const char* x;
    std::ptrdiff_t x_step;
    char* y;
    std::ptrdiff_t y_step, vectors;
    bool watched; // whether the sums are looked at
};

// False where what is watched is not finite.
using SparseAdd = bool (*)(const SparseAdds&);

// The loops of a dtype, by its character; null where it has none.
SparseAdd find_sparse_add(char character);

} // namespace einroute
