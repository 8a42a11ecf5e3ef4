// Products of a compressed sparse matrix with tiles or rows of a dense one: compiled once for each
// instruction set, in a namespace of its own.
//
// A sum of real numbers is kept in two parts that take turns; of complex numbers, the products with the real
// and with the imaginary parts of the entries are added apart. Bits do not depend on where an element lies.

#include "sparse_rows.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

template <class T, class I, int N> inline bool gather_lines(const SparseTile& p) {
    constexpr ptrdiff_t LINE = N * VECTOR_BYTES;
    ptrdiff_t at[N];
    for (int i = 0; i < N; ++i) {
        at[i] = i * VECTOR_BYTES;
    }
    return each_line<T, I>(
        p.a, p.first, p.last, [&](const auto& a, ptrdiff_t line, ptrdiff_t low, ptrdiff_t high) {
            sum_line<N>(a, low, high, p.x, LINE, at).store_to(p.y + (line - p.first) * LINE, at);
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
