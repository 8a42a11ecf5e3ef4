// Products of complex numbers: vectors of their real and imaginary parts, packed a block of lanes at a time.
//
// Lanes past the end repeat the last element, so that no floating-point flag is raised that a product did not
// raise.
#pragma once

#include "arrange.hpp"
#include "source.hpp"
#include "vectors.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

template <class R>
void pack(const char* from, const Offsets& outer, const std::ptrdiff_t* sums, int depth, std::ptrdiff_t step,
          int count, char* to) {
    for (int i = 0; i < outer.size; ++i) {
        for (int k = 0; k < depth; ++k) {
            Parts<R> x;
            for (int l = 0; l < LANES<R>; ++l) {
                const char* q = from + outer.x[i] + sums[k] + (l < count ? l : count - 1) * step;
                x.re[l] = load<R>(q);
                x.im[l] = load<R>(q + sizeof(R));
            }
            std::memcpy(to, &x, sizeof x);
            to += sizeof x;
        }
    }
}

template <class R, bool SAME> inline Parts<R> fetch(const char* p) {
    if constexpr (SAME) {
        return {everywhere(load<R>(p)), everywhere(load<R>(p + sizeof(R)))};
    } else {
        return {load_vector<R>(p), load_vector<R>(p + sizeof(Vec<R>))};
    }
}

template <class R> inline void add_product(Parts<R>& sum, const Parts<R>& x, const Parts<R>& y) {
    sum.re = sum.re + (x.re * y.re - x.im * y.im);
    sum.im = sum.im + (x.re * y.im + x.im * y.re);
}

template <class R> inline void store(const Parts<R>& x, char* p, std::ptrdiff_t step, int count) {
    for (int l = 0; l < count; ++l) {
        const R re = x.re[l], im = x.im[l];
        std::memcpy(p + l * step, &re, sizeof re);
        std::memcpy(p + l * step + sizeof(R), &im, sizeof im);
    }
}

// The loops over a block of lanes; SAME: an operand that has no lanes.
template <class R, bool SAME_X, bool SAME_Y> struct ComplexBlock {
    // Rows [at, at + ROWS) of one column.
    template <int ROWS>
    static inline void rows(const Arranged& p, const Source& x, const Source& y, char* out, int at, int j,
                            int count) {
        const Vec<R> start = everywhere(start_of<R>(p));
        Parts<R> sum[ROWS];
        const char* row[ROWS];
        const char* column = y.data + y.outer[j];
        for (int i = 0; i < ROWS; ++i) {
            row[i] = x.data + x.outer[at + i];
            sum[i] = {start, start};
        }
        const int depth = p.sums.size;
        for (int k = 0; k < depth; ++k) {
            const Parts<R> factor = fetch<R, SAME_Y>(column + y.sums[k]);
            const std::ptrdiff_t step = x.sums[k];
            for (int i = 0; i < ROWS; ++i) {
                add_product<R>(sum[i], fetch<R, SAME_X>(row[i] + step), factor);
            }
        }
        for (int i = 0; i < ROWS; ++i) {
            store<R>(sum[i], out + p.rows.y[at + i] + p.columns.y[j], p.by_out, count);
        }
    }

    static Source source(const char* data, const Offsets& outer, const std::ptrdiff_t* sums,
                         const Packed& packed, int depth, std::ptrdiff_t step, int count, char* work) {
        if (step == 0) {
            return {data, outer.x, sums};
        }
        pack<R>(data, outer, sums, depth, step, count, work);
        return {work, packed.outer, packed.sums};
    }

    static void run(const Arranged& p, const Packed& packed, const char* first, const char* second, char* out,
                    int count, char* work) {
        const int depth = p.sums.size;
        char* more = work + p.rows.size * depth * static_cast<std::ptrdiff_t>(sizeof(Parts<R>));
        const Source x = source(first, p.rows, p.sums.x, packed, depth, p.by_first, count, work);
        const Source y = source(second, p.columns, p.sums.y, packed, depth, p.by_second, count, more);
        for (int j = 0; j < p.columns.size; ++j) {
            int i = 0;
            for (; i + 4 <= p.rows.size; i += 4) {
                rows<4>(p, x, y, out, i, j, count);
            }
            if (i + 2 <= p.rows.size) {
                rows<2>(p, x, y, out, i, j, count);
                i += 2;
            }
            if (i < p.rows.size) {
                rows<1>(p, x, y, out, i, j, count);
            }
        }
    }
};

template <class R> void run_complex(const Problem& problem) {
    Arranged p;
    arrange_along(problem, choose_complex(problem, LANES<R>), p);
    char* work = static_cast<char*>(problem.work);
    Packed packed;
    packed.fill(p.sums.size, static_cast<std::ptrdiff_t>(sizeof(Parts<R>)),
                p.rows.size > p.columns.size ? p.rows.size : p.columns.size);
    const auto block =
        p.by_first == 0
            ? (p.by_second == 0 ? ComplexBlock<R, true, true>::run : ComplexBlock<R, true, false>::run)
            : (p.by_second == 0 ? ComplexBlock<R, false, true>::run : ComplexBlock<R, false, false>::run);
    around(p, [&](const char* first, const char* second, char* out) {
        for (std::ptrdiff_t at = 0; at < p.size; at += LANES<R>) {
            const int count = static_cast<int>(p.size - at < LANES<R> ? p.size - at : LANES<R>);
            block(p, packed, first + at * p.by_first, second + at * p.by_second, out + at * p.by_out, count,
                  work);
        }
    });
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
