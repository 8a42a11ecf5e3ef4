// Transposes of boxes, whatever the elements are: eight columns at a time, a line of a cache of both sides.
#pragma once

#include "lanes.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

struct Pair {
    std::uint64_t first, second;
};

template <class U> constexpr int SIDE = sizeof(U) == 4 ? 8 : 4;

// A square of SIDE rows and columns.
template <class U>
inline void square(const char* from, std::ptrdiff_t step, char* to, std::ptrdiff_t to_row) {
    constexpr int S = SIDE<U>;
#if (defined(__clang__) || __GNUC__ >= 12) && !defined(EINROUTE_PLAIN_VECTORS)
    if constexpr (sizeof(U) == 8) {
        using V = Lanes<std::uint64_t>;
        const V a = load<std::uint64_t>(from), b = load<std::uint64_t>(from + step),
                c = load<std::uint64_t>(from + 2 * step), d = load<std::uint64_t>(from + 3 * step);
        const V ab = __builtin_shufflevector(a, b, 0, 4, 2, 6),
                ba = __builtin_shufflevector(a, b, 1, 5, 3, 7);
        const V cd = __builtin_shufflevector(c, d, 0, 4, 2, 6),
                dc = __builtin_shufflevector(c, d, 1, 5, 3, 7);
        store(to, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
        store(to + to_row, __builtin_shufflevector(ba, dc, 0, 1, 4, 5));
        store(to + 2 * to_row, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
        store(to + 3 * to_row, __builtin_shufflevector(ba, dc, 2, 3, 6, 7));
        return;
    }
    if constexpr (sizeof(U) == 4) {
        using V = Lanes<std::uint32_t>;
        V x[8], y[8];
        for (int i = 0; i < 8; ++i) {
            x[i] = load<std::uint32_t>(from + i * step);
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
            store(to + i * to_row, __builtin_shufflevector(x[i], x[i + 4], 0, 1, 2, 3, 8, 9, 10, 11));
            store(to + (i + 4) * to_row, __builtin_shufflevector(x[i], x[i + 4], 4, 5, 6, 7, 12, 13, 14, 15));
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

template <class U>
inline void singly(const char* from, std::ptrdiff_t step, std::ptrdiff_t rows, std::ptrdiff_t length,
                   char* to, std::ptrdiff_t to_row) {
    constexpr std::ptrdiff_t SIZE = sizeof(U);
    for (std::ptrdiff_t r = 0; r < rows; ++r) {
        for (std::ptrdiff_t i = 0; i < length; ++i) {
            std::memcpy(to + r * to_row + i * SIZE, from + r * SIZE + i * step, sizeof(U));
        }
    }
}

template <class U>
void transpose(const char* from, std::ptrdiff_t step, std::ptrdiff_t rows, std::ptrdiff_t length, char* to,
               std::ptrdiff_t to_row) {
    constexpr std::ptrdiff_t S = SIDE<U>, SIZE = sizeof(U);
    constexpr std::ptrdiff_t AT_ONCE = 64 / SIZE > S ? 64 / SIZE : S;
    for (std::ptrdiff_t r = 0; r < rows; r += AT_ONCE) {
        const std::ptrdiff_t end = r + AT_ONCE < rows ? r + AT_ONCE : rows;
        const std::ptrdiff_t whole = r + (end - r) / S * S;
        std::ptrdiff_t i = 0;
        for (; i + S <= length; i += S) {
            for (std::ptrdiff_t q = r; q < whole; q += S) {
                square<U>(from + q * SIZE + i * step, step, to + q * to_row + i * SIZE, to_row);
            }
        }
        singly<U>(from + whole * SIZE, step, end - whole, i, to + whole * to_row, to_row);
        singly<U>(from + r * SIZE + i * step, step, end - r, length - i, to + r * to_row + i * SIZE, to_row);
    }
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
