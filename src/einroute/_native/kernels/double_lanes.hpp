// Numbers in double precision, a vector of them at a time.
#pragma once

#include "vectors.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using Lanes = Vec<double>;

inline Lanes lanes(const double* p) {
    return load_vector<double>(reinterpret_cast<const char*>(p));
}

inline void put(double* p, const Lanes& x) {
    std::memcpy(p, &x, sizeof x);
}

inline void add(double* to, const Lanes& x) {
    put(to, lanes(to) + x);
}

inline double added(const Lanes& x) {
    return (x[0] + x[1]) + (x[2] + x[3]);
}

inline double magnitude(double x) {
    return x < 0 ? -x : x;
}

inline Lanes magnitude(const Lanes& x) {
#if defined(__GNUC__) || defined(__clang__)
    typedef long long Bits __attribute__((vector_size(32)));
    const long long mask = 0x7fffffffffffffffLL;
    return reinterpret_cast<Lanes>(reinterpret_cast<Bits>(x) & Bits{mask, mask, mask, mask});
#else
    Lanes y = x;
    for (int i = 0; i < LANES<double>; ++i) {
        y[i] = magnitude(x[i]);
    }
    return y;
#endif
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
