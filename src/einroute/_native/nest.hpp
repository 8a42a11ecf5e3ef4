// Loops over one to four operands and a result: what is asked of a pass, and how it is cut.
#pragma once

#include "box.hpp"

namespace einroute {

// The most axes of a nest: those of an array, and one more.
constexpr int MAX_DEPTH = 66;
// The most sums that each element of a result is put together from, but where each would take too long.
constexpr long MAX_SPLITS = 64;

// An axis of the loops, outermost first; strides in bytes, 0 where an array lacks it.
struct Loop {
    std::ptrdiff_t size;
    std::ptrdiff_t x[BOX_OPERANDS], out;
    bool summed;
};

// out[kept] = sum over summed of the product of all operands, or the copy of one. No axis has length 0.
struct Nest {
    int operands;
    const char* x[BOX_OPERANDS];
    char* out;
    std::ptrdiff_t item; // bytes of an element
    int count;
    Loop loops[MAX_DEPTH];
};

// How a nest is cut. Its last two loops, `count - 2` and `count - 1`, are the rows and the elements of boxes.
struct Cut {
    bool summed, copied;         // whether anything is; one operand, and nothing summed
    bool packed[BOX_OPERANDS];   // an operand that a box has a contiguous copy of
    bool scattered;              // the result's elements do not follow each other along a box
    std::ptrdiff_t rows, length; // of a box, at most
    bool rowwise;                // boxes follow each other along rows, where both loops are kept
    int cut;                     // the kept loop that blocks are cut along; -1: none is
    std::ptrdiff_t step;         // by how much
    long blocks;                 // of the result
    int split;                   // the summed loop that is split, as all around it are; -1: none is
    std::ptrdiff_t part;         // by how much
    long splits;
    double iterations;
};

// Brings a nest's loops to those that have to be told apart, two at least; then cuts it. Sizes and strides
// alone decide, never the number of threads: the order of sums follows from it.
void simplify(Nest& nest);
Cut cut_of(const Nest& nest);

} // namespace einroute
