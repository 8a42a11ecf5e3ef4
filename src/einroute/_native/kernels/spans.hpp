// A few numbers in registers, as many as the compiler is told: the widest vectors that fit, then narrower
// ones.
#pragma once

#include "vectors.hpp"

// Of loops over registers: they are no loops then.
#if defined(__clang__)
#define EINROUTE_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define EINROUTE_UNROLL _Pragma("GCC unroll 16")
#else
#define EINROUTE_UNROLL
#endif

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

#if defined(__GNUC__) || defined(__clang__)
template <class R, int W> struct Part;
#define EINROUTE_PART(R, W)                                                                                  \
    template <> struct Part<R, W> {                                                                          \
        typedef R type __attribute__((vector_size(W * sizeof(R))));                                          \
    }
EINROUTE_PART(double, 4);
EINROUTE_PART(double, 2);
EINROUTE_PART(float, 8);
EINROUTE_PART(float, 4);
EINROUTE_PART(float, 2);
#undef EINROUTE_PART
#define EINROUTE_INLINE inline __attribute__((always_inline))
#define EINROUTE_APART __attribute__((noinline))
#else
// The same with plain loops.
template <class R, int W> struct Part {
    struct type {
        R lane[W];
        R& operator[](int i) { return lane[i]; }
        friend type operator+(type x, const type& y) {
            for (int i = 0; i < W; ++i)
                x.lane[i] += y.lane[i];
            return x;
        }
        friend type operator*(type x, const type& y) {
            for (int i = 0; i < W; ++i)
                x.lane[i] *= y.lane[i];
            return x;
        }
    };
};
#define EINROUTE_INLINE __forceinline
#define EINROUTE_APART __declspec(noinline)
#endif

template <class R> struct Part<R, 1> {
    typedef R type;
};

constexpr int widest(int n, int lanes) {
    return n >= lanes ? lanes : widest(n, lanes / 2);
}

// What is left of n numbers after the widest vector: taken from the end as one vector that overlaps it, where
// that saves another, or one of two floats, which is half a register.
constexpr int rest_of(int n, int lanes) {
    const int rest = n - widest(n, lanes);
    if (rest == 2 && lanes == 8) {
        return 4;
    }
    int power = 1;
    while (power < rest) {
        power *= 2;
    }
    return rest == 0 || rest >= lanes || power > widest(n, lanes) || (rest & (rest - 1)) == 0 ? rest : power;
}

template <class R, int W> EINROUTE_INLINE typename Part<R, W>::type everywhere_in(R x) {
    if constexpr (W == 1) {
        return x;
    } else if constexpr (W == 2) {
        return typename Part<R, W>::type{x, x};
    } else if constexpr (W == 4) {
        return typename Part<R, W>::type{x, x, x, x};
    } else {
        return typename Part<R, W>::type{x, x, x, x, x, x, x, x};
    }
}

// Of pairs side by side: the first in both places, the second, and the two exchanged, with signs.
template <int FIRST, int SECOND, class R, int W>
EINROUTE_INLINE typename Part<R, W>::type pairs(const typename Part<R, W>::type& x) {
#if defined(__clang__) || __GNUC__ >= 12
    constexpr int F = FIRST, S = SECOND;
    if constexpr (W == 2) {
        return __builtin_shufflevector(x, x, F, S);
    } else if constexpr (W == 4) {
        return __builtin_shufflevector(x, x, F, S, 2 + F, 2 + S);
    } else {
        return __builtin_shufflevector(x, x, F, S, 2 + F, 2 + S, 4 + F, 4 + S, 6 + F, 6 + S);
    }
#else
    R from[W], to[W];
    std::memcpy(from, &x, sizeof x);
    for (int i = 0; i < W; i += 2) {
        to[i] = from[i + FIRST];
        to[i + 1] = from[i + SECOND];
    }
    typename Part<R, W>::type y;
    std::memcpy(&y, to, sizeof y);
    return y;
#endif
}

template <class R, int W> EINROUTE_INLINE typename Part<R, W>::type signs() {
    if constexpr (W == 2) {
        return typename Part<R, W>::type{-1, 1};
    } else if constexpr (W == 4) {
        return typename Part<R, W>::type{-1, 1, -1, 1};
    } else {
        return typename Part<R, W>::type{-1, 1, -1, 1, -1, 1, -1, 1};
    }
}

template <class R, int N> struct Span;

template <class R> struct Span<R, 0> {
    EINROUTE_INLINE void fill(R) {}
    EINROUTE_INLINE void load(const char*) {}
    EINROUTE_INLINE void gather(const char*, std::ptrdiff_t) {}
    EINROUTE_INLINE void store(char*) const {}
    EINROUTE_INLINE void add_product(const Span&, const Span&) {}
    EINROUTE_INLINE void add_scaled(R, const Span&) {}
    template <int PLACE> EINROUTE_INLINE void add_paired(const Span&, const Span&) {}
    EINROUTE_INLINE void add_turned(const Span&) {}
};

// The narrower ones are a base, which takes no room where there are none.
template <class R, int N> struct Span : Span<R, rest_of(N, LANES<R>)> {
    static constexpr int W = widest(N, LANES<R>);
    static constexpr int REST = rest_of(N, LANES<R>);
    static constexpr std::ptrdiff_t BYTES = N * static_cast<std::ptrdiff_t>(sizeof(R));
    static constexpr int OFFSET = (N - REST) * static_cast<int>(sizeof(R)); // of what is left
    using Rest = Span<R, REST>;
    typename Part<R, W>::type head;

    EINROUTE_INLINE void fill(R x) {
        head = everywhere_in<R, W>(x);
        Rest::fill(x);
    }

    EINROUTE_INLINE void load(const char* p) {
        std::memcpy(&head, p, sizeof head);
        Rest::load(p + OFFSET);
    }

    EINROUTE_INLINE void gather(const char* p, std::ptrdiff_t step) {
        if constexpr (W == 1) {
            std::memcpy(&head, p, sizeof head);
        } else {
            R elements[W]; // GCC takes a vector that is filled lane by lane for one that is read before
            for (int i = 0; i < W; ++i) {
                elements[i] = einroute::EINROUTE_ISA_NAME::load<R>(p + i * step);
            }
            std::memcpy(&head, elements, sizeof head);
        }
        Rest::gather(p + (N - REST) * step, step);
    }

    EINROUTE_INLINE void store(char* p) const {
        std::memcpy(p, &head, sizeof head);
        Rest::store(p + OFFSET);
    }

    EINROUTE_INLINE void add_product(const Span& x, const Span& y) {
        head = head + x.head * y.head;
        Rest::add_product(x, y);
    }

    EINROUTE_INLINE void add_scaled(R x, const Span& y) {
        head = head + everywhere_in<R, W>(x) * y.head;
        Rest::add_scaled(x, y);
    }

    // Of complex numbers: the parts of x at PLACE by those of y; and i times x.
    template <int PLACE> EINROUTE_INLINE void add_paired(const Span& x, const Span& y) {
        head = head + pairs<PLACE, PLACE, R, W>(x.head) * y.head;
        Rest::template add_paired<PLACE>(x, y);
    }

    EINROUTE_INLINE void add_turned(const Span& x) {
        head = head + pairs<1, 0, R, W>(x.head) * signs<R, W>();
        Rest::add_turned(x);
    }
};

// Registers of that many bytes.
#if defined(__AVX__) || defined(__aarch64__)
constexpr int REGISTERS = 16;
#else
constexpr int REGISTERS = 8;
#endif

// Vectors that N numbers take.
template <class R, int N> constexpr int SPAN_VECTORS = (N + LANES<R> - 1) / LANES<R>;

// Rows that are done at once, whose sums take so many vectors each and are in registers with `more` of them.
constexpr int rows_in_registers(int sums, int more, int most) {
    const int rows = (REGISTERS - more) / sums;
    return rows < 1 ? 1 : rows < most ? rows : most;
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
