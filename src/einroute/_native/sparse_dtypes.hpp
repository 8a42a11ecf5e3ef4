// A function of the elements' type, by the dtype's character.
#pragma once

#include "sparse_elements.hpp"

#include <cstddef>

namespace einroute {
namespace {

template <class F> auto by_size(std::size_t size, const F& f) -> decltype(f(double())) {
    return size == 1   ? f(std::uint8_t())
           : size == 2 ? f(std::uint16_t())
           : size == 4 ? f(std::uint32_t())
                       : f(std::uint64_t());
}

// f(T()) for the elements of a dtype; integers of a size are one, since they wrap. `none` if there are no
// loops.
template <class F, class R> R by_dtype(char character, const F& f, R none) {
    switch (character) {
    case '?':
        return f(Bool());
    case 'f':
        return f(float());
    case 'd':
        return f(double());
    case 'F':
        return f(Complex<float>());
    case 'D':
        return f(Complex<double>());
    case 'b':
    case 'B':
        return by_size(1, f);
    case 'h':
    case 'H':
        return by_size(sizeof(short), f);
    case 'i':
    case 'I':
        return by_size(sizeof(int), f);
    case 'l':
    case 'L':
        return by_size(sizeof(long), f);
    case 'q':
    case 'Q':
        return by_size(sizeof(long long), f);
    default:
        return none;
    }
}

} // namespace
} // namespace einroute
