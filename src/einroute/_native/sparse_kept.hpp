// Matrices that are kept as blocks or as diagonals times a vector, as they are.
#pragma once

#include "sparse_dense.hpp"
#include "sparse_expand.hpp"

namespace einroute {

// A vector, its elements so many bytes apart, and the one that products are added to. `turned`: the sums run
// over the matrix's rows.
struct VectorProduct {
    bool turned;
    const char* x;
    npy_intp x_by;
    char* y;
    npy_intp y_by;
};

// Over threads, each sum in one of them; a signal is heard in between.
Multiplied multiply_blocks(const Blocks& a, char character, const VectorProduct& p, int threads);

// Elements outside of the matrix are not read; zeros on the diagonals are multiplied.
Multiplied multiply_diagonals(const HeldDiagonals& a, char character, npy_intp rows, const VectorProduct& p,
                              int threads);

} // namespace einroute
