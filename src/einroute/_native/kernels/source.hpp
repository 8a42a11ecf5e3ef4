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
    std::ptrdiff_t step; // to the next sum of a run

    Source(const char* at, const std::ptrdiff_t* of_outer, const std::ptrdiff_t* of_sums, int run)
        : data(at), outer(of_outer), sums(of_sums), step(run > 1 ? of_sums[1] - of_sums[0] : 0) {}
};

// Sums of rows of one column that are as far apart in memory as the next. Those of several axes are done run
// by run: they go on from what the run before has left in `partial`.
struct Sums {
    const char *x, *y;
    const std::ptrdiff_t* rows;
    std::ptrdiff_t by_x, by_y;
    int length;
    bool goes_on, ends;
    double start;
    char* partial;
};

// Each of the sums, with the numbers of the second operand; there is a first.
template <class S, class Body> EINROUTE_INLINE void add_sums(const Sums& sums, const Body& body) {
    const std::ptrdiff_t by_x = sums.by_x, by_y = sums.by_y;
    const char* line = sums.y;
    std::ptrdiff_t step = 0;
    int left = sums.length;
    do {
        S factor;
        factor.load(line);
        body(step, factor);
        line += by_y;
        step += by_x;
    } while (--left > 0);
}

// The sums of groups of a few rows.
template <class S, class R, class Group, int ROWS, class Body>
EINROUTE_INLINE void sum_groups(const Sums& sums, char* out, const std::ptrdiff_t* to, int groups,
                                const Body& add) {
    Group group;
    const std::ptrdiff_t* from = sums.rows;
    do {
        group.begin(sums.x, from, static_cast<R>(sums.start));
        if (sums.goes_on) {
            group.go_on(sums.partial);
        }
        add_sums<S>(sums, [&](std::ptrdiff_t step, const S& factor) { add(group, step, factor); });
        if (sums.ends) {
            group.store(out, to);
        } else {
            group.leave(sums.partial);
        }
        from += ROWS;
        to += ROWS;
    } while (--groups > 0);
}

using RowsOf = void (*)(const Sums&, char*, const std::ptrdiff_t*, int);

// What does one to MOST rows at once.
template <class B, int MOST> inline const RowsOf* rows_of() {
    constexpr auto at_most = [](int n) { return n < MOST ? n : MOST; };
    static constexpr RowsOf ROWS[] = {B::template rows<at_most(1)>, B::template rows<at_most(2)>,
                                      B::template rows<at_most(3)>, B::template rows<at_most(4)>,
                                      B::template rows<at_most(5)>, B::template rows<at_most(6)>};
    return ROWS;
}

// The most rows of a group, and bytes of its lanes.
constexpr int MOST_ROWS = 6, MOST_LINE = 96;

// How the rows of a block are done: the most at once or one less, so that all groups have about as many,
// since few wait for each other. Made once for all matrices of a stack.
struct Groups {
    RowsOf wide, narrow; // the first groups have `size` rows, the others one less
    int size, wides, narrows;
    bool straight; // the result has lanes side by side, and the sums are one run
    Sums sums;
    alignas(32) char partial[2 * MOST_ROWS * MOST_LINE];

    Groups(const Arranged& p, int rows, const RowsOf* kernels, int most, std::ptrdiff_t unit)
        : straight(p.by_out == unit && p.run == p.sums.size) {
        const int count = (rows + most - 1) / most;
        size = (rows + count - 1) / count;
        narrows = size * count - rows;
        wides = count - narrows;
        wide = kernels[size - 1];
        narrow = narrows == 0 ? nullptr : kernels[size - 2];
        sums.length = p.run;
        sums.goes_on = false;
        sums.ends = true;
        sums.start = p.summed ? 0.0 : -0.0; // a product alone is left as it is
        sums.partial = partial;
    }
};

// The same where lanes of the result lie apart, or sums are several runs: group by group.
template <class B>
void group_by_group(const Arranged& p, Groups& groups, const Source& x, const Source& y, char* to, int j) {
    alignas(32) char lines[MOST_ROWS * MOST_LINE];
    static constexpr std::ptrdiff_t APART[] = {
        0, MOST_LINE, 2 * MOST_LINE, 3 * MOST_LINE, 4 * MOST_LINE, 5 * MOST_LINE};
    const bool scatters = p.by_out != B::UNIT;
    Sums& sums = groups.sums;
    int at = 0;
    for (int group = 0; group < groups.wides + groups.narrows; ++group) {
        const bool few = group >= groups.wides;
        sums.rows = x.outer + at;
        for (int k = 0; k < p.sums.size; k += p.run) {
            sums.goes_on = k > 0;
            sums.ends = k + p.run == p.sums.size;
            sums.x = x.data + x.sums[k];
            sums.y = y.data + y.outer[j] + y.sums[k];
            (few ? groups.narrow : groups.wide)(sums, scatters ? lines : to, scatters ? APART : p.rows.y + at,
                                                1);
        }
        const int count = few ? groups.size - 1 : groups.size;
        for (int i = 0; scatters && i < count; ++i) {
            B::scatter(lines + i * MOST_LINE, to + p.rows.y[at + i], p.by_out);
        }
        at += count;
    }
}

// All columns and rows of a block of lanes.
template <class B>
inline void in_groups(const Arranged& p, Groups& groups, const Source& x, const Source& y, char* out) {
    Sums& sums = groups.sums;
    sums.by_x = x.step;
    sums.by_y = y.step;
    for (int j = 0; j < p.columns.size; ++j) {
        char* to = out + p.columns.y[j];
        if (!groups.straight) {
            group_by_group<B>(p, groups, x, y, to, j);
            continue;
        }
        sums.x = x.data + x.sums[0];
        sums.y = y.data + y.outer[j] + y.sums[0];
        sums.rows = x.outer;
        groups.wide(sums, to, p.rows.y, groups.wides);
        if (groups.narrow != nullptr) {
            const int done = groups.wides * groups.size;
            sums.rows += done;
            groups.narrow(sums, to, p.rows.y + done, groups.narrows);
        }
    }
}

// The matrices of a stack, a block of lanes of each; `B` has rows and packs them, `bytes` a line of lanes.
template <class B, bool BOTH>
inline void run_stack(const Arranged& p, const char* first, const char* second, char* out, char* work,
                      const Axis& stack, std::ptrdiff_t bytes) {
    const int depth = p.sums.size;
    const RowsOf* const kernels = rows_of<B, B::TOGETHER>();
    Packed layout;
    if (p.by_second != B::UNIT || (BOTH && p.by_first != B::UNIT)) {
        layout.fill(depth, bytes, p.rows.size > p.columns.size ? p.rows.size : p.columns.size);
    }
    const auto source = [&](const char* at) {
        return B::packed(p, at, p.columns, p.sums.y, layout, p.by_second, work);
    };
    if (!BOTH && stack.b == 0 && p.rows.size == 1) { // all share the second: the stack is rows
        const Source y = source(second);
        Arranged rows = p;
        Groups many(p, static_cast<int>(MAX_EXTENT), kernels, B::TOGETHER, B::UNIT);
        for (std::ptrdiff_t at = 0; at < stack.size; at += MAX_EXTENT) {
            const std::ptrdiff_t count = stack.size - at < MAX_EXTENT ? stack.size - at : MAX_EXTENT;
            rows.rows.size = static_cast<int>(count);
            for (std::ptrdiff_t i = 0; at == 0 && i < count; ++i) {
                rows.rows.x[i] = i * stack.a;
                rows.rows.y[i] = i * stack.out;
            }
            const Source x{first + at * stack.a, rows.rows.x, p.sums.x, p.run};
            if (count < MAX_EXTENT) {
                Groups few(p, rows.rows.size, kernels, B::TOGETHER, B::UNIT);
                in_groups<B>(rows, few, x, y, out + at * stack.out);
            } else {
                in_groups<B>(rows, many, x, y, out + at * stack.out);
            }
        }
        return;
    }
    Groups groups(p, p.rows.size, kernels, B::TOGETHER, B::UNIT);
    for (std::ptrdiff_t s = 0; s < stack.size; ++s, first += stack.a, second += stack.b, out += stack.out) {
        const Source y = source(second);
        Source x{first, p.rows.x, p.sums.x, p.run};
        if constexpr (BOTH) {
            x = B::packed(p, first, p.rows, p.sums.x, layout, p.by_first,
                          work + p.columns.size * depth * bytes);
        }
        in_groups<B>(p, groups, x, y, out);
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
