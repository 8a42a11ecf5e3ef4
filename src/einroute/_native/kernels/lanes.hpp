// Elements of all dtypes in vectors of 32 bytes: as many lanes for every instruction set.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

template <class R> struct Complex {
    R re, im;
};

struct Truth {
    std::uint8_t value;
};

// The numbers that an element is made of.
template <class T> struct Parts {
    using Real = T;
};
template <class R> struct Parts<Complex<R>> {
    using Real = R;
};
template <> struct Parts<Truth> {
    using Real = std::uint8_t;
};
template <class T> using Real = typename Parts<T>::Real;
template <class T> constexpr bool IS_COMPLEX = !std::is_same_v<T, Real<T>> && !std::is_same_v<T, Truth>;

template <class R> constexpr int WIDTH = 32 / static_cast<int>(sizeof(R));

#if (defined(__GNUC__) || defined(__clang__)) && !defined(EINROUTE_PLAIN_VECTORS)

template <class R> struct OfLanes {
    typedef R type __attribute__((vector_size(32)));
};
template <class R> using Lanes = typename OfLanes<R>::type;

#else

template <class R> struct Lanes {
    R lane[WIDTH<R>];
    R& operator[](int i) { return lane[i]; }
    R operator[](int i) const { return lane[i]; }
};
#define EINROUTE_LANEWISE(op)                                                                                \
    template <class R> inline Lanes<R> operator op(const Lanes<R>& x, const Lanes<R>& y) {                   \
        Lanes<R> z;                                                                                          \
        for (int i = 0; i < WIDTH<R>; ++i)                                                                   \
            z.lane[i] = static_cast<R>(x.lane[i] op y.lane[i]);                                              \
        return z;                                                                                            \
    }
EINROUTE_LANEWISE(+)
EINROUTE_LANEWISE(*)
EINROUTE_LANEWISE(&)
EINROUTE_LANEWISE(|)
#undef EINROUTE_LANEWISE

#endif

template <class T> inline T load_one(const char* p) {
    T x;
    std::memcpy(&x, p, sizeof x);
    if constexpr (std::is_same_v<T, Truth>) {
        x.value = x.value != 0;
    }
    return x;
}

template <class T> inline Lanes<Real<T>> load(const char* p) {
    Lanes<Real<T>> x;
    std::memcpy(&x, p, sizeof x);
    if constexpr (std::is_same_v<T, Truth>) {
        for (int i = 0; i < 32; ++i) {
            x[i] = x[i] != 0;
        }
    }
    return x;
}

template <class V> inline void store(char* p, const V& x) {
    std::memcpy(p, &x, sizeof x);
}

// The first of each pair in both places, the second, and the two exchanged.
template <int FIRST, int SECOND, class R> inline Lanes<R> paired(const Lanes<R>& x) {
#if (defined(__clang__) || __GNUC__ >= 12) && !defined(EINROUTE_PLAIN_VECTORS)
    if constexpr (WIDTH<R> == 4) {
        return __builtin_shufflevector(x, x, FIRST, SECOND, 2 + FIRST, 2 + SECOND);
    } else {
        return __builtin_shufflevector(x, x, FIRST, SECOND, 2 + FIRST, 2 + SECOND, 4 + FIRST, 4 + SECOND,
                                       6 + FIRST, 6 + SECOND);
    }
#else
    Lanes<R> y;
    for (int i = 0; i < WIDTH<R>; i += 2) {
        y[i] = x[i + FIRST];
        y[i + 1] = x[i + SECOND];
    }
    return y;
#endif
}

// Of each pair of the first and of the second vector the same place, side by side.
template <int PLACE, class R> inline Lanes<R> mixed(const Lanes<R>& x, const Lanes<R>& y) {
#if (defined(__clang__) || __GNUC__ >= 12) && !defined(EINROUTE_PLAIN_VECTORS)
    constexpr int W = WIDTH<R>, P = PLACE;
    if constexpr (W == 4) {
        return __builtin_shufflevector(x, y, P, W + P, 2 + P, W + 2 + P);
    } else {
        return __builtin_shufflevector(x, y, P, W + P, 2 + P, W + 2 + P, 4 + P, W + 4 + P, 6 + P, W + 6 + P);
    }
#else
    Lanes<R> z;
    for (int i = 0; i < WIDTH<R>; i += 2) {
        z[i] = x[i + PLACE];
        z[i + 1] = y[i + PLACE];
    }
    return z;
#endif
}

template <class R> inline Lanes<R> alternating() {
    Lanes<R> signs;
    for (int i = 0; i < WIDTH<R>; ++i) {
        signs[i] = static_cast<R>(i % 2 ? 1 : -1);
    }
    return signs;
}

// The last bytes of a vector, and zeros before them.
template <class T> inline Lanes<Real<T>> last_bytes(Lanes<Real<T>> x, std::ptrdiff_t bytes) {
    alignas(32) static const std::uint64_t MASK[8] = {
        0, 0, 0, 0, ~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}};
    std::uint64_t bits[4], mask[4];
    std::memcpy(bits, &x, sizeof bits);
    std::memcpy(mask, reinterpret_cast<const char*>(MASK) + bytes, sizeof mask);
    for (int i = 0; i < 4; ++i) {
        bits[i] &= mask[i];
    }
    std::memcpy(&x, bits, sizeof x);
    return x;
}

// Complex products without fused operations, so that z times its conjugate is real.
template <class T> inline Lanes<Real<T>> times(const Lanes<Real<T>>& x, const Lanes<Real<T>>& y) {
    using R = Real<T>;
    if constexpr (std::is_same_v<T, Truth>) {
        return x & y;
    } else if constexpr (IS_COMPLEX<T>) {
        const Lanes<R> re = x * paired<0, 0, R>(y), im = paired<1, 0, R>(x) * paired<1, 1, R>(y);
        return re + im * alternating<R>();
    } else {
        return x * y;
    }
}

template <class T> inline T times_one(const T& x, const T& y) {
    if constexpr (std::is_same_v<T, Truth>) {
        return {static_cast<std::uint8_t>(x.value & y.value)};
    } else if constexpr (IS_COMPLEX<T>) {
        return {x.re * y.re - x.im * y.im, x.im * y.re + x.re * y.im};
    } else if constexpr (sizeof(T) < 4) {
        return static_cast<T>(std::uint32_t{x} * y);
    } else {
        return x * y;
    }
}

template <class T> inline Lanes<Real<T>> plus(const Lanes<Real<T>>& x, const Lanes<Real<T>>& y) {
    if constexpr (std::is_same_v<T, Truth>) {
        return x | y;
    } else {
        return x + y;
    }
}

template <class T> inline T plus_one(const T& x, const T& y) {
    if constexpr (std::is_same_v<T, Truth>) {
        return {static_cast<std::uint8_t>(x.value | y.value)};
    } else if constexpr (IS_COMPLEX<T>) {
        return {x.re + y.re, x.im + y.im};
    } else {
        return static_cast<T>(x + y);
    }
}

template <class T> inline Lanes<Real<T>> nothing() {
    Lanes<Real<T>> x;
    std::memset(&x, 0, sizeof x);
    return x;
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
