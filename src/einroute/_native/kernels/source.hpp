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

// The matrices of a stack, a block of lanes of each; `B` has rows and packs them, `bytes` a line of lanes.
template <class B, bool BOTH>
inline void run_stack(const Arranged& p, const char* first, const char* second, char* out, char* work,
                      const Axis& stack, std::ptrdiff_t bytes) {
    const int depth = p.sums.size;
    Packed layout;
    if (p.by_second != B::UNIT || (BOTH && p.by_first != B::UNIT)) {
        layout.fill(depth, bytes, p.rows.size > p.columns.size ? p.rows.size : p.columns.size);
    }
    const auto source = [&](const char* at) {
        return B::packed(at, p.columns, p.sums.y, layout, depth, p.by_second, work);
    };
    if (!BOTH && stack.b == 0 && p.rows.size == 1) { // all share the second: the stack is rows
        const Source y = source(second);
        Arranged rows = p;
        for (std::ptrdiff_t at = 0; at < stack.size; at += MAX_EXTENT) {
            const std::ptrdiff_t count = stack.size - at < MAX_EXTENT ? stack.size - at : MAX_EXTENT;
            rows.rows.size = static_cast<int>(count);
            for (std::ptrdiff_t i = 0; at == 0 && i < count; ++i) {
                rows.rows.x[i] = i * stack.a;
                rows.rows.y[i] = i * stack.out;
            }
            B::matrix(rows, {first + at * stack.a, rows.rows.x, p.sums.x}, y, out + at * stack.out);
        }
        return;
    }
    for (std::ptrdiff_t s = 0; s < stack.size; ++s, first += stack.a, second += stack.b, out += stack.out) {
        const Source y = source(second);
        Source x{first, p.rows.x, p.sums.x};
        if constexpr (BOTH) {
            x = B::packed(first, p.rows, p.sums.x, layout, depth, p.by_first,
                          work + p.columns.size * depth * bytes);
        }
        B::matrix(p, x, y, out);
    }
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

using Block = void (*)(const Arranged&, const char*, const char*, char*, char*, const Axis&);

// Bytes that a turn of a loop moves on in all arrays.
inline std::ptrdiff_t reach(const Axis& axis) {
    const auto size = [](std::ptrdiff_t stride) { return stride < 0 ? -stride : stride; };
    return size(axis.a) + size(axis.b) + size(axis.out);
}

// All blocks of lanes; `of` gives what does so many.
inline void run_blocks(Arranged& p, std::ptrdiff_t unit, std::ptrdiff_t block, std::ptrdiff_t most,
                       Block (*of)(std::ptrdiff_t), char* work) {
    if (p.size == 1) { // no stride matters
        p.by_second = p.by_out = unit;
        p.by_first = p.by_first == 0 ? 0 : unit;
    }
    const std::ptrdiff_t whole = p.size <= most ? p.size : block, rest = p.size % whole;
    const Block each = of(whole), last = rest == 0 ? nullptr : of(rest);
    if (p.loops == 0) { // the blocks are the stack
        const std::ptrdiff_t blocks = p.size / whole, done = blocks * whole;
        each(p, p.first, p.second, p.out, work,
             {Role::Loop, blocks, whole * p.by_first, whole * p.by_second, whole * p.by_out});
        if (rest != 0) {
            last(p, p.first + done * p.by_first, p.second + done * p.by_second, p.out + done * p.by_out, work,
                 {Role::Loop, 1, 0, 0, 0});
        }
        return;
    }
    const std::ptrdiff_t blocks = p.size / whole, done = blocks * whole;
    const Axis along = {Role::Loop, blocks, whole * p.by_first, whole * p.by_second, whole * p.by_out};
    const Axis stack = p.loop[p.loops - 1];
    const bool shares = p.by_first == 0 && stack.b == 0 && p.rows.size == 1;
    if (!shares && blocks > 1 && reach(along) < reach(stack)) { // as memory lies
        around(p, [&](const char* first, const char* second, char* out) {
            each(p, first, second, out, work, along);
            if (rest != 0) {
                last(p, first + done * p.by_first, second + done * p.by_second, out + done * p.by_out, work,
                     {Role::Loop, 1, 0, 0, 0});
            }
        });
        return;
    }
    --p.loops;
    around(p, [&](const char* first, const char* second, char* out) {
        std::ptrdiff_t at = 0;
        for (; at + whole <= p.size; at += whole) {
            each(p, first + at * p.by_first, second + at * p.by_second, out + at * p.by_out, work, stack);
        }
        if (rest != 0) {
            last(p, first + at * p.by_first, second + at * p.by_second, out + at * p.by_out, work, stack);
        }
    });
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
