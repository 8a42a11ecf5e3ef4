// Labels as numbers, and the index that stands for none. No Python here.
#pragma once

#include "label_loops.hpp"

#include <cstring>

namespace einroute {
namespace {

using std::int64_t;
using std::ptrdiff_t;
using std::uint64_t;

// The index of a place without a class: all bits are set, whatever is set besides.
constexpr int64_t NONE = -1;

template <class T> inline T load(const char* p) {
    T x;
    std::memcpy(&x, p, sizeof x);
    return x;
}

// A label as an unsigned number: negative ones are larger than any length.
template <class L> inline uint64_t as_unsigned(const char* p) {
    return static_cast<uint64_t>(static_cast<int64_t>(load<L>(p)));
}

template <> inline uint64_t as_unsigned<uint64_t>(const char* p) {
    return load<uint64_t>(p);
}

// Calls body(L{}) with the type of the labels.
template <class Body> inline void with_type(const Labels& labels, const Body& body) {
    switch (labels.size * 2 + (labels.is_signed ? 1 : 0)) {
    case 2:
        return body(std::uint8_t{});
    case 3:
        return body(std::int8_t{});
    case 4:
        return body(std::uint16_t{});
    case 5:
        return body(std::int16_t{});
    case 8:
        return body(std::uint32_t{});
    case 9:
        return body(std::int32_t{});
    case 16:
        return body(std::uint64_t{});
    default:
        return body(std::int64_t{});
    }
}

// One of two addresses, without a jump: where some labels are no class, nobody can foresee which.
template <class T> inline T* either(bool first, T* a, T* b) {
    const auto x = reinterpret_cast<std::uintptr_t>(a), y = reinterpret_cast<std::uintptr_t>(b);
    return reinterpret_cast<T*>(y ^ ((x ^ y) & (std::uintptr_t{0} - static_cast<std::uintptr_t>(first))));
}

} // namespace
} // namespace einroute
