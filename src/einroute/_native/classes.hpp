// Whether labels are classes: the loops of labels that lie side by side. No Python here.
#pragma once

#include <cstddef>

namespace einroute {

// Writes `one`, of `item` bytes, where a label of `label` bytes is at most the last class, as unsigned
// numbers, and is the other array's too, where there is one; else zero.
struct Classes {
    const char *labels, *others; // others: or null
    std::ptrdiff_t count;
    int label, item; // 1, 2, 4 or 8; 4 or 8
    unsigned long long last, one;
    char* out;
};

// The loop of one instruction set.
using ClassLoop = void (*)(const Classes& classes);

ClassLoop class_loop();

} // namespace einroute
