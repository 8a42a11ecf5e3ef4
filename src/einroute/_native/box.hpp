// What the kernels of passes over large operands are given: a box of two axes. No Python here.
#pragma once

#include <cstddef>

namespace einroute {

// The most operands of a pass.
constexpr int BOX_OPERANDS = 4;
// Bytes of a vector, of which a sum along rows is kept; as many for every instruction set.
constexpr std::ptrdiff_t VECTOR = 32;

// Elements [row][i] of each operand are at x + row * by_row + i * step. Strides are in bytes; steps are an
// element, or 0 for an operand that is the same along the row. No axis has length 0.
struct Box {
    const char* x[BOX_OPERANDS];
    std::ptrdiff_t by_row[BOX_OPERANDS], step[BOX_OPERANDS];
    std::ptrdiff_t rows, length;
    char* to; // of each row, elements or the vector that its sum is kept in
    std::ptrdiff_t to_row;
    bool first; // of `sums`: nothing was added yet, and what is at `to` does not count
    bool far;   // of `sums`: the operands are more than caches hold
};

using BoxKernel = void (*)(const Box&);

// to[i] = from[i * from_step] for all rows, whose elements follow each other in `from` and not in `to`:
// `from` has an element of row r and column i at r * size + i * from_step, `to` at r * to_row + i * size.
using Transpose = void (*)(const char* from, std::ptrdiff_t from_step, std::ptrdiff_t rows,
                           std::ptrdiff_t length, char* to, std::ptrdiff_t to_row);

// The kernels of a dtype, by the number of operands less one.
struct TypeKernels {
    BoxKernel products[BOX_OPERANDS]; // to[row][i] = product
    BoxKernel adds[BOX_OPERANDS];     // to[row][i] += product
    BoxKernel sums[BOX_OPERANDS];     // to[i] += sum over rows of products
    BoxKernel dots[BOX_OPERANDS];     // to[row] += vector whose lanes sum to the row's sum of products
    BoxKernel dot[BOX_OPERANDS];      // to[0] += the same of all rows
    // into[i] += from[i], for as many bytes: a multiple of a vector's.
    void (*add)(char* into, const char* from, std::ptrdiff_t bytes);
    // The sums of the lanes of vectors: to[slot * step] = sum of state[slot].
    void (*across)(const char* state, std::ptrdiff_t slots, char* to, std::ptrdiff_t step);
};

// The kernels of an instruction set.
struct BoxKernels {
    TypeKernels uint8, uint16, uint32, uint64, float32, float64, complex64, complex128, truth;
    Transpose transpose1, transpose2, transpose4, transpose8, transpose16;
};

} // namespace einroute
