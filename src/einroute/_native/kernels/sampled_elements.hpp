// Products and sums of elements of any dtype, and of rows of them.
#pragma once

#include "../sparse_elements.hpp"
#include "../sparse_sampled.hpp"

#include <cstring>

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using std::ptrdiff_t;
using std::size_t;

template <class T> inline T load_at(const char* p) {
    T x;
    std::memcpy(&x, p, sizeof x);
    return x;
}

template <class T> inline void store_at(char* p, const T& x) {
    std::memcpy(p, &x, sizeof x);
}

template <class T> inline T product_of(T a, T b) {
    if constexpr (std::is_integral_v<T>) { // short ones would be multiplied as signed integers, and overflow
        return static_cast<T>(std::uint64_t(a) * std::uint64_t(b));
    } else {
        return a * b;
    }
}

template <class R> inline Complex<R> product_of(Complex<R> a, Complex<R> b) {
    return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

inline Bool product_of(Bool a, Bool b) {
    return {static_cast<std::uint8_t>(a.byte != 0 && b.byte != 0)};
}

template <class T> inline T sum_of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
        return static_cast<T>(std::uint64_t(a) + std::uint64_t(b));
    } else {
        return a + b;
    }
}

template <class R> inline Complex<R> sum_of(Complex<R> a, Complex<R> b) {
    return {a.re + b.re, a.im + b.im};
}

inline Bool sum_of(Bool a, Bool b) {
    return {static_cast<std::uint8_t>(a.byte != 0 || b.byte != 0)};
}

// What totals are kept in: single precision in double.
template <class T> struct Wide {
    using Type = T;
};
template <> struct Wide<float> {
    using Type = double;
};
template <> struct Wide<Complex<float>> {
    using Type = Complex<double>;
};

template <class T> inline T widened(T x) {
    return x;
}
inline double widened(float x) {
    return x;
}
inline Complex<double> widened(Complex<float> x) {
    return {x.re, x.im};
}

template <class T> inline void narrow_to(T& to, T x) {
    to = x;
}
inline void narrow_to(float& to, double x) {
    to = static_cast<float>(x);
}
inline void narrow_to(Complex<float>& to, Complex<double> x) {
    to = {static_cast<float>(x.re), static_cast<float>(x.im)};
}

// The sum of neighbours, in eight parts that take turns.
template <class T> typename Wide<T>::Type total_of(const char* x, ptrdiff_t count) {
    constexpr ptrdiff_t ITEM = sizeof(T);
    using W = typename Wide<T>::Type;
    W part[8] = {};
    ptrdiff_t k = 0;
    for (; k + 8 <= count; k += 8) {
        for (int i = 0; i < 8; ++i) {
            part[i] = sum_of(part[i], widened(load_at<T>(x + (k + i) * ITEM)));
        }
    }
    for (int i = 0; i < 8 && k < count; ++k, ++i) {
        part[i] = sum_of(part[i], widened(load_at<T>(x + k * ITEM)));
    }
    return sum_of(sum_of(sum_of(part[0], part[1]), sum_of(part[2], part[3])),
                  sum_of(sum_of(part[4], part[5]), sum_of(part[6], part[7])));
}

// Sums are kept in as many parts as fit 64 bytes.
template <class T> constexpr int LANES_OF = 64 / static_cast<int>(sizeof(T));

template <class T> inline T lanes_total(const T (&lane)[LANES_OF<T>]) {
    T sum[LANES_OF<T>];
    for (int i = 0; i < LANES_OF<T>; ++i) {
        sum[i] = lane[i];
    }
    for (int n = LANES_OF<T> / 2; n > 0; n /= 2) {
        for (int i = 0; i < n; ++i) {
            sum[i] = sum_of(sum[i], sum[i + n]);
        }
    }
    return sum[0];
}

// The product of elements of N rows.
template <class T, int N>
inline T elements(const char* const (&x)[SAMPLED_FACTORS], const ptrdiff_t (&step)[SAMPLED_FACTORS],
                  ptrdiff_t i, int count) {
    T product = load_at<T>(x[0] + i * step[0]);
    for (int f = 1; f < (N > 0 ? N : count); ++f) {
        product = product_of(product, load_at<T>(x[f] + i * step[f]));
    }
    return product;
}

// The sum over the inner label of the product of N rows; where these are contiguous the compiler is told so.
template <class T, int N>
inline T rows_dot(const char* const (&x)[SAMPLED_FACTORS], const ptrdiff_t (&given)[SAMPLED_FACTORS],
                  ptrdiff_t extent, int count, bool contiguous) {
    constexpr int LANES = LANES_OF<T>;
    if (N > 0 && contiguous) {
        constexpr ptrdiff_t ITEM = sizeof(T);
        constexpr ptrdiff_t step[SAMPLED_FACTORS] = {ITEM, ITEM, ITEM, ITEM, ITEM, ITEM, ITEM, ITEM};
        ptrdiff_t i = 0;
        T rest{};
        if (extent >= LANES) {
            T lane[LANES];
            for (int l = 0; l < LANES; ++l) {
                lane[l] = elements<T, N>(x, step, l, count);
            }
            for (i = LANES; i + LANES <= extent; i += LANES) {
                for (int l = 0; l < LANES; ++l) {
                    lane[l] = sum_of(lane[l], elements<T, N>(x, step, i + l, count));
                }
            }
            rest = lanes_total(lane);
        }
        for (; i < extent; ++i) {
            rest = sum_of(rest, elements<T, N>(x, step, i, count));
        }
        return rest;
    }
    T lane[LANES] = {};
    for (ptrdiff_t i = 0; i < extent; ++i) {
        T& to = lane[i % LANES];
        to = sum_of(to, elements<T, N>(x, given, i, count));
    }
    return lanes_total(lane);
}

// Adds w times the product of N rows to a row.
template <class T, int N>
inline void add_rows(const T& w, const char* const (&x)[SAMPLED_FACTORS],
                     const ptrdiff_t (&given)[SAMPLED_FACTORS], ptrdiff_t extent, int count, bool contiguous,
                     char* out, ptrdiff_t out_step) {
    if (N > 0 && contiguous) {
        constexpr ptrdiff_t ITEM = sizeof(T);
        constexpr ptrdiff_t step[SAMPLED_FACTORS] = {ITEM, ITEM, ITEM, ITEM, ITEM, ITEM, ITEM, ITEM};
        constexpr int LANES = LANES_OF<T>;
        ptrdiff_t i = 0;
        for (; i + LANES <= extent; i += LANES) { // read before it is written: rows of it never overlap x
            T made[LANES];
            for (int l = 0; l < LANES; ++l) {
                made[l] = sum_of(load_at<T>(out + (i + l) * ITEM),
                                 product_of(w, elements<T, N>(x, step, i + l, count)));
            }
            std::memcpy(out + i * ITEM, made, sizeof made);
        }
        for (; i < extent; ++i) {
            char* to = out + i * ITEM;
            store_at(to, sum_of(load_at<T>(to), product_of(w, elements<T, N>(x, step, i, count))));
        }
        return;
    }
    for (ptrdiff_t i = 0; i < extent; ++i) {
        char* to = out + i * out_step;
        store_at(to, sum_of(load_at<T>(to), product_of(w, elements<T, N>(x, given, i, count))));
    }
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
