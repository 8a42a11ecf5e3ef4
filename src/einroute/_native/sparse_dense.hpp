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
    int free;
    npy_intp size[SPARSE_FREE], x_step[SPARSE_FREE], y_step[SPARSE_FREE];
};

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
