// What the kernels of real and of complex numbers share: where a block is read, and the loops around it.
#pragma once

#include "arrange.hpp"
#include "spans.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

// An operand of a block: what is at `data` plus the offsets of a row or column and of a sum.
struct Source {
    const char* data;
    const std::ptrdiff_t *outer, *sums;
};

// Reads what will soon be read into a cache.
inline void prefetch(const char* p) {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(p, 0, 2);
#else
    static_cast<void>(p);
#endif
}

// An operand whose lines of lanes collide, as they are, one after the other.
template <class S>
inline Source copied(const char* data, const Offsets& outer, const std::ptrdiff_t* sums, const Packed& to,
                     int depth, char* work) {
    char* at = work;
    for (int i = 0; i < outer.size; ++i) {
        for (int k = 0; k < depth; ++k, at += S::BYTES) {
            const char* from = data + outer.x[i] + sums[k];
            S lanes;
            lanes.load(from);
            lanes.store(at);
            prefetch(from + S::BYTES);
        }
    }
    return {work, to.outer, to.sums};
}

// A sum begins at 0, so that it is never -0 where NumPy's is not; a product alone is left as it is.
template <class R> inline R start_of(const Arranged& p) {
    return static_cast<R>(p.summed ? 0.0 : -0.0);
}

// Sums of rows of one column that are all as far apart in memory as the next.
struct Sums {
    const char *x, *y;
    const std::ptrdiff_t *rows, *to;
    std::ptrdiff_t by_x, by_y;
    int length;
    double start; // a product alone is left as it is
};

// Those of groups of a few rows.
template <class S, class R, class Group, int ROWS, class Add>
EINROUTE_INLINE void sum_groups(const Sums& sums, char* out, int from, int groups, const Add& add) {
    const std::ptrdiff_t by_x = sums.by_x, by_y = sums.by_y, *row = sums.rows + from, *to = sums.to + from;
    Group group;
    do {
        group.begin(sums.x, row, static_cast<R>(sums.start));
        const char* line = sums.y;
        std::ptrdiff_t step = 0;
        int left = sums.length;
        do { // there is a first
            S factor;
            factor.load(line);
            add(group, step, factor);
            line += by_y;
            step += by_x;
        } while (--left > 0);
        group.store(out, to);
        row += ROWS;
        to += ROWS;
    } while (--groups > 0);
}

using RowsOf = void (*)(const Sums&, char*, int, int);

// What does one to `B::MOST_ROWS` rows at once.
template <class B> inline const RowsOf* rows_of() {
    constexpr auto at_most = [](int n) { return n < B::MOST_ROWS ? n : B::MOST_ROWS; };
    static constexpr RowsOf ROWS[] = {B::template even_rows<at_most(1)>, B::template even_rows<at_most(2)>,
                                      B::template even_rows<at_most(3)>, B::template even_rows<at_most(4)>,
                                      B::template even_rows<at_most(5)>, B::template even_rows<at_most(6)>};
    return ROWS;
}

// How so many rows are done where the sums and the lanes of the result lie evenly: the most at once or one
// less, so that all groups have about as many, since few wait for each other. Made once for all matrices of a
// stack.
struct Groups {
    RowsOf wide, narrow; // the first groups have `size` rows, the others one less
    int size, wides, narrows;

    void divide(int rows, const RowsOf* kernels, int most) {
        const int count = (rows + most - 1) / most;
        size = (rows + count - 1) / count;
        narrows = size * count - rows;
        wides = count - narrows;
        wide = kernels[size - 1];
        narrow = narrows == 0 ? nullptr : kernels[size - 2];
    }
};

// All columns and rows of a block of lanes.
inline void in_groups(const Arranged& p, const Groups& groups, const Source& x, const Source& y, char* out) {
    const int depth = p.sums.size;
    Sums sums{x.data + x.sums[0], nullptr, x.outer, p.rows.y, 0, 0, depth, p.summed ? 0.0 : -0.0};
    if (depth > 1) {
        sums.by_x = x.sums[1] - x.sums[0];
        sums.by_y = y.sums[1] - y.sums[0];
    }
    for (int j = 0; j < p.columns.size; ++j) {
        char* to = out + p.columns.y[j];
        sums.y = y.data + y.outer[j] + y.sums[0];
        groups.wide(sums, to, 0, groups.wides);
        if (groups.narrow != nullptr) {
            groups.narrow(sums, to, groups.wides * groups.size, groups.narrows);
        }
    }
}

// Whether lines of lanes of an operand, which are read several times, drive each other out of the cache.
inline bool lines_collide(const Offsets& outer, const std::ptrdiff_t* outers, const std::ptrdiff_t* sums,
                          int depth) {
    if (outer.size == 1 || depth == 1) {
        return false;
    }
    const std::size_t lines = static_cast<std::size_t>(outer.size) * static_cast<std::size_t>(depth);
    return collide((outers[1] - outers[0]) | (sums[1] - sums[0]), 2 * lines); // half is the other's
}

// The matrices of a stack, a block of lanes of each; `B` has rows and packs them, `bytes` a line of lanes.
template <class B, bool BOTH>
inline void run_stack(const Arranged& given, const char* first, const char* second, char* out, char* work,
                      const Axis& stack, std::ptrdiff_t bytes) {
    const Arranged* p = &given;
    Arranged rows;
    std::ptrdiff_t row_x[MAX_EXTENT], row_y[MAX_EXTENT];
    std::ptrdiff_t each = 1; // matrices
    const bool shared = !BOTH && stack.b == 0 && p->rows.size == 1;
    if (shared) { // all share the second: the stack is rows
        rows = given;
        p = &rows;
        each = stack.size < MAX_EXTENT ? stack.size : MAX_EXTENT;
        rows.rows = {static_cast<int>(each), row_x, row_y};
        for (std::ptrdiff_t i = 0; i < each; ++i) {
            row_x[i] = i * stack.a;
            row_y[i] = i * stack.out;
        }
    }
    const int depth = p->sums.size;
    const bool even = B::MOST_ROWS > 0 && p->even && p->by_out == B::UNIT && B::gains(*p);
    Packed layout;
    const bool several = BOTH && p->rows.size > 1 && p->columns.size > 1; // else each is read once
    const bool apart_x = several && lines_collide(p->rows, p->rows.x, p->sums.x, depth);
    const bool apart_y = several && lines_collide(p->columns, p->columns.x, p->sums.y, depth);
    if (apart_x || apart_y || p->by_second != B::UNIT || (BOTH && p->by_first != B::UNIT)) {
        layout.fill(depth, bytes, p->rows.size > p->columns.size ? p->rows.size : p->columns.size);
    }
    const auto source = [&] {
        return B::packed(second, p->columns, p->sums.y, layout, depth, p->by_second, apart_y, work);
    };
    Source y = source();
    Groups groups{};
    const auto divide = [&] {
        if constexpr (B::MOST_ROWS > 0) {
            groups.divide(p->rows.size, rows_of<B>(), B::MOST_ROWS);
        }
    };
    divide();
    for (std::ptrdiff_t left = stack.size;;) {
        Source x{first, p->rows.x, p->sums.x};
        if constexpr (BOTH) {
            x = B::packed(first, p->rows, p->sums.x, layout, depth, p->by_first, apart_x,
                          work + p->columns.size * depth * bytes);
        }
        if (even) {
            in_groups(*p, groups, x, y, out);
        } else {
            B::matrix(*p, x, y, out);
        }
        left -= each;
        if (left <= 0) {
            return;
        }
        first += each * stack.a;
        out += each * stack.out;
        second += stack.b;
        if (!shared) {
            y = source();
        } else if (left < each) {
            rows.rows.size = static_cast<int>(left);
            divide();
        }
    }
}

// Where the operands of what is arranged lie, and the result.
struct Places {
    const char *first, *second;
    char* out;
};

// The outer loops around the lanes.
template <class Body>
inline void around(const Arranged& p, int loops, const Places& places, const Body& body) {
    std::ptrdiff_t index[MAX_AXES];
    for (int d = 0; d < loops; ++d) {
        index[d] = 0;
    }
    const char *first = places.first, *second = places.second;
    char* out = places.out;
    for (;;) {
        body(first, second, out);
        int d = loops - 1;
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
inline void run_blocks(const Arranged& p, const Places& at, std::ptrdiff_t block, std::ptrdiff_t most,
                       Block (*of)(std::ptrdiff_t), char* work) {
    const std::ptrdiff_t whole = p.size <= most ? p.size : block, rest = p.size % whole;
    const Block each = of(whole), last = rest == 0 ? nullptr : of(rest);
    if (p.loops == 0) { // the blocks are the stack
        const std::ptrdiff_t blocks = p.size / whole, done = blocks * whole;
        each(p, at.first, at.second, at.out, work,
             {Role::Loop, blocks, whole * p.by_first, whole * p.by_second, whole * p.by_out});
        if (rest != 0) {
            last(p, at.first + done * p.by_first, at.second + done * p.by_second, at.out + done * p.by_out,
                 work, {Role::Loop, 1, 0, 0, 0});
        }
        return;
    }
    const std::ptrdiff_t blocks = p.size / whole, done = blocks * whole;
    const Axis along = {Role::Loop, blocks, whole * p.by_first, whole * p.by_second, whole * p.by_out};
    const Axis stack = p.loop[p.loops - 1];
    const bool shares = p.by_first == 0 && stack.b == 0 && p.rows.size == 1;
    if (!shares && blocks > 1 && reach(along) < reach(stack)) { // as memory lies
        around(p, p.loops, at, [&](const char* first, const char* second, char* out) {
            each(p, first, second, out, work, along);
            if (rest != 0) {
                last(p, first + done * p.by_first, second + done * p.by_second, out + done * p.by_out, work,
                     {Role::Loop, 1, 0, 0, 0});
            }
        });
        return;
    }
    around(p, p.loops - 1, at, [&](const char* first, const char* second, char* out) {
        std::ptrdiff_t l = 0;
        for (; l + whole <= p.size; l += whole) {
            each(p, first + l * p.by_first, second + l * p.by_second, out + l * p.by_out, work, stack);
        }
        if (rest != 0) {
            last(p, first + l * p.by_first, second + l * p.by_second, out + l * p.by_out, work, stack);
        }
    });
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
