// Products of a compressed sparse matrix with a dense array of any layout, over threads.
#pragma once

#include "sparse_box.hpp"

#include "numpy_api.hpp"

namespace einroute {

constexpr int SPARSE_FREE = 32; // axes that the dense operand has besides

// y[i, f...] = sum of a[i, j] * x[j, f...]; strides are in bytes.
struct SparseDense {
    char character; // the dtype's
    bool wide;      // whether indices are 64-bit
    bool by_rows;   // whether rows of a are compressed, else its columns
    SparseLines a;
    npy_intp rows, columns;
    const char* x;
    npy_intp x_by;
    char* y; // holds zeros where columns are compressed
    npy_intp y_by;
    bool cleared; // whether y holds zeros where rows are, too
    int free;
    npy_intp size[SPARSE_FREE], x_step[SPARSE_FREE], y_step[SPARSE_FREE];
};

// Whether a result of rows should begin with zeros: where most rows have no entry they are left as they are,
// of a large one as memory that nobody touched. Where the rows' elements lie side by side most pages of them
// must have no entry. A single vector is written as a whole.
inline bool begins_with_zeros(npy_intp entries, npy_intp rows, npy_intp width, bool side_by_side,
                              npy_intp item) {
    constexpr npy_intp PAGE = 4096;
    return width > 1 && 2 * entries <= (side_by_side ? rows * item / PAGE : rows);
}

// Whether entries are so few that it does not matter along which axis they are compressed.
inline bool are_few(npy_intp entries, npy_intp rows, npy_intp columns) {
    return 2 * entries <= rows + columns;
}

// Whether there are kernels for a dtype.
bool has_sparse_kernels(char character);

// What became of a product.
enum class Multiplied {
    Done,
    Finite,  // done, and each number was seen to be finite while it was at hand
    Unsound, // an index is out of range, or pointers decrease
    Failed,  // with an exception: no memory, or a signal's handler raised one
};

// The bits of y do not depend on the number of threads.
Multiplied multiply(SparseDense& product, int threads);

} // namespace einroute
