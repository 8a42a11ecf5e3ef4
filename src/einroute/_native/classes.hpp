// Whether labels are classes: the loops of labels of 64 bits that lie side by side. No Python here.
#pragma once

#include <cstddef>

namespace einroute {

// Writes `one`, of 64 bits, where a label lies below a length, as unsigned numbers, and is the other array's
// too, where there is one; else zero.
struct Classes {
    const char *labels, *others; // others: or null
    std::ptrdiff_t count;
    unsigned long long length, one;
    char* out;
};

// The loop of one instruction set.
using ClassLoop = void (*)(const Classes& classes);

ClassLoop class_loop();

} // namespace einroute
