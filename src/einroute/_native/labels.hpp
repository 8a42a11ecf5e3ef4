// Subscripts and the sizes of their labels. No Python here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace einroute {

constexpr int MAX_OPERANDS = 8;
constexpr int MAX_DIMS = 16;
constexpr int MAX_LABELS = 32;

using Mask = std::uint32_t; // of labels

// A contraction as einsum reads it: labels are numbered as they first appear.
struct Expression {
    int operands;
    int ndim[MAX_OPERANDS];
    std::uint8_t label[MAX_OPERANDS][MAX_DIMS];
    std::ptrdiff_t shape[MAX_OPERANDS][MAX_DIMS];
    int out_ndim;
    std::uint8_t out[MAX_LABELS];
    int labels;
    char letter[MAX_LABELS];
    std::ptrdiff_t size[MAX_LABELS];
};

// Reads subscripts of letters, spaces, commas and at most one arrow; false where einsum would refuse them, or
// they have an ellipsis, or there is more than an expression holds.
bool read_subscripts(const char* text, std::ptrdiff_t length, int operands, Expression& to);

// Sizes of the labels, from `shape`: an axis of length 1 is broadcast. False where they do not fit, or one is
// of length 0.
bool read_sizes(Expression& of);

} // namespace einroute
