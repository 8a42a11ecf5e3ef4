// A sparse matrix by coordinates times a vector. No Python objects here.
#pragma once

#include "sparse_compress.hpp"

namespace einroute {

// y[line] += value * x[other] over entries, in their order; strides are in bytes. False where an index is out
// of range, or there are no loops for a dtype. Of many entries the GIL is released.
bool multiply_coordinates(const Coordinates& entries, char character, std::ptrdiff_t rows,
                          std::ptrdiff_t columns, const char* x, std::ptrdiff_t x_by, char* y,
                          std::ptrdiff_t y_by);

// Rows that have entries, and elements `by` bytes apart.
struct PlacesOf {
    bool wide;
    const void* lines;
    std::ptrdiff_t count;
};
struct Column {
    const char* data;
    std::ptrdiff_t by, rows;
};

// Whether the elements in those rows are finite, each of `parts` numbers.
bool finite_at(const PlacesOf& from, const Column& y, int parts, bool single);

} // namespace einroute
