// Products and sums of elements of any dtype, and of rows of them.
#pragma once

#include "../sparse_sampled.hpp"
#include "lanes.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using std::ptrdiff_t;
using std::size_t;

template <class T> inline void store_one(char* p, const T& x) {
    std::memcpy(p, &x, sizeof x);
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

// Whether neighbours are finite: an exponent of ones alone, and one more, reaches the sign.
template <class T> bool all_finite(const char* x, ptrdiff_t count) {
    using Bits = std::conditional_t<sizeof(Real<T>) == 4, std::uint32_t, std::uint64_t>;
    constexpr Bits ONE = Bits(1) << (sizeof(Bits) == 4 ? 23 : 52);
    constexpr Bits SIGN = Bits(1) << (sizeof(Bits) * 8 - 1);
    constexpr ptrdiff_t PARTS = sizeof(T) / sizeof(Bits);
    Bits all = 0;
    for (ptrdiff_t i = 0; i < count * PARTS; ++i) {
        Bits bits;
        std::memcpy(&bits, x + i * static_cast<ptrdiff_t>(sizeof bits), sizeof bits);
        all |= (bits & (SIGN - ONE)) + ONE;
    }
    return (all & SIGN) == 0;
}

// The sum of neighbours, in eight parts that take turns.
template <class T> typename Wide<T>::Type total_of(const char* x, ptrdiff_t count) {
    constexpr ptrdiff_t ITEM = sizeof(T);
    using W = typename Wide<T>::Type;
    W part[8] = {};
    ptrdiff_t k = 0;
    for (; k + 8 <= count; k += 8) {
        for (int i = 0; i < 8; ++i) {
            part[i] = plus_one(part[i], widened(load_one<T>(x + (k + i) * ITEM)));
        }
    }
    for (int i = 0; i < 8 && k < count; ++k, ++i) {
        part[i] = plus_one(part[i], widened(load_one<T>(x + k * ITEM)));
    }
    return plus_one(plus_one(plus_one(part[0], part[1]), plus_one(part[2], part[3])),
                    plus_one(plus_one(part[4], part[5]), plus_one(part[6], part[7])));
}

// Elements of a vector.
template <class T> constexpr ptrdiff_t IN_VECTOR = 32 / static_cast<ptrdiff_t>(sizeof(T));

template <class T> inline T lanes_total(const Lanes<Real<T>>& x) {
    T part[IN_VECTOR<T>];
    std::memcpy(part, &x, sizeof part);
    for (ptrdiff_t n = IN_VECTOR<T> / 2; n > 0; n /= 2) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            part[i] = plus_one(part[i], part[i + n]);
        }
    }
    return part[0];
}

// The rows of several operands, `step` bytes from element to element; N is how many, or 0.
struct RowsAt {
    const char* x[SAMPLED_FACTORS];
    const ptrdiff_t* step;
    int count;
};

template <class T, int N> inline T element(const RowsAt& rows, ptrdiff_t i) {
    if constexpr (N > 0) {
        constexpr ptrdiff_t ITEM = sizeof(T);
        T product = load_one<T>(rows.x[0] + i * ITEM);
        for (int f = 1; f < N; ++f) {
            product = times_one(product, load_one<T>(rows.x[f] + i * ITEM));
        }
        return product;
    } else {
        T product = load_one<T>(rows.x[0] + i * rows.step[0]);
        for (int f = 1; f < rows.count; ++f) {
            product = times_one(product, load_one<T>(rows.x[f] + i * rows.step[f]));
        }
        return product;
    }
}

template <class T, int N> inline Lanes<Real<T>> vector_at(const RowsAt& rows, ptrdiff_t at) {
    Lanes<Real<T>> product = load<T>(rows.x[0] + at);
    for (int f = 1; f < N; ++f) {
        product = times<T>(product, load<T>(rows.x[f] + at));
    }
    return product;
}

// The sum over the inner label of the product of rows; of N they are contiguous.
template <class T, int N> inline T rows_dot(const RowsAt& rows, ptrdiff_t extent) {
    constexpr ptrdiff_t WIDE = IN_VECTOR<T>;
    ptrdiff_t i = 0;
    T sum{};
    if constexpr (N > 0) {
        if (extent >= WIDE) {
            Lanes<Real<T>> even = vector_at<T, N>(rows, 0), odd = nothing<T>();
            for (i = WIDE; i + 2 * WIDE <= extent; i += 2 * WIDE) {
                odd = plus<T>(odd, vector_at<T, N>(rows, i * static_cast<ptrdiff_t>(sizeof(T))));
                even = plus<T>(even, vector_at<T, N>(rows, (i + WIDE) * static_cast<ptrdiff_t>(sizeof(T))));
            }
            if (i + WIDE <= extent) {
                odd = plus<T>(odd, vector_at<T, N>(rows, i * static_cast<ptrdiff_t>(sizeof(T))));
                i += WIDE;
            }
            sum = lanes_total<T>(plus<T>(even, odd));
        }
    }
    for (; i < extent; ++i) {
        sum = plus_one(sum, element<T, N>(rows, i));
    }
    return sum;
}

// Adds w times the product of rows to a row; of N they and it are contiguous.
template <class T, int N>
inline void add_rows(const T& w, const RowsAt& rows, ptrdiff_t extent, char* out, ptrdiff_t out_step) {
    constexpr ptrdiff_t WIDE = IN_VECTOR<T>, ITEM = sizeof(T);
    ptrdiff_t i = 0;
    if constexpr (N > 0) {
        out_step = ITEM;
        if (extent >= WIDE) {
            T each[WIDE];
            for (ptrdiff_t l = 0; l < WIDE; ++l) {
                each[l] = w;
            }
            const Lanes<Real<T>> factor = load<T>(reinterpret_cast<const char*>(each));
            for (; i + WIDE <= extent; i += WIDE) {
                char* to = out + i * ITEM;
                store(to, plus<T>(load<T>(to), times<T>(factor, vector_at<T, N>(rows, i * ITEM))));
            }
        }
    }
    for (; i < extent; ++i) {
        char* to = out + i * out_step;
        store_one(to, plus_one(load_one<T>(to), times_one(w, element<T, N>(rows, i))));
    }
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
