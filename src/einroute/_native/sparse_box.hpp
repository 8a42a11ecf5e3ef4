// What the kernels of sparse by dense products are given. No Python here.
#pragma once

#include <cstddef>

namespace einroute {

// The most bytes of a line of a tile: what lies side by side of several vectors.
constexpr std::ptrdiff_t TILE_LINE = 128;

// The compressed rows, or columns, of a sparse matrix. An index is compared, as it is used, with `length`,
// which is 1 at least; one that is out of range stands for 0. A kernel returns whether all were in range.
struct SparseLines {
    const void* indptr;
    const void* indices;
    const char* data;
    std::ptrdiff_t entries; // that there are both indices and values of
    std::ptrdiff_t length;
};

// Lines first to last of a matrix, and tiles: an array of lines of 1, 2 or 4 vectors.
struct SparseTile {
    SparseLines a;
    int vectors;
    std::ptrdiff_t first, last;
    const char* x;
    char* y;
};

// The same with vectors of `width` elements, each contiguous.
struct SparseSpan {
    SparseLines a;
    std::ptrdiff_t first, last;
    const char* x;
    std::ptrdiff_t x_by;
    char* y;
    std::ptrdiff_t y_by;
    std::ptrdiff_t width;
    bool* finite; // where it is told of rows whether all of them are finite; null where it does not matter
};

// The kernels of a dtype and an index type.
struct SparseKernels {
    bool (*gather)(const SparseTile&);  // y[line - first] = sum of a[line, i] * x[i]
    bool (*scatter)(const SparseTile&); // y[i] += a[line, i] * x[line - first]
    bool (*rows)(const SparseSpan&);    // y[line] = sum of a[line, i] * x[i]; width is 1 at least
    bool (*columns)(const SparseSpan&); // y[i] += a[line, i] * x[line]
};

// The kernels of an instruction set: of 32-bit indices, and of 64-bit ones.
struct SparseTypes {
    SparseKernels uint8[2], uint16[2], uint32[2], uint64[2], float32[2], float64[2], complex64[2],
        complex128[2], truth[2];
};

} // namespace einroute
