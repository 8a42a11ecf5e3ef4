// In which order operands are contracted. No Python here.
#pragma once

#include "labels.hpp"
#include "walk.hpp"

namespace einroute {

// A step over operands still there: which, and the labels of what it makes. What it makes is put at the end.
struct Joint {
    int count;
    int position[MAX_OPERANDS];
    Mask output;
};

struct Order {
    int count;
    Joint joint[2 * MAX_OPERANDS];
    double nanoseconds;
};

// What a step takes, about; `vectors`: whether the kernels of pairs are faster than loops.
struct Price {
    double nanoseconds;
    bool vectors;
};

Price price_of(const Mask* operands, int count, Mask output, const std::ptrdiff_t* sizes, Element element);

// Nanoseconds of a kernel of pairs, from its instructions.
double instructions_in_nanoseconds(double instructions, Element element, bool summed);

// The cheapest order: all operands at once, or pairs and sums of one operand before. Labels of length 1 are
// left out of the masks.
void find_order(const Mask* operands, int count, Mask output, const std::ptrdiff_t* sizes, Element element,
                Order& to);

} // namespace einroute
