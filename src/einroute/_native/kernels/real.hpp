// Products of real numbers: the lanes are as many as the axis has, or a few vectors at a time.
//
// The operand that has the axis of the lanes is `second`; the other has the rows, of which four are done
// together, and may have the lanes as well.
#pragma once

#include "arrange.hpp"
#include "source.hpp"
#include "spans.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

// Lanes of one block, and the most that are done as one.
template <class R> constexpr int BLOCK = 2 * LANES<R>;
template <class R> constexpr int MOST = LANES<R> == 4 ? 12 : 16;

// BOTH: whether both operands have the lanes.
template <class R, int N, bool BOTH> struct Real {
    using S = Span<R, N>;

    // Rows [at, at + ROWS) of one column.
    template <int ROWS>
    static EINROUTE_INLINE void rows(const Arranged& p, const Source& x, const Source& y, char* out, int at,
                                     int j) {
        const R start = start_of<R>(p);
        S sum[ROWS];
        const char* row[ROWS];
        EINROUTE_UNROLL
        for (int i = 0; i < ROWS; ++i) {
            row[i] = x.data + x.outer[at + i];
            sum[i].fill(start);
        }
        const char* column = y.data + y.outer[j];
        const int depth = p.sums.size;
        for (int k = 0; k < depth; ++k) {
            S factor;
            factor.load(column + y.sums[k]);
            const std::ptrdiff_t step = x.sums[k];
            EINROUTE_UNROLL
            for (int i = 0; i < ROWS; ++i) {
                if constexpr (BOTH) {
                    S other;
                    other.load(row[i] + step);
                    sum[i].add_product(other, factor);
                } else {
                    sum[i].add_scaled(load<R>(row[i] + step), factor);
                }
            }
        }
        char* to = out + p.columns.y[j];
        if (p.by_out == static_cast<std::ptrdiff_t>(sizeof(R))) {
            EINROUTE_UNROLL
            for (int i = 0; i < ROWS; ++i) {
                sum[i].store(to + p.rows.y[at + i]);
            }
        } else {
            EINROUTE_UNROLL
            for (int i = 0; i < ROWS; ++i) {
                char lanes[N * sizeof(R)];
                sum[i].store(lanes);
                for (int l = 0; l < N; ++l) {
                    std::memcpy(to + p.rows.y[at + i] + l * p.by_out, lanes + l * sizeof(R), sizeof(R));
                }
            }
        }
    }

    static Source packed(const char* data, const Offsets& outer, const std::ptrdiff_t* sums, const Packed& to,
                         int depth, std::ptrdiff_t step, char* work) {
        if (step == static_cast<std::ptrdiff_t>(sizeof(R))) {
            return {data, outer.x, sums};
        }
        char* at = work;
        for (int i = 0; i < outer.size; ++i) {
            for (int k = 0; k < depth; ++k, at += N * sizeof(R)) {
                S lanes;
                lanes.gather(data + outer.x[i] + sums[k], step);
                lanes.store(at);
            }
        }
        return {work, to.outer, to.sums};
    }

    // Square matrices whose size the compiler knows.
    static void squares(const Arranged& p, const char* x, const char* y, char* out, const Axis& stack) {
        std::ptrdiff_t row[N], step[N], sums[N], to[N];
        for (int i = 0; i < N; ++i) {
            row[i] = p.rows.x[i];
            to[i] = p.rows.y[i];
            step[i] = p.sums.x[i];
            sums[i] = p.sums.y[i];
        }
        for (std::ptrdiff_t s = 0; s < stack.size; ++s, x += stack.a, y += stack.b, out += stack.out) {
            S factor[N];
            EINROUTE_UNROLL
            for (int k = 0; k < N; ++k) {
                factor[k].load(y + sums[k]);
            }
            EINROUTE_UNROLL
            for (int i = 0; i < N; ++i) {
                S sum;
                sum.fill(static_cast<R>(0));
                EINROUTE_UNROLL
                for (int k = 0; k < N; ++k) {
                    sum.add_scaled(load<R>(x + row[i] + step[k]), factor[k]);
                }
                sum.store(out + to[i]);
            }
        }
    }

    static void matrix(const Arranged& p, const Source& x, const Source& y, char* out) {
        for (int j = 0; j < p.columns.size; ++j) {
            int i = 0;
            for (; i + 4 <= p.rows.size; i += 4) {
                rows<4>(p, x, y, out, i, j);
            }
            if (i + 2 <= p.rows.size) {
                rows<2>(p, x, y, out, i, j);
                i += 2;
            }
            if (i < p.rows.size) {
                rows<1>(p, x, y, out, i, j);
            }
        }
    }

    // A block of lanes of each matrix of a stack.
    static void run(const Arranged& p, const char* first, const char* second, char* out, char* work,
                    const Axis& stack) {
        constexpr std::ptrdiff_t UNIT = sizeof(R);
        const int depth = p.sums.size;
        if (p.by_second == UNIT && (!BOTH || p.by_first == UNIT)) {
            if constexpr (!BOTH && N <= 6) {
                if (p.columns.size == 1 && p.rows.size == N && depth == N && p.by_out == UNIT && p.summed) {
                    squares(p, first, second, out, stack);
                    return;
                }
            }
            for (std::ptrdiff_t s = 0; s < stack.size; ++s) {
                matrix(p, {first, p.rows.x, p.sums.x}, {second, p.columns.x, p.sums.y}, out);
                first += stack.a;
                second += stack.b;
                out += stack.out;
            }
            return;
        }
        Packed layout;
        layout.fill(depth, N * UNIT, p.rows.size > p.columns.size ? p.rows.size : p.columns.size);
        for (std::ptrdiff_t s = 0; s < stack.size; ++s) {
            const Source y = packed(second, p.columns, p.sums.y, layout, depth, p.by_second, work);
            Source x{first, p.rows.x, p.sums.x};
            if constexpr (BOTH) {
                x = packed(first, p.rows, p.sums.x, layout, depth, p.by_first,
                           work + p.columns.size * depth * N * UNIT);
            }
            matrix(p, x, y, out);
            first += stack.a;
            second += stack.b;
            out += stack.out;
        }
    }
};

using RealBlock = void (*)(const Arranged&, const char*, const char*, char*, char*, const Axis&);

template <class R, bool BOTH> RealBlock real_block(std::ptrdiff_t lanes) {
    constexpr RealBlock BLOCKS[] = {
        Real<R, 1, BOTH>::run,  Real<R, 2, BOTH>::run,  Real<R, 3, BOTH>::run,  Real<R, 4, BOTH>::run,
        Real<R, 5, BOTH>::run,  Real<R, 6, BOTH>::run,  Real<R, 7, BOTH>::run,  Real<R, 8, BOTH>::run,
        Real<R, 9, BOTH>::run,  Real<R, 10, BOTH>::run, Real<R, 11, BOTH>::run, Real<R, 12, BOTH>::run,
        Real<R, 13, BOTH>::run, Real<R, 14, BOTH>::run, Real<R, 15, BOTH>::run, Real<R, 16, BOTH>::run,
    };
    return BLOCKS[lanes - 1];
}

template <class R> Choice choose_for(const Problem& problem) {
    return choose_real(problem, LANES<R>, BLOCK<R>, MOST<R>, static_cast<std::ptrdiff_t>(sizeof(R)));
}

template <class R> void run_real(const Problem& problem) {
    Arranged p;
    arrange_along(problem, choose_for<R>(problem), p);
    if (p.size == 1) { // no stride matters
        p.by_first = 0;
        p.by_second = p.by_out = sizeof(R);
    }
    char* work = static_cast<char*>(problem.work);
    const bool both = p.by_first != 0;
    const bool one = p.size <= MOST<R>;
    const std::ptrdiff_t whole = one ? p.size : BLOCK<R>;
    const RealBlock block = both ? real_block<R, true>(whole) : real_block<R, false>(whole);
    const std::ptrdiff_t rest = p.size % whole;
    const RealBlock last = rest == 0 ? block : both ? real_block<R, true>(rest) : real_block<R, false>(rest);
    const Axis stack = p.loops > 0 ? p.loop[--p.loops] : Axis{Role::Loop, 1, 0, 0, 0};
    around(p, [&](const char* first, const char* second, char* out) {
        std::ptrdiff_t at = 0;
        for (; at + whole <= p.size; at += whole) {
            block(p, first + at * p.by_first, second + at * p.by_second, out + at * p.by_out, work, stack);
        }
        if (rest != 0) {
            last(p, first + at * p.by_first, second + at * p.by_second, out + at * p.by_out, work, stack);
        }
    });
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
