// Products of a compressed sparse matrix with tiles or rows of a dense one: compiled once for each
// instruction set, in a namespace of its own.
//
// A sum of real numbers is kept in two parts that take turns; of complex numbers, the products with the real
// and with the imaginary parts of the entries are added apart. Bits do not depend on where an element lies.

#include "sums.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

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

// The sum of a line in N vectors at offsets of the rows of x and of y.
template <int N, class T, class I>
inline void sum_line(const Entries<T, I>& a, ptrdiff_t low, ptrdiff_t high, const char* x, ptrdiff_t x_by,
                     char* y, const ptrdiff_t (&at)[N]) {
    Sums<T, N> sums;
    ptrdiff_t k = low;
    for (; k + 1 < high; k += 2) {
        sums.template add<true>(Factor<T>(a.value(k)), x + a.index(k) * x_by, at);
        sums.template add<false>(Factor<T>(a.value(k + 1)), x + a.index(k + 1) * x_by, at);
    }
    if (k < high) {
        sums.template add<true>(Factor<T>(a.value(k)), x + a.index(k) * x_by, at);
    }
    sums.store_to(y, at);
}

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

constexpr ptrdiff_t LINE_AT[4] = {0, 32, 64, 96}, ONE_AT[1] = {0};

template <class T, class I, int N> inline bool gather_lines(const SparseTile& p) {
    constexpr ptrdiff_t LINE = N * VECTOR_BYTES;
    ptrdiff_t at[N];
    for (int i = 0; i < N; ++i) {
        at[i] = i * VECTOR_BYTES;
    }
    return each_line<T, I>(p.a, p.first, p.last,
                           [&](const auto& a, ptrdiff_t line, ptrdiff_t low, ptrdiff_t high) {
                               sum_line<N>(a, low, high, p.x, LINE, p.y + (line - p.first) * LINE, at);
                           });
}

template <class T, class I> bool gather(const SparseTile& p) {
    return p.vectors == 4   ? gather_lines<T, I, 4>(p)
           : p.vectors == 2 ? gather_lines<T, I, 2>(p)
                            : gather_lines<T, I, 1>(p);
}

// Adds a times N vectors to others.
template <int N, class T>
inline void add_line(const Factor<T>& a, const char* x, char* y, const ptrdiff_t (&at)[N]) {
    for (int i = 0; i < N; ++i) {
        const Lanes<Real<T>> found = load<T>(x + at[i]), old = load<T>(y + at[i]);
        if constexpr (IS_COMPLEX<T>) {
            store(y + at[i], old + (a.first * found + turned<Real<T>>(a.second * found)));
        } else {
            store(y + at[i], plus<T>(old, times<T>(a.first, found)));
        }
    }
}

template <class T, class I, int N> inline bool scatter_lines(const SparseTile& p) {
    constexpr ptrdiff_t LINE = N * VECTOR_BYTES;
    ptrdiff_t at[N];
    for (int i = 0; i < N; ++i) {
        at[i] = i * VECTOR_BYTES;
    }
    return each_line<T, I>(p.a, p.first, p.last,
                           [&](const auto& a, ptrdiff_t line, ptrdiff_t low, ptrdiff_t high) {
                               const char* x = p.x + (line - p.first) * LINE;
                               for (ptrdiff_t k = low; k < high; ++k) {
                                   add_line<N>(Factor<T>(a.value(k)), x, p.y + a.index(k) * LINE, at);
                               }
                           });
}

template <class T, class I> bool scatter(const SparseTile& p) {
    return p.vectors == 4   ? scatter_lines<T, I, 4>(p)
           : p.vectors == 2 ? scatter_lines<T, I, 2>(p)
                            : scatter_lines<T, I, 1>(p);
}

template <int N, class T, class I>
inline void sum_rest(const Entries<T, I>& a, ptrdiff_t low, ptrdiff_t high, const char* x, ptrdiff_t x_by,
                     char* y, ptrdiff_t at, ptrdiff_t end) {
    ptrdiff_t places[N];
    for (int i = 0; i < N; ++i) { // the last one ends where the row does
        const ptrdiff_t place = at + i * VECTOR_BYTES;
        places[i] = place + VECTOR_BYTES <= end ? place : end - VECTOR_BYTES;
    }
    sum_line<N>(a, low, high, x, x_by, y, places);
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
                     char* y, ptrdiff_t bytes) {
    ptrdiff_t at = 0;
    for (; at + TILE_LINE <= bytes; at += TILE_LINE) {
        sum_line<4>(a, low, high, x + at, x_by, y + at, LINE_AT);
    }
    const ptrdiff_t left = bytes - at;
    if (left > 96) {
        sum_rest<4>(a, low, high, x, x_by, y, at, bytes);
    } else if (left > 64) {
        sum_rest<3>(a, low, high, x, x_by, y, at, bytes);
    } else if (left > 32) {
        sum_rest<2>(a, low, high, x, x_by, y, at, bytes);
    } else if (left > 0) {
        sum_rest<1>(a, low, high, x, x_by, y, at, bytes);
    }
}

// The same of one entry alone.
template <class T, class I>
inline void only_line(const Entries<T, I>& a, ptrdiff_t k, const char* x, ptrdiff_t x_by, char* y,
                      ptrdiff_t bytes) {
    const Factor<T> factor(a.value(k));
    x += a.index(k) * x_by;
    ptrdiff_t at = 0;
    for (;;) {
        Sums<T, 1> sums;
        sums.template add<true>(factor, x + at, ONE_AT);
        sums.store_to(y + at, ONE_AT);
        if (at + VECTOR_BYTES == bytes) {
            break;
        }
        at += VECTOR_BYTES;
        at = at + VECTOR_BYTES <= bytes ? at : bytes - VECTOR_BYTES; // the last one ends where the row does
    }
}

// Rows of x that come up so many entries later are asked for, so that those at random places are there then.
constexpr ptrdiff_t AHEAD = 12;

template <class T, class I>
inline void ask_for(const Entries<T, I>& a, ptrdiff_t k, const SparseSpan& p, ptrdiff_t bytes) {
#if defined(__GNUC__)
    if (static_cast<size_t>(k) < a.entries) {
        const auto index = static_cast<size_t>(static_cast<std::int64_t>(a.indices[k]));
        if (index < a.length) {
            const char* x = p.x + static_cast<ptrdiff_t>(index) * p.x_by;
            __builtin_prefetch(x);
            if (bytes > 64) {
                __builtin_prefetch(x + 64);
            }
        }
    }
#endif
}

template <class T, class I> bool rows(const SparseSpan& p) {
    if (p.width == 1) {
        return p.x_by == static_cast<ptrdiff_t>(sizeof(T)) ? rows_by_vector<T, I, false>(p)
                                                           : rows_by_vector<T, I, true>(p);
    }
    const ptrdiff_t bytes = p.width * static_cast<ptrdiff_t>(sizeof(T));
    constexpr int WHOLE = VECTOR_BYTES / static_cast<int>(sizeof(T));
    return each_line<T, I>(p.a, p.first, p.last,
                           [&](const auto& a, ptrdiff_t line, ptrdiff_t low, ptrdiff_t high) {
                               char* y = p.y + line * p.y_by;
                               ask_for(a, high + AHEAD, p, bytes);
                               if (low == high) {
                                   std::memset(y, 0, static_cast<size_t>(bytes));
                               } else if (high == low + 1 && bytes >= VECTOR_BYTES) {
                                   only_line(a, low, p.x, p.x_by, y, bytes);
                               } else if (bytes < VECTOR_BYTES) {
                                   sum_narrow<WHOLE / 2>(a, low, high, p.x, p.x_by, y, p.width);
                               } else {
                                   sum_wide(a, low, high, p.x, p.x_by, y, bytes);
                               }
                           });
}

// Vectors up to which columns are multiplied by kernels of their own.
constexpr int MOST_FEW = 8;

template <class T> inline void add_to(const T& a, const T& found, char* y) {
    const T old = load_one<T>(y);
    T sum;
    if constexpr (IS_COMPLEX<T>) { // as add_line does it
        sum = plus_one(old, T{a.re * found.re - a.im * found.im, a.re * found.im + a.im * found.re});
    } else {
        sum = plus_one(old, times_one(a, found));
    }
    std::memcpy(y, &sum, sizeof sum);
}

// The elements of less than a vector, by powers of two.
template <int N, class T> inline void add_few(const T& a, const char* x, char* y, ptrdiff_t count) {
    constexpr ptrdiff_t ITEM = sizeof(T);
    if (count & N) {
        for (int i = 0; i < N; ++i) {
            add_to(a, load_one<T>(x + i * ITEM), y + i * ITEM);
        }
        x += N * ITEM;
        y += N * ITEM;
    }
    if constexpr (N > 1) {
        add_few<N / 2>(a, x, y, count);
    }
}

// Few vectors, as many as the compiler is told: a row of x is kept in registers.
template <int N, class T, class I> inline bool few_columns(const SparseSpan& p) {
    constexpr ptrdiff_t ITEM = sizeof(T);
    if constexpr (N < MOST_FEW) {
        if (p.width > N) {
            return few_columns<N + 1, T, I>(p);
        }
    }
    return each_line<T, I>(p.a, p.first, p.last,
                           [&](const auto& a, ptrdiff_t line, ptrdiff_t low, ptrdiff_t high) {
                               T x[N];
                               for (int i = 0; i < N; ++i) {
                                   x[i] = load_one<T>(p.x + line * p.x_by + i * ITEM);
                               }
                               for (ptrdiff_t k = low; k < high; ++k) {
                                   const T value = a.value(k);
                                   char* y = p.y + a.index(k) * p.y_by;
                                   for (int i = 0; i < N; ++i) {
                                       add_to(value, x[i], y + i * ITEM);
                                   }
                               }
                           });
}

template <class T, class I> bool columns(const SparseSpan& p) {
    if (p.width <= MOST_FEW) {
        return few_columns<1, T, I>(p);
    }
    constexpr ptrdiff_t ITEM = sizeof(T);
    constexpr int HALF = VECTOR_BYTES / ITEM / 2;
    const ptrdiff_t bytes = p.width * ITEM;
    return each_line<T, I>(p.a, p.first, p.last,
                           [&](const auto& a, ptrdiff_t line, ptrdiff_t low, ptrdiff_t high) {
                               const char* x = p.x + line * p.x_by;
                               for (ptrdiff_t k = low; k < high; ++k) {
                                   const T value = a.value(k);
                                   const Factor<T> factor(value);
                                   char* y = p.y + a.index(k) * p.y_by;
                                   ptrdiff_t at = 0;
                                   for (; at + TILE_LINE <= bytes; at += TILE_LINE) {
                                       add_line<4>(factor, x + at, y + at, LINE_AT);
                                   }
                                   for (; at + VECTOR_BYTES <= bytes; at += VECTOR_BYTES) {
                                       add_line<1>(factor, x + at, y + at, ONE_AT);
                                   }
                                   add_few<HALF>(value, x + at, y + at, (bytes - at) / ITEM);
                               }
                           });
}

template <class T, class I>
constexpr SparseKernels KERNELS_OF = {gather<T, I>, scatter<T, I>, rows<T, I>, columns<T, I>};

} // namespace

#define EINROUTE_SPARSE(T) {KERNELS_OF<T, std::int32_t>, KERNELS_OF<T, std::int64_t>}

extern const SparseTypes SPARSE;
const SparseTypes SPARSE = {
    EINROUTE_SPARSE(std::uint8_t),   EINROUTE_SPARSE(std::uint16_t),   EINROUTE_SPARSE(std::uint32_t),
    EINROUTE_SPARSE(std::uint64_t),  EINROUTE_SPARSE(float),           EINROUTE_SPARSE(double),
    EINROUTE_SPARSE(Complex<float>), EINROUTE_SPARSE(Complex<double>), EINROUTE_SPARSE(Truth),
};

#undef EINROUTE_SPARSE

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
