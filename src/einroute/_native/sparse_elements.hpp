// Elements of sparse matrices: sums of products, integers that wrap, bools that are or. No Python here.
#pragma once

#include "elements.hpp"

#include <type_traits>

namespace einroute {
namespace {

template <class T> inline void add_product(T& sum, T a, T x) {
    if constexpr (std::is_integral_v<T>) { // short ones would be multiplied as signed integers, and overflow
        sum = static_cast<T>(std::uint64_t(sum) + std::uint64_t(a) * std::uint64_t(x));
    } else {
        sum += a * x;
    }
}

// Sums of bools are or, products and.
inline void add_product(Bool& sum, Bool a, Bool x) {
    sum.byte = sum.byte != 0 || (a.byte != 0 && x.byte != 0);
}

template <class R> inline void add_product(Complex<R>& sum, Complex<R> a, Complex<R> x) {
    sum.re += a.re * x.re - a.im * x.im;
    sum.im += a.re * x.im + a.im * x.re;
}

template <class T> inline T& at(char* p) {
    return *reinterpret_cast<T*>(p);
}

template <class T> inline const T& at(const char* p) {
    return *reinterpret_cast<const T*>(p);
}

inline bool is_zero(Bool x) {
    return x.byte == 0;
}

template <class R> inline bool is_zero(const Complex<R>& x) {
    return x.re == 0 && x.im == 0;
}

template <class T> inline bool is_zero(const T& x) {
    return x == T{};
}

} // namespace
} // namespace einroute
