// Squares of a few elements transposed in registers, whatever the elements are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

template <class V> inline V line(const char* p) {
    V x;
    std::memcpy(&x, p, sizeof x);
    return x;
}

template <class V> inline void put(char* p, const V& x) {
    std::memcpy(p, &x, sizeof x);
}

template <class U> constexpr int SIDE = sizeof(U) == 4 ? 8 : 4;

// A square of SIDE rows and columns.
template <class U>
inline void square(const char* from, std::ptrdiff_t step, char* to, std::ptrdiff_t to_row) {
    constexpr int S = SIDE<U>;
#if (defined(__clang__) || __GNUC__ >= 12) && !defined(EINROUTE_PLAIN_VECTORS)
    if constexpr (sizeof(U) == 8) {
        typedef std::uint64_t V __attribute__((vector_size(32)));
        const V a = line<V>(from), b = line<V>(from + step), c = line<V>(from + 2 * step),
                d = line<V>(from + 3 * step);
        const V ab = __builtin_shufflevector(a, b, 0, 4, 2, 6),
                ba = __builtin_shufflevector(a, b, 1, 5, 3, 7);
        const V cd = __builtin_shufflevector(c, d, 0, 4, 2, 6),
                dc = __builtin_shufflevector(c, d, 1, 5, 3, 7);
        put(to, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
        put(to + to_row, __builtin_shufflevector(ba, dc, 0, 1, 4, 5));
        put(to + 2 * to_row, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
        put(to + 3 * to_row, __builtin_shufflevector(ba, dc, 2, 3, 6, 7));
        return;
    }
    if constexpr (sizeof(U) == 4) {
        typedef std::uint32_t V __attribute__((vector_size(32)));
        V x[8], y[8];
        for (int i = 0; i < 8; ++i) {
            x[i] = line<V>(from + i * step);
        }
        for (int i = 0; i < 8; i += 2) { // pairs of rows, within halves
            y[i] = __builtin_shufflevector(x[i], x[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
            y[i + 1] = __builtin_shufflevector(x[i], x[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
        }
        for (int i = 0; i < 8; i += 4) { // fours
            x[i] = __builtin_shufflevector(y[i], y[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            x[i + 1] = __builtin_shufflevector(y[i], y[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
            x[i + 2] = __builtin_shufflevector(y[i + 1], y[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
            x[i + 3] = __builtin_shufflevector(y[i + 1], y[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
        }
        for (int i = 0; i < 4; ++i) {
            put(to + i * to_row, __builtin_shufflevector(x[i], x[i + 4], 0, 1, 2, 3, 8, 9, 10, 11));
            put(to + (i + 4) * to_row, __builtin_shufflevector(x[i], x[i + 4], 4, 5, 6, 7, 12, 13, 14, 15));
        }
        return;
    }
#endif
    U x[S][S];
    for (int i = 0; i < S; ++i) {
        for (int r = 0; r < S; ++r) {
            std::memcpy(&x[r][i], from + i * step + r * static_cast<std::ptrdiff_t>(sizeof(U)), sizeof(U));
        }
    }
    for (int r = 0; r < S; ++r) {
        std::memcpy(to + r * to_row, x[r], sizeof x[r]);
    }
}

// The same of four rows and columns of elements of 4 bytes.
inline void small_square(const char* from, std::ptrdiff_t step, char* to, std::ptrdiff_t to_row) {
#if (defined(__clang__) || __GNUC__ >= 12) && !defined(EINROUTE_PLAIN_VECTORS)
    typedef std::uint32_t V __attribute__((vector_size(16)));
    const V a = line<V>(from), b = line<V>(from + step), c = line<V>(from + 2 * step),
            d = line<V>(from + 3 * step);
    const V ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), ba = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const V cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), dc = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    put(to, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
    put(to + to_row, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
    put(to + 2 * to_row, __builtin_shufflevector(ba, dc, 0, 1, 4, 5));
    put(to + 3 * to_row, __builtin_shufflevector(ba, dc, 2, 3, 6, 7));
#else
    std::uint32_t x[4][4];
    for (int i = 0; i < 4; ++i) {
        for (int r = 0; r < 4; ++r) {
            std::memcpy(&x[r][i], from + i * step + r * 4, 4);
        }
    }
    for (int r = 0; r < 4; ++r) {
        std::memcpy(to + r * to_row, x[r], sizeof x[r]);
    }
#endif
}

// `lanes` lines of `depth` elements each, `step` bytes apart, as `depth` lines of `lanes` elements that
// follow each other. Squares at the ends overlap those before.
template <class U, int LINES>
inline void transpose_lines(const char* from, std::ptrdiff_t step, int depth, char* to) {
    constexpr std::ptrdiff_t SIZE = sizeof(U);
    constexpr int S = SIDE<U> <= LINES ? SIDE<U> : 4;
    if (LINES < S || depth < S) {
        for (int l = 0; l < LINES; ++l) {
            for (int k = 0; k < depth; ++k) {
                std::memcpy(to + (k * LINES + l) * SIZE, from + l * step + k * SIZE, sizeof(U));
            }
        }
        return;
    }
    for (int at = 0; at < LINES; at += S) {
        const int l = at + S <= LINES ? at : LINES - S;
        for (int next = 0; next < depth; next += S) {
            const int k = next + S <= depth ? next : depth - S;
            const char* x = from + l * step + k * SIZE;
            char* y = to + (k * LINES + l) * SIZE;
            if constexpr (S == SIDE<U>) {
                square<U>(x, step, y, LINES * SIZE);
            } else {
                small_square(x, step, y, LINES * SIZE);
            }
        }
    }
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
