// The floating-point flags of this thread.
#pragma once

#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

namespace einroute {

constexpr int DIVIDE = 1, OVERFLOWED = 2, UNDERFLOWED = 4, INVALID = 8; // as NumPy numbers them

#if defined(__SSE2__) || defined(_M_X64)

inline void clear_status() {
    _mm_setcsr(_mm_getcsr() & ~0x3fu);
}

inline int read_status() {
    const unsigned flags = _mm_getcsr();
    return (flags & 0x04 ? DIVIDE : 0) | (flags & 0x08 ? OVERFLOWED : 0) | (flags & 0x10 ? UNDERFLOWED : 0) |
           (flags & 0x01 ? INVALID : 0);
}

#else

inline void clear_status() {
    std::feclearexcept(FE_ALL_EXCEPT);
}

inline int read_status() {
    const int flags = std::fetestexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID);
    return (flags & FE_DIVBYZERO ? DIVIDE : 0) | (flags & FE_OVERFLOW ? OVERFLOWED : 0) |
           (flags & FE_UNDERFLOW ? UNDERFLOWED : 0) | (flags & FE_INVALID ? INVALID : 0);
}

#endif

} // namespace einroute
