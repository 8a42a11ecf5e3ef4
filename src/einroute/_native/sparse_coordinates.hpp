// A sparse matrix by coordinates times a vector. No Python here.
#pragma once

#include "sparse_compress.hpp"

namespace einroute {

// y[line] += value * x[other] over entries, in their order; strides are in bytes. False where an index is out
// of range, or there are no loops for a dtype.
bool multiply_coordinates(const Coordinates& entries, char character, std::ptrdiff_t rows,
                          std::ptrdiff_t columns, const char* x, std::ptrdiff_t x_by, char* y,
                          std::ptrdiff_t y_by);

} // namespace einroute
