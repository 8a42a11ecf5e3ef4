// Sums of entries of a sparse matrix times vectors: what the kernels of their products share.
#pragma once

#include "../sparse_box.hpp"
#include "lanes.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using std::ptrdiff_t;
using std::size_t;

constexpr ptrdiff_t VECTOR_BYTES = 32;

template <class R> inline Lanes<R> everywhere(R x) {
#if (defined(__GNUC__) || defined(__clang__)) && !defined(EINROUTE_PLAIN_VECTORS)
    return x - Lanes<R>{};
#else
    Lanes<R> y;
    for (int i = 0; i < WIDTH<R>; ++i) {
        y[i] = x;
    }
    return y;
#endif
}

inline bool unlikely(bool condition) {
#if defined(__GNUC__) || defined(__clang__)
    return __builtin_expect(condition, false);
#else
    return condition;
#endif
}

// The entries of a matrix's lines.
template <class T, class I> struct Entries {
    const I* indptr;
    const I* indices;
    const char* data;
    size_t entries, length;
    mutable bool sound = true;

    explicit Entries(const SparseLines& a)
        : indptr(static_cast<const I*>(a.indptr)), indices(static_cast<const I*>(a.indices)), data(a.data),
          entries(static_cast<size_t>(a.entries)), length(static_cast<size_t>(a.length)) {}

    void range(ptrdiff_t line, ptrdiff_t& low, ptrdiff_t& high) const {
        const size_t from = static_cast<size_t>(static_cast<std::int64_t>(indptr[line])),
                     to = static_cast<size_t>(static_cast<std::int64_t>(indptr[line + 1]));
        low = static_cast<ptrdiff_t>(from);
        high = static_cast<ptrdiff_t>(to);
        if (unlikely(from > to || to > entries)) {
            sound = false;
            low = high = 0;
        }
    }

    ptrdiff_t index(ptrdiff_t k) const {
        const size_t found = static_cast<size_t>(static_cast<std::int64_t>(indices[k]));
        if (unlikely(found >= length)) {
            sound = false;
            return 0;
        }
        return static_cast<ptrdiff_t>(found);
    }

    T value(ptrdiff_t k) const { return load_one<T>(data + k * static_cast<ptrdiff_t>(sizeof(T))); }
};

// What an entry is multiplied by, in each lane.
template <class T> struct Factor {
    Lanes<Real<T>> first, second; // the second of complex numbers alone

    explicit Factor(const T& a) {
        if constexpr (IS_COMPLEX<T>) {
            first = everywhere(a.re);
            second = everywhere(a.im);
        } else if constexpr (std::is_same_v<T, Truth>) {
            first = everywhere(a.value);
        } else {
            first = everywhere(a);
        }
    }
};

// i times complex numbers.
template <class R> inline Lanes<R> turned(const Lanes<R>& x) {
    return paired<1, 0, R>(x) * alternating<R>();
}

// Sums of products in N vectors.
template <class T, int N> struct Sums {
    using V = Lanes<Real<T>>;
    V first[N], second[N];

    Sums() {
        for (int i = 0; i < N; ++i) {
            first[i] = second[i] = nothing<T>();
        }
    }

    template <bool EVEN> void add(const Factor<T>& a, const char* x, const ptrdiff_t (&at)[N]) {
        for (int i = 0; i < N; ++i) {
            const V found = load<T>(x + at[i]);
            if constexpr (IS_COMPLEX<T>) {
                first[i] = first[i] + a.first * found;
                second[i] = second[i] + a.second * found;
            } else {
                V& sum = EVEN ? first[i] : second[i];
                sum = plus<T>(sum, times<T>(a.first, found));
            }
        }
    }

    V total(int i) const {
        if constexpr (IS_COMPLEX<T>) {
            return first[i] + turned<Real<T>>(second[i]);
        } else {
            return plus<T>(first[i], second[i]);
        }
    }

    void store_to(char* y, const ptrdiff_t (&at)[N]) const {
        for (int i = 0; i < N; ++i) {
            store(y + at[i], total(i));
        }
    }
};

// Sums of products of N elements that lie side by side, less than a vector: as Sums adds them.
template <class T, int N> struct FewSums {
    static constexpr ptrdiff_t ITEM = sizeof(T);
    T first[N], second[N];

    FewSums() {
        std::memset(&first, 0, sizeof first);
        std::memset(&second, 0, sizeof second);
    }

    template <bool EVEN> void add(const T& a, const char* x) {
        for (int i = 0; i < N; ++i) {
            const T found = load_one<T>(x + i * ITEM);
            if constexpr (IS_COMPLEX<T>) {
                first[i] = {first[i].re + a.re * found.re, first[i].im + a.re * found.im};
                second[i] = {second[i].re + a.im * found.re, second[i].im + a.im * found.im};
            } else {
                T& sum = EVEN ? first[i] : second[i];
                sum = plus_one(sum, times_one(a, found));
            }
        }
    }

    void store_to(char* y) {
        for (int i = 0; i < N; ++i) {
            if constexpr (IS_COMPLEX<T>) {
                first[i] = {first[i].re - second[i].im, first[i].im + second[i].re};
            } else {
                first[i] = plus_one(first[i], second[i]);
            }
        }
        std::memcpy(y, &first, sizeof first);
    }
};

constexpr ptrdiff_t LINE_AT[4] = {0, 32, 64, 96}, TWO_AT[2] = {0, 32}, ONE_AT[1] = {0};

// Calls a function for lines first to last with where the entries are; returns whether all was in range.
template <class T, class I, class Function>
inline bool each_line(const SparseLines& lines, ptrdiff_t first, ptrdiff_t last, const Function& function) {
    const Entries<T, I> a(lines);
    for (ptrdiff_t line = first; line < last; ++line) {
        ptrdiff_t low, high;
        a.range(line, low, high);
        function(a, line, low, high);
    }
    return a.sound;
}

// The sums of a line in N vectors at offsets of the rows of x.
template <int N, class T, class I>
inline Sums<T, N> sum_line(const Entries<T, I>& a, ptrdiff_t low, ptrdiff_t high, const char* x,
                           ptrdiff_t x_by, const ptrdiff_t (&at)[N]) {
    Sums<T, N> sums;
    ptrdiff_t k = low;
    for (; k + 1 < high; k += 2) {
        sums.template add<true>(Factor<T>(a.value(k)), x + a.index(k) * x_by, at);
        sums.template add<false>(Factor<T>(a.value(k + 1)), x + a.index(k + 1) * x_by, at);
    }
    if (k < high) {
        sums.template add<true>(Factor<T>(a.value(k)), x + a.index(k) * x_by, at);
    }
    return sums;
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
