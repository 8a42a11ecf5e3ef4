// What the kernels of real and of complex numbers share: where a block is read, and the loops around it.
#pragma once

#include "arrange.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

// An operand of a block: what is at `data` plus the offsets of a row or column and of a sum.
struct Source {
    const char* data;
    const std::ptrdiff_t *outer, *sums;
};

// A sum begins at 0, so that it is never -0 where NumPy's is not; a product alone is left as it is.
template <class R> inline R start_of(const Arranged& p) {
    return static_cast<R>(p.summed ? 0.0 : -0.0);
}

// The loops around the lanes.
template <class Body> inline void around(const Arranged& p, const Body& body) {
    std::ptrdiff_t index[MAX_AXES] = {0};
    const char *first = p.first, *second = p.second;
    char* out = p.out;
    for (;;) {
        body(first, second, out);
        int d = p.loops - 1;
        for (; d >= 0; --d) {
            const Axis& axis = p.loop[d];
            first += axis.a;
            second += axis.b;
            out += axis.out;
            if (++index[d] < axis.size) {
                break;
            }
            index[d] = 0;
            first -= axis.size * axis.a;
            second -= axis.size * axis.b;
            out -= axis.size * axis.out;
        }
        if (d < 0) {
            return;
        }
    }
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
