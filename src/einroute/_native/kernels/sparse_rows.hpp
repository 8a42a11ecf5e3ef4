// Rows of a compressed sparse matrix times a dense one whose rows lie side by side. Of floating-point numbers
// it is seen whether all are finite while they are at hand.
#pragma once

#include "sums.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

// Whether vectors of floating-point numbers are finite: an exponent of ones alone, and one more, reaches the
// sign.
template <class T> struct Finite {
    static constexpr bool FLOATING = std::is_floating_point_v<Real<T>>;
    using Bits = std::conditional_t<sizeof(Real<T>) == 8, std::uint64_t, std::uint32_t>;
    static constexpr Bits ONE = Bits(1) << (sizeof(Bits) == 8 ? 52 : 23);
    static constexpr Bits SIGN = Bits(1) << (sizeof(Bits) * 8 - 1);
    Lanes<Bits> all = nothing<Bits>();

    void look(const Lanes<Real<T>>& x) {
        if constexpr (FLOATING) {
            Lanes<Bits> bits;
            std::memcpy(&bits, &x, sizeof bits);
            all = all | ((bits & everywhere<Bits>(SIGN - ONE)) + everywhere<Bits>(ONE));
        }
    }

    // At any bytes.
    void look_at(const char* y, ptrdiff_t bytes) {
        if constexpr (FLOATING) {
            ptrdiff_t at = 0;
            for (; at + VECTOR_BYTES <= bytes; at += VECTOR_BYTES) {
                look(load<T>(y + at));
            }
            Lanes<Real<T>> last = nothing<T>();
            std::memcpy(&last, y + at, static_cast<size_t>(bytes - at));
            look(last);
        }
    }

    bool good() const {
        Bits any = 0;
        for (int i = 0; FLOATING && i < WIDTH<Bits>; ++i) {
            any |= all[i];
        }
        return (any & SIGN) == 0;
    }
};

template <int N, class T, class I>
inline void sum_few(const Entries<T, I>& a, ptrdiff_t low, ptrdiff_t high, const char* x, ptrdiff_t x_by,
                    char* y) {
    FewSums<T, N> sums;
    ptrdiff_t k = low;
    for (; k + 1 < high; k += 2) {
        sums.template add<true>(a.value(k), x + a.index(k) * x_by);
        sums.template add<false>(a.value(k + 1), x + a.index(k + 1) * x_by);
    }
    if (k < high) {
        sums.template add<true>(a.value(k), x + a.index(k) * x_by);
    }
    sums.store_to(y);
}

// A width below a vector's: two powers of two, which may overlap.
template <int N, class T, class I>
inline void sum_narrow(const Entries<T, I>& a, ptrdiff_t low, ptrdiff_t high, const char* x, ptrdiff_t x_by,
                       char* y, ptrdiff_t width) {
    if constexpr (N > 1) {
        if (width < N) {
            sum_narrow<N / 2>(a, low, high, x, x_by, y, width);
            return;
        }
    }
    constexpr ptrdiff_t ITEM = sizeof(T);
    sum_few<N>(a, low, high, x, x_by, y);
    if (width > N) {
        sum_few<N>(a, low, high, x + (width - N) * ITEM, x_by, y + (width - N) * ITEM);
    }
}

// The sum of a line in N vectors at offsets of the rows of x and of y.
template <int N, class T, class I>
inline void sum_at(const Entries<T, I>& a, ptrdiff_t low, ptrdiff_t high, const char* x, ptrdiff_t x_by,
                   char* y, const ptrdiff_t (&at)[N], Finite<T>& finite) {
    const Sums<T, N> sums = sum_line<N>(a, low, high, x, x_by, at);
    for (int i = 0; i < N; ++i) {
        const Lanes<Real<T>> sum = sums.total(i);
        store(y + at[i], sum);
        finite.look(sum);
    }
}

template <int N, class T, class I>
inline void sum_rest(const Entries<T, I>& a, ptrdiff_t low, ptrdiff_t high, const char* x, ptrdiff_t x_by,
                     char* y, ptrdiff_t at, ptrdiff_t end, Finite<T>& finite) {
    ptrdiff_t places[N];
    for (int i = 0; i < N; ++i) { // the last one ends where the row does
        const ptrdiff_t place = at + i * VECTOR_BYTES;
        places[i] = place + VECTOR_BYTES <= end ? place : end - VECTOR_BYTES;
    }
    sum_at<N>(a, low, high, x, x_by, y, places, finite);
}

// One vector, whose elements may be apart.
template <class T, class I, bool APART> bool rows_by_vector(const SparseSpan& p) {
    constexpr ptrdiff_t ITEM = sizeof(T);
    return each_line<T, I>(p.a, p.first, p.last,
                           [&](const auto& a, ptrdiff_t line, ptrdiff_t low, ptrdiff_t high) {
                               sum_few<1>(a, low, high, p.x, APART ? p.x_by : ITEM, p.y + line * p.y_by);
                           });
}

// A row of a vector's bytes and more.
template <class T, class I>
inline void sum_wide(const Entries<T, I>& a, ptrdiff_t low, ptrdiff_t high, const char* x, ptrdiff_t x_by,
                     char* y, ptrdiff_t bytes, Finite<T>& finite) {
    ptrdiff_t at = 0;
    for (; at + TILE_LINE <= bytes; at += TILE_LINE) {
        sum_at<4>(a, low, high, x + at, x_by, y + at, LINE_AT, finite);
    }
    const ptrdiff_t left = bytes - at;
    if (left > 96) {
        sum_rest<4>(a, low, high, x, x_by, y, at, bytes, finite);
    } else if (left > 64) {
        sum_rest<3>(a, low, high, x, x_by, y, at, bytes, finite);
    } else if (left > 32) {
        sum_rest<2>(a, low, high, x, x_by, y, at, bytes, finite);
    } else if (left > 0) {
        sum_rest<1>(a, low, high, x, x_by, y, at, bytes, finite);
    }
}

// Rows of x that come up so many entries later are asked for, so that those at random places are there then,
// if all are more bytes than caches that are near hold.
constexpr ptrdiff_t AHEAD = 12;
constexpr size_t NEAR_BYTES = size_t{1} << 18;

template <class T, class I>
inline void ask_for(const Entries<T, I>& a, size_t k, const char* x, ptrdiff_t x_by, ptrdiff_t bytes) {
#if defined(__GNUC__)
    const size_t index = static_cast<size_t>(static_cast<std::int64_t>(a.indices[k < a.entries ? k : 0]));
    // An address that need not be one: nothing is read from it.
    const auto place = reinterpret_cast<std::uintptr_t>(x) + index * static_cast<size_t>(x_by);
    __builtin_prefetch(reinterpret_cast<const char*>(place));
    if (bytes > 64) {
        __builtin_prefetch(reinterpret_cast<const char*>(place + 64));
    }
#endif
}

// The sum of one product, which begins at 0 as each does.
template <class T> inline Lanes<Real<T>> sum_of_one(const Factor<T>& factor, const Lanes<Real<T>>& x) {
    if constexpr (IS_COMPLEX<T>) {
        const Lanes<Real<T>> zero = nothing<T>();
        return (zero + factor.first * x) + turned<Real<T>>(zero + factor.second * x);
    } else {
        return plus<T>(nothing<T>(), times<T>(factor.first, x));
    }
}

// Rows from `line` on that have one entry each, the first of them at k, of N vectors, or of any number where
// that is 0. Returns where they end.
template <int N, bool FAR, class T, class I>
inline ptrdiff_t lone_rows(const Entries<T, I>& a, ptrdiff_t line, ptrdiff_t first, const SparseSpan& p,
                           Finite<T>& finite) {
    const ptrdiff_t bytes = N > 0 ? N * VECTOR_BYTES : p.width * static_cast<ptrdiff_t>(sizeof(T));
    const ptrdiff_t last = p.last, x_by = p.x_by, y_by = p.y_by;
    const Entries<T, I> entries = a; // what is written may be none of these
    const char* const from = p.x;
    char* y = p.y + line * y_by;
    Finite<T> seen = finite;
    size_t k = static_cast<size_t>(first), end;
    do {
        if constexpr (FAR) {
            ask_for(entries, k + AHEAD, from, x_by, bytes);
        }
        const Factor<T> factor(entries.value(static_cast<ptrdiff_t>(k)));
        const char* const x = from + entries.index(static_cast<ptrdiff_t>(k)) * x_by;
        const auto make = [&](ptrdiff_t at) {
            const Lanes<Real<T>> sum = sum_of_one(factor, load<T>(x + at));
            store(y + at, sum);
            seen.look(sum);
        };
        if constexpr (N > 0) {
            for (int i = 0; i < N; ++i) {
                make(i * VECTOR_BYTES);
            }
        } else {
            ptrdiff_t at = 0;
            for (; at + VECTOR_BYTES <= bytes; at += VECTOR_BYTES) {
                make(at);
            }
            if (at < bytes) { // the last one ends where the row does
                make(bytes - VECTOR_BYTES);
            }
        }
        y += y_by;
        ++k;
        if (++line == last) {
            break;
        }
        end = static_cast<size_t>(static_cast<std::int64_t>(entries.indptr[line + 1]));
    } while (end == k + 1 && end <= entries.entries);
    finite = seen;
    a.sound = entries.sound;
    return line;
}

// Rows of a vector's bytes and more: of N vectors, or of any number where that is 0.
template <int N, class T, class I> bool rows_of(const SparseSpan& p) {
    const Entries<T, I> a(p.a);
    const ptrdiff_t bytes = N > 0 ? N * VECTOR_BYTES : p.width * static_cast<ptrdiff_t>(sizeof(T));
    const bool is_far = static_cast<size_t>(p.a.length) > NEAR_BYTES / static_cast<size_t>(bytes);
    Finite<T> finite;
    for (ptrdiff_t line = p.first; line < p.last;) {
        ptrdiff_t low, high;
        a.range(line, low, high);
        if (high == low + 1) {
            line = is_far ? lone_rows<N, true>(a, line, low, p, finite)
                          : lone_rows<N, false>(a, line, low, p, finite);
            continue;
        }
        char* y = p.y + line * p.y_by;
        ++line;
        if (is_far) {
            ask_for(a, static_cast<size_t>(high + AHEAD), p.x, p.x_by, bytes);
        }
        if (low == high) {
            std::memset(y, 0, static_cast<size_t>(bytes));
        } else if constexpr (N == 1) {
            sum_at<1>(a, low, high, p.x, p.x_by, y, ONE_AT, finite);
        } else if constexpr (N == 2) {
            sum_at<2>(a, low, high, p.x, p.x_by, y, TWO_AT, finite);
        } else if constexpr (N == 4) {
            sum_at<4>(a, low, high, p.x, p.x_by, y, LINE_AT, finite);
        } else {
            sum_wide(a, low, high, p.x, p.x_by, y, bytes, finite);
        }
    }
    if (p.finite != nullptr) {
        *p.finite = finite.good();
    }
    return a.sound;
}

// Rows of less than a vector, and of one element.
template <class T, class I> bool narrow_rows(const SparseSpan& p) {
    const ptrdiff_t bytes = p.width * static_cast<ptrdiff_t>(sizeof(T));
    constexpr int WHOLE = VECTOR_BYTES / static_cast<int>(sizeof(T));
    bool sound;
    if (WHOLE == 2 || p.width == 1) { // the compiler knows that there are no others of two to a vector
        sound = p.x_by == bytes ? rows_by_vector<T, I, false>(p) : rows_by_vector<T, I, true>(p);
    } else {
        const bool is_far = static_cast<size_t>(p.a.length) > NEAR_BYTES / static_cast<size_t>(bytes);
        sound = each_line<T, I>(p.a, p.first, p.last,
                                [&](const auto& a, ptrdiff_t line, ptrdiff_t low, ptrdiff_t high) {
                                    char* y = p.y + line * p.y_by;
                                    if (is_far) {
                                        ask_for(a, static_cast<size_t>(high + AHEAD), p.x, p.x_by, bytes);
                                    }
                                    if (low == high) {
                                        std::memset(y, 0, static_cast<size_t>(bytes));
                                    } else {
                                        sum_narrow<WHOLE / 2>(a, low, high, p.x, p.x_by, y, p.width);
                                    }
                                });
    }
    if (p.finite != nullptr) {
        const ptrdiff_t lines = p.last - p.first;
        const bool whole = p.y_by == bytes;
        Finite<T> finite;
        for (ptrdiff_t i = 0; i < (whole ? 1 : lines); ++i) {
            finite.look_at(p.y + (p.first + i) * p.y_by, whole ? lines * bytes : bytes);
        }
        *p.finite = finite.good();
    }
    return sound;
}

template <class T, class I> bool rows(const SparseSpan& p) {
    const ptrdiff_t bytes = p.width * static_cast<ptrdiff_t>(sizeof(T));
    if (bytes < VECTOR_BYTES || p.width == 1) {
        return narrow_rows<T, I>(p);
    }
    return bytes == VECTOR_BYTES       ? rows_of<1, T, I>(p)
           : bytes == 2 * VECTOR_BYTES ? rows_of<2, T, I>(p)
           : bytes == TILE_LINE        ? rows_of<4, T, I>(p)
                                       : rows_of<0, T, I>(p);
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
