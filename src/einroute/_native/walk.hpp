// Loops over operands with strides: what each dtype's loops are given. No Python here.
#pragma once

#include "elements.hpp"
#include "labels.hpp"

namespace einroute {

// The most labels longer than 1 of a step.
constexpr int MAX_LOOPS = 16;

// out[kept loops] = sum over the other loops of the product of all operands. Kept loops come first, each kind
// outermost first; strides are in bytes, the result's after those of the operands.
struct Walk {
    int operands;
    int kept, loops;
    bool summed; // also where no loop is: a sum begins at 0, a product is left as it is
    std::ptrdiff_t size[MAX_LOOPS];
    std::ptrdiff_t stride[MAX_LOOPS][MAX_OPERANDS + 1];
    const char* data[MAX_OPERANDS];
    char* out;
};

using Loops = void (*)(const Walk&);

// The loops of so many operands.
Loops find_loops(Element element, int operands);

} // namespace einroute
