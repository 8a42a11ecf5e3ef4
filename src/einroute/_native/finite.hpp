// Whether floating-point numbers in a row are finite. No Python here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace einroute {

// An exponent of ones alone, and one more, reaches the sign.
template <class Bits> bool all_finite(const char* data, std::ptrdiff_t count, Bits exponent) {
    const Bits one = exponent & (~exponent + 1);
    Bits all = 0;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
        Bits bits;
        std::memcpy(&bits, data + i * static_cast<std::ptrdiff_t>(sizeof bits), sizeof bits);
        all |= (bits & exponent) + one;
    }
    return (all & (exponent + one)) == 0;
}

// The largest exponent of those that are finite, in its place.
template <class Bits> Bits largest_exponent(const char* data, std::ptrdiff_t count, Bits exponent) {
    Bits largest = 0;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
        Bits bits;
        std::memcpy(&bits, data + i * static_cast<std::ptrdiff_t>(sizeof bits), sizeof bits);
        bits &= exponent;
        largest = bits != exponent && bits > largest ? bits : largest;
    }
    return largest;
}

// Of numbers in single or double precision, or the parts of complex ones: all that are finite are below this
// power of two.
inline int power_above(const char* data, std::ptrdiff_t count, bool single) {
    return single
               ? static_cast<int>(largest_exponent<std::uint32_t>(data, count, 0x7f800000u) >> 23) - 126
               : static_cast<int>(largest_exponent<std::uint64_t>(data, count, 0x7ff0000000000000u) >> 52) -
                     1022;
}

// Of numbers in single or double precision, or the parts of complex ones.
inline bool all_finite(const char* data, std::ptrdiff_t count, bool single) {
    return single ? all_finite<std::uint32_t>(data, count, 0x7f800000u)
                  : all_finite<std::uint64_t>(data, count, 0x7ff0000000000000u);
}

} // namespace einroute
