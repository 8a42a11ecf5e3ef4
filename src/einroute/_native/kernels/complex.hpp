// Products of complex numbers, whose parts lie side by side: the real parts of one operand by numbers of the
// other are summed by themselves, so are the imaginary parts, and they meet once at the end.
//
// The operand that has the axis of the lanes is `second`, as with real numbers. Products and sums are not
// fused, so that z times its conjugate is real.
#pragma once

#include "arrange.hpp"
#include "source.hpp"
#include "spans.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

// Complex lanes of one block, and the most that are done as one.
template <class R> constexpr int COMPLEX_BLOCK = LANES<R>;
template <class R> constexpr int COMPLEX_MOST = LANES<R> == 4 ? 6 : 12;

// The sums of a few rows of one column; a base for each row, since arrays would be kept in memory.
template <class R, int N, int ROWS> struct ComplexRows : ComplexRows<R, N, ROWS - 1> {
    using Rest = ComplexRows<R, N, ROWS - 1>;
    using S = Span<R, 2 * N>;
    S real, imaginary;
    const char* row;

    EINROUTE_INLINE void begin(const char* x, const std::ptrdiff_t* at, R start) {
        real.fill(start);
        imaginary.fill(start);
        row = x + at[ROWS - 1];
        Rest::begin(x, at, start);
    }

    template <bool BOTH> EINROUTE_INLINE void add(std::ptrdiff_t step, const S& factor) {
        if constexpr (BOTH) {
            S other;
            other.load(row + step);
            real.template add_paired<0>(other, factor);
            imaginary.template add_paired<1>(other, factor);
        } else {
            real.add_scaled(load<R>(row + step), factor);
            imaginary.add_scaled(load<R>(row + step + sizeof(R)), factor);
        }
        Rest::template add<BOTH>(step, factor);
    }

    EINROUTE_INLINE void store(char* to, const std::ptrdiff_t* out) {
        real.add_turned(imaginary);
        real.store(to + out[ROWS - 1]);
        Rest::store(to, out);
    }

    EINROUTE_INLINE void store(char* to, const std::ptrdiff_t* out, std::ptrdiff_t step) {
        constexpr std::ptrdiff_t UNIT = 2 * sizeof(R);
        real.add_turned(imaginary);
        if (step == UNIT) {
            real.store(to + out[ROWS - 1]);
        } else {
            char lanes[N * UNIT];
            real.store(lanes);
            for (int l = 0; l < N; ++l) {
                std::memcpy(to + out[ROWS - 1] + l * step, lanes + l * UNIT, UNIT);
            }
        }
        Rest::store(to, out, step);
    }
};

template <class R, int N> struct ComplexRows<R, N, 0> {
    using S = Span<R, 2 * N>;
    EINROUTE_INLINE void begin(const char*, const std::ptrdiff_t*, R) {}
    template <bool BOTH> EINROUTE_INLINE void add(std::ptrdiff_t, const S&) {}
    EINROUTE_INLINE void store(char*, const std::ptrdiff_t*) {}
    EINROUTE_INLINE void store(char*, const std::ptrdiff_t*, std::ptrdiff_t) {}
};

// BOTH: whether both operands have the lanes.
template <class R, int N, bool BOTH> struct ComplexBlock {
    using S = Span<R, 2 * N>;
    static constexpr std::ptrdiff_t UNIT = 2 * sizeof(R);
    // Rows of a block: their two sums, the factors and two more are in registers.
    static constexpr int VECTORS = SPAN_VECTORS<R, 2 * N>;
    static constexpr int TOGETHER = VECTORS == 1 ? 4 : VECTORS == 2 ? 2 : 1;

    // The most rows of a group, each with two sums, where more than one are in registers.
    static constexpr int FIT = rows_in_registers(2 * VECTORS, VECTORS + 2, 4);
    static constexpr int MOST_ROWS = BOTH || FIT == 1 ? 0 : FIT;

    // Whether groups gain anything: what a single row or product takes is what is around it.
    static bool gains(const Arranged& p) { return p.rows.size > 1 && p.sums.size > 1; }

    // Groups of rows whose sums lie evenly. By itself, so that registers hold all of it.
    template <int ROWS>
    static EINROUTE_APART void even_rows(const Sums& sums, char* out, int from, int groups) {
        using Group = ComplexRows<R, N, ROWS>;
        sum_groups<S, R, Group, ROWS>(
            sums, out, from, groups,
            [](Group& group, std::ptrdiff_t step, const S& y) { group.template add<false>(step, y); });
    }

    // Rows [at, at + ROWS) of one column.
    template <int ROWS>
    static EINROUTE_INLINE void rows(const Arranged& p, const Source& x, const Source& y, char* out, int at,
                                     int j) {
        ComplexRows<R, N, ROWS> group;
        group.begin(x.data, x.outer + at, start_of<R>(p));
        const char* column = y.data + y.outer[j];
        const int depth = p.sums.size;
        int k = 0;
        do { // there is a first
            S factor;
            factor.load(column + y.sums[k]);
            group.template add<BOTH>(x.sums[k], factor);
        } while (++k < depth);
        group.store(out + p.columns.y[j], p.rows.y + at, p.by_out);
    }

    static Source packed(const char* data, const Offsets& outer, const std::ptrdiff_t* sums, const Packed& to,
                         int depth, std::ptrdiff_t step, bool apart, char* work) {
        if (step == UNIT && apart) {
            return copied<S>(data, outer, sums, to, depth, work);
        }
        if (step == UNIT) {
            return {data, outer.x, sums};
        }
        char* at = work;
        for (int i = 0; i < outer.size; ++i) {
            for (int k = 0; k < depth; ++k) {
                const char* from = data + outer.x[i] + sums[k];
                for (int l = 0; l < N; ++l, at += UNIT) {
                    std::memcpy(at, from + l * step, UNIT);
                }
            }
        }
        return {work, to.outer, to.sums};
    }

    static void matrix(const Arranged& p, const Source& x, const Source& y, char* out) {
        for (int j = 0; j < p.columns.size; ++j) {
            int i = 0;
            for (; i + TOGETHER <= p.rows.size; i += TOGETHER) {
                rows<TOGETHER>(p, x, y, out, i, j);
            }
            if constexpr (TOGETHER > 2) {
                if (i + 2 <= p.rows.size) {
                    rows<2>(p, x, y, out, i, j);
                    i += 2;
                }
            }
            if constexpr (TOGETHER > 1) {
                if (i < p.rows.size) {
                    rows<1>(p, x, y, out, i, j);
                }
            }
        }
    }

    // Square matrices whose size the compiler knows.
    static void squares(const Arranged& p, const char* x, const char* y, char* out, const Axis& stack) {
        for (std::ptrdiff_t s = 0; s < stack.size; ++s, x += stack.a, y += stack.b, out += stack.out) {
            S factor[N];
            EINROUTE_UNROLL
            for (int k = 0; k < N; ++k) {
                factor[k].load(y + p.sums.y[k]);
            }
            EINROUTE_UNROLL
            for (int i = 0; i < N; ++i) {
                ComplexRows<R, N, 1> row;
                row.begin(x, p.rows.x + i, static_cast<R>(0));
                EINROUTE_UNROLL
                for (int k = 0; k < N; ++k) {
                    row.template add<false>(p.sums.x[k], factor[k]);
                }
                row.store(out, p.rows.y + i);
            }
        }
    }

    // A block of lanes of each matrix of a stack.
    static void run(const Arranged& p, const char* first, const char* second, char* out, char* work,
                    const Axis& stack) {
        if constexpr (!BOTH && N <= 3) {
            if (p.columns.size == 1 && p.rows.size == N && p.sums.size == N && p.summed && p.by_out == UNIT &&
                p.by_second == UNIT) {
                squares(p, first, second, out, stack);
                return;
            }
        }
        run_stack<ComplexBlock, BOTH>(p, first, second, out, work, stack, N * UNIT);
    }
};

// The block of so many lanes; there is none of more than are done as one.
template <class R, bool BOTH> Block complex_block(std::ptrdiff_t lanes) {
    constexpr int M = COMPLEX_MOST<R>;
    constexpr auto at_most = [](int n) { return n < M ? n : M; };
    constexpr Block BLOCKS[] = {
        ComplexBlock<R, at_most(1), BOTH>::run,  ComplexBlock<R, at_most(2), BOTH>::run,
        ComplexBlock<R, at_most(3), BOTH>::run,  ComplexBlock<R, at_most(4), BOTH>::run,
        ComplexBlock<R, at_most(5), BOTH>::run,  ComplexBlock<R, at_most(6), BOTH>::run,
        ComplexBlock<R, at_most(7), BOTH>::run,  ComplexBlock<R, at_most(8), BOTH>::run,
        ComplexBlock<R, at_most(9), BOTH>::run,  ComplexBlock<R, at_most(10), BOTH>::run,
        ComplexBlock<R, at_most(11), BOTH>::run, ComplexBlock<R, at_most(12), BOTH>::run,
    };
    return BLOCKS[lanes - 1];
}

template <class R> Choice choose_complex(const Problem& problem) {
    return choose(problem, {2, LANES<R>, COMPLEX_BLOCK<R>, COMPLEX_MOST<R>, 2 * sizeof(R)});
}

template <class R> double price_complex(const Problem& problem) {
    Problem merged;
    merge_shared(problem, merged);
    return choose_complex<R>(merged).cost;
}

template <class R> void arrange_complex(const Problem& problem, const Room& room, Arranged& to) {
    Problem merged;
    merge_shared(problem, merged);
    arrange_along(merged, choose_complex<R>(merged), 2 * sizeof(R), room, to);
}

template <class R>
void run_arranged_complex(const Arranged& p, const char* a, const char* b, char* out, void* work) {
    run_blocks(p, {p.turned ? b : a, p.turned ? a : b, out}, COMPLEX_BLOCK<R>, COMPLEX_MOST<R>,
               p.by_first != 0 ? complex_block<R, true> : complex_block<R, false>, static_cast<char*>(work));
}

template <class R> void run_complex(const Problem& problem) {
    OwnRoom room;
    Arranged p;
    arrange_complex<R>(problem, {room.axes, room.offsets}, p);
    run_arranged_complex<R>(p, problem.a, problem.b, problem.out, problem.work);
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
