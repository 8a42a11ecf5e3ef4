// Transposes of boxes, whatever the elements are: eight columns at a time, a line of a cache of both sides.
#pragma once

#include "squares.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

struct Pair {
    std::uint64_t first, second;
};

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
