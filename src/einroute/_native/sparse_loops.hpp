// Products of a compressed sparse matrix with vectors. No Python here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace einroute {

// out[i, f] += sum of a[i, j] * x[j, f] over the entries of a (rows, columns), whose rows or columns are
// compressed. Strides are in bytes. Data, x and out are aligned.
struct SparseProduct {
    std::ptrdiff_t rows, columns, width;
    bool by_rows; // whether rows are compressed
    bool wide;    // whether indices are 64-bit
    const void* indptr;
    const void* indices;
    std::ptrdiff_t entries; // how many indices and values there are
    const char* data;
    const char* x;
    std::ptrdiff_t x_by_column, x_by_free;
    char* out;
    std::ptrdiff_t out_by_row, out_by_free;
};

// False where pointers do not begin at 0, or decrease, or an index is out of range; nothing outside the
// arrays is read or written then, be that while another thread writes to them.
using SparseLoops = bool (*)(const SparseProduct&);

// The loops of a dtype, by its character; null where it has none.
SparseLoops find_sparse_loops(char character);

} // namespace einroute
