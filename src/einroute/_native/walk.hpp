// Loops over operands with strides: what each dtype's loops are given. No Python here.
#pragma once

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

// What a dtype's elements are to loops.
enum class Element {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Complex64,
    Complex128,
    LongDouble, // these two have loops, and nothing else
    ComplexLongDouble,
};

// The loops of so many operands.
Loops find_loops(Element element, int operands);

constexpr std::ptrdiff_t item_size(Element element) {
    constexpr std::ptrdiff_t LONG = sizeof(long double);
    constexpr std::ptrdiff_t SIZES[] = {1, 1, 2, 4, 8, 4, 8, 8, 16, LONG, 2 * LONG};
    return SIZES[static_cast<int>(element)];
}

} // namespace einroute
