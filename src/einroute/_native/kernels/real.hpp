// Products of real numbers: the lanes are as many as the axis has, or a few vectors at a time.
//
// The operand that has the axis of the lanes is `second`; the other has the rows, of which a few are done
// together, and may have the lanes as well.
#pragma once

#include "arrange.hpp"
#include "source.hpp"
#include "spans.hpp"
#include "squares.hpp"

#include <type_traits>

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

// Lanes of one block, and the most that are done as one.
template <class R> constexpr int BLOCK = 2 * LANES<R>;
template <class R> constexpr int MOST = LANES<R> == 4 ? 12 : 16;

// The sums of a few rows of one column; a base for each row, since arrays would be kept in memory.
template <class S, int ROWS> struct Rows : Rows<S, ROWS - 1> {
    using Rest = Rows<S, ROWS - 1>;
    S sum;
    const char* row;

    template <class R> EINROUTE_INLINE void begin(const char* x, const std::ptrdiff_t* at, R start) {
        sum.fill(start);
        row = x + at[ROWS - 1];
        Rest::begin(x, at, start);
    }

    template <class R, bool BOTH> EINROUTE_INLINE void add(std::ptrdiff_t step, const S& factor) {
        if constexpr (BOTH) {
            S other;
            other.load(row + step);
            sum.add_product(other, factor);
        } else {
            sum.add_scaled(load<R>(row + step), factor);
        }
        Rest::template add<R, BOTH>(step, factor);
    }

    EINROUTE_INLINE void store(char* to, const std::ptrdiff_t* out) const {
        sum.store(to + out[ROWS - 1]);
        Rest::store(to, out);
    }

    template <class R, int N>
    EINROUTE_INLINE void scatter(char* to, const std::ptrdiff_t* out, std::ptrdiff_t step) const {
        char lanes[N * sizeof(R)];
        sum.store(lanes);
        for (int l = 0; l < N; ++l) {
            std::memcpy(to + out[ROWS - 1] + l * step, lanes + l * sizeof(R), sizeof(R));
        }
        Rest::template scatter<R, N>(to, out, step);
    }
};

template <class S> struct Rows<S, 0> {
    template <class R> EINROUTE_INLINE void begin(const char*, const std::ptrdiff_t*, R) {}
    template <class R, bool BOTH> EINROUTE_INLINE void add(std::ptrdiff_t, const S&) {}
    EINROUTE_INLINE void store(char*, const std::ptrdiff_t*) const {}
    template <class R, int N>
    EINROUTE_INLINE void scatter(char*, const std::ptrdiff_t*, std::ptrdiff_t) const {}
};

// BOTH: whether both operands have the lanes.
template <class R, int N, bool BOTH> struct Real {
    using S = Span<R, N>;
    static constexpr std::ptrdiff_t UNIT = sizeof(R);
    // Rows of a block: their sums, the factors and two more are in registers.
    static constexpr int TOGETHER = SPAN_VECTORS<R, N> > 2 ? 3 : 4;

    // The most rows of a group: six vectors keep the processor busy, whose sums wait for each other.
    static constexpr int VECTORS = SPAN_VECTORS<R, N>;
    static constexpr int MOST_ROWS = BOTH ? 0 : rows_in_registers(VECTORS, VECTORS + 2, 6);

    // Whether groups gain anything.
    static bool gains(const Arranged&) { return true; }

    // Groups of rows whose sums lie evenly. By itself, so that registers hold all of it.
    template <int ROWS>
    static EINROUTE_APART void even_rows(const Sums& sums, char* out, int from, int groups) {
        using Group = Rows<S, ROWS>;
        sum_groups<S, R, Group, ROWS>(
            sums, out, from, groups,
            [](Group& group, std::ptrdiff_t step, const S& y) { group.template add<R, false>(step, y); });
    }

    // Rows [at, at + ROWS) of one column.
    template <int ROWS>
    static EINROUTE_INLINE void rows(const Arranged& p, const Source& x, const Source& y, char* out, int at,
                                     int j) {
        Rows<S, ROWS> group;
        group.begin(x.data, x.outer + at, start_of<R>(p));
        const char* column = y.data + y.outer[j];
        const int depth = p.sums.size;
        int k = 0;
        do { // there is a first
            S factor;
            factor.load(column + y.sums[k]);
            group.template add<R, BOTH>(x.sums[k], factor);
        } while (++k < depth);
        char* to = out + p.columns.y[j];
        if (p.by_out == UNIT) {
            group.store(to, p.rows.y + at);
        } else {
            group.template scatter<R, N>(to, p.rows.y + at, p.by_out);
        }
    }

    // Whether the elements of a sum follow each other in memory.
    static bool follows(const std::ptrdiff_t* sums, int depth) {
        bool good = true;
        for (int k = 1; k < depth; ++k) {
            good = good && sums[k] - sums[k - 1] == UNIT;
        }
        return good;
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
        if (follows(sums, depth)) {
            using U = std::conditional_t<sizeof(R) == 4, std::uint32_t, std::uint64_t>;
            for (int i = 0; i < outer.size; ++i, at += depth * N * UNIT) {
                transpose_lines<U, N>(data + outer.x[i] + sums[0], step, depth, at);
            }
            return {work, to.outer, to.sums};
        }
        for (int i = 0; i < outer.size; ++i) {
            for (int k = 0; k < depth; ++k, at += N * UNIT) {
                S lanes;
                lanes.gather(data + outer.x[i] + sums[k], step);
                lanes.store(at);
            }
        }
        return {work, to.outer, to.sums};
    }

    // Square matrices whose size the compiler knows; whether the lanes of the second lie apart.
    template <bool APART>
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
                if constexpr (APART) {
                    factor[k].gather(y + sums[k], p.by_second);
                } else {
                    factor[k].load(y + sums[k]);
                }
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

    // Rows of a stack by one square matrix, which stays in registers.
    static void by_square(const Arranged& p, const char* x, const char* y, char* out, const Axis& stack) {
        std::ptrdiff_t step[N];
        S factor[N];
        EINROUTE_UNROLL
        for (int k = 0; k < N; ++k) {
            step[k] = p.sums.x[k];
            factor[k].gather(y + p.sums.y[k], p.by_second);
        }
        for (std::ptrdiff_t s = 0; s < stack.size; ++s, x += stack.a, out += stack.out) {
            S sum;
            sum.fill(static_cast<R>(0));
            EINROUTE_UNROLL
            for (int k = 0; k < N; ++k) {
                sum.add_scaled(load<R>(x + step[k]), factor[k]);
            }
            sum.store(out);
        }
    }

    static void matrix(const Arranged& p, const Source& x, const Source& y, char* out) {
        for (int j = 0; j < p.columns.size; ++j) {
            int i = 0;
            for (; i + TOGETHER <= p.rows.size; i += TOGETHER) {
                rows<TOGETHER>(p, x, y, out, i, j);
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
        if constexpr (!BOTH && N <= 6) {
            if (p.columns.size == 1 && p.sums.size == N && p.by_out == UNIT && p.summed) {
                if (p.rows.size == N) {
                    (p.by_second == UNIT ? squares<false> : squares<true>)(p, first, second, out, stack);
                    return;
                }
                if (p.rows.size == 1 && stack.b == 0) {
                    by_square(p, first, second, out, stack);
                    return;
                }
            }
        }
        run_stack<Real, BOTH>(p, first, second, out, work, stack, N * UNIT);
    }
};

// The block of so many lanes; there is none of more than are done as one.
template <class R, bool BOTH> Block real_block(std::ptrdiff_t lanes) {
    constexpr int M = MOST<R>;
    constexpr auto at_most = [](int n) { return n < M ? n : M; };
    constexpr Block BLOCKS[] = {
        Real<R, at_most(1), BOTH>::run,  Real<R, at_most(2), BOTH>::run,  Real<R, at_most(3), BOTH>::run,
        Real<R, at_most(4), BOTH>::run,  Real<R, at_most(5), BOTH>::run,  Real<R, at_most(6), BOTH>::run,
        Real<R, at_most(7), BOTH>::run,  Real<R, at_most(8), BOTH>::run,  Real<R, at_most(9), BOTH>::run,
        Real<R, at_most(10), BOTH>::run, Real<R, at_most(11), BOTH>::run, Real<R, at_most(12), BOTH>::run,
        Real<R, at_most(13), BOTH>::run, Real<R, at_most(14), BOTH>::run, Real<R, at_most(15), BOTH>::run,
        Real<R, at_most(16), BOTH>::run,
    };
    return BLOCKS[lanes - 1];
}

template <class R> Choice choose_real(const Problem& problem) {
    return choose(problem, {1, LANES<R>, BLOCK<R>, MOST<R>, sizeof(R)});
}

template <class R> double price_real(const Problem& problem) {
    Problem merged;
    merge_shared(problem, merged);
    return choose_real<R>(merged).cost;
}

template <class R> void arrange_real(const Problem& problem, const Room& room, Arranged& to) {
    Problem merged;
    merge_shared(problem, merged);
    arrange_along(merged, choose_real<R>(merged), sizeof(R), room, to);
}

template <class R>
void run_arranged_real(const Arranged& p, const char* a, const char* b, char* out, void* work) {
    run_blocks(p, {p.turned ? b : a, p.turned ? a : b, out}, BLOCK<R>, MOST<R>,
               p.by_first != 0 ? real_block<R, true> : real_block<R, false>, static_cast<char*>(work));
}

template <class R> void run_real(const Problem& problem) {
    OwnRoom room;
    Arranged p;
    arrange_real<R>(problem, {room.axes, room.offsets}, p);
    run_arranged_real<R>(p, problem.a, problem.b, problem.out, problem.work);
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
