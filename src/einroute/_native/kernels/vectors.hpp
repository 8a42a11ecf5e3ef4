// Vectors of 32 bytes for every instruction set: as many lanes everywhere, so that bits are the same.
#pragma once

#include <cstring>

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

#if defined(__GNUC__) || defined(__clang__)
template <class R> struct Vector;
template <> struct Vector<float> {
    typedef float type __attribute__((vector_size(32)));
};
template <> struct Vector<double> {
    typedef double type __attribute__((vector_size(32)));
};
template <class R> using Vec = typename Vector<R>::type;
#else
// The same with plain loops.
template <class R> struct Vec {
    R lane[32 / sizeof(R)];
    R& operator[](int i) { return lane[i]; }
    R operator[](int i) const { return lane[i]; }
};
#define EINROUTE_LANEWISE(op)                                                                                \
    template <class R> inline Vec<R> operator op(const Vec<R>& x, const Vec<R>& y) {                         \
        Vec<R> z;                                                                                            \
        for (int i = 0; i < static_cast<int>(32 / sizeof(R)); ++i)                                           \
            z.lane[i] = x.lane[i] op y.lane[i];                                                              \
        return z;                                                                                            \
    }
EINROUTE_LANEWISE(+)
EINROUTE_LANEWISE(-)
EINROUTE_LANEWISE(*)
#undef EINROUTE_LANEWISE
#endif

template <class R> constexpr int LANES = 32 / static_cast<int>(sizeof(R));

// Operands may lie at any address.
template <class R> inline R load(const char* p) {
    R x;
    std::memcpy(&x, p, sizeof x);
    return x;
}

template <class R> inline Vec<R> load_vector(const char* p) {
    Vec<R> x;
    std::memcpy(&x, p, sizeof x);
    return x;
}

inline Vec<double> everywhere(double x) {
    return Vec<double>{x, x, x, x};
}

inline Vec<float> everywhere(float x) {
    return Vec<float>{x, x, x, x, x, x, x, x};
}

// Complex numbers, a vector of each of their parts.
template <class R> struct Parts {
    Vec<R> re, im;
};

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
