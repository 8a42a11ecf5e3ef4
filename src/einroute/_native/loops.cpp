// Loops for every dtype and any strides, in NumPy's order: each product is formed whole, then added.
//
// Products are of the operands' precision; those of single precision are summed in double. A sum of 8
// products and more is added in 8 lanes, whatever the strides: its bits depend on its length alone. Integers
// are unsigned here, so that they wrap.

#include "walk.hpp"

#include <cstring>
#include <type_traits>

namespace einroute {

namespace {

// What elements are multiplied in, and what products are summed in.
template <class T> struct Computed {
    using Product = T;
    using Sum = T;
};
template <> struct Computed<std::uint8_t> {
    using Product = std::uint32_t;
    using Sum = std::uint32_t;
};
template <> struct Computed<std::uint16_t> {
    using Product = std::uint32_t;
    using Sum = std::uint32_t;
};
template <> struct Computed<float> {
    using Product = float;
    using Sum = double;
};
template <> struct Computed<Complex<float>> {
    using Product = Complex<float>;
    using Sum = Complex<double>;
};

template <class T> struct IsComplex : std::false_type {};
template <class R> struct IsComplex<Complex<R>> : std::true_type {};

// Between complex numbers, truths, or numbers.
template <class To, class From> inline To cast(const From& x) {
    if constexpr (IsComplex<To>::value) {
        using R = decltype(To::re);
        return {static_cast<R>(x.re), static_cast<R>(x.im)};
    } else if constexpr (std::is_same_v<To, From>) {
        return x;
    } else {
        return static_cast<To>(x);
    }
}

template <class T> inline typename Computed<T>::Product load(const char* p) {
    T x;
    std::memcpy(&x, p, sizeof x);
    if constexpr (std::is_same_v<T, Bool>) {
        x.byte = x.byte != 0;
    }
    return cast<typename Computed<T>::Product>(x);
}

template <class T, class From> inline void store(char* p, const From& x) {
    const T y = cast<T>(x);
    std::memcpy(p, &y, sizeof y);
}

template <class P> inline P times(const P& x, const P& y) {
    if constexpr (IsComplex<P>::value) {
        return {x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
    } else if constexpr (std::is_same_v<P, Bool>) {
        return {static_cast<std::uint8_t>(x.byte & y.byte)};
    } else {
        return x * y;
    }
}

template <class S, class P> inline S plus(const S& sum, const P& product) {
    const S x = cast<S>(product);
    if constexpr (IsComplex<S>::value) {
        return {sum.re + x.re, sum.im + x.im};
    } else if constexpr (std::is_same_v<S, Bool>) {
        return {static_cast<std::uint8_t>(sum.byte | x.byte)};
    } else {
        return sum + x;
    }
}

// The loops of N operands; 0: as many as the walk has.
template <class T, int N> struct Over {
    using P = typename Computed<T>::Product;
    using S = typename Computed<T>::Sum;
    static constexpr int MOST = N ? N : MAX_OPERANDS;
    static constexpr int LANES = 8;
    // Whether the order of sums matters: then it must not depend on strides.
    static constexpr bool ROUNDED = IsComplex<T>::value || std::is_floating_point_v<T>;

    static int count(const Walk& w) { return N ? N : w.operands; }

    static inline P product(const char* const* p, int n) {
        P x = load<T>(p[0]);
        for (int i = 1; i < n; ++i) {
            x = times(x, load<T>(p[i]));
        }
        return x;
    }

    template <bool CONTIGUOUS>
    static inline void step(const char** p, const std::ptrdiff_t* by, int n, std::ptrdiff_t times_ = 1) {
        for (int i = 0; i < n; ++i) {
            p[i] += times_ * (CONTIGUOUS ? static_cast<std::ptrdiff_t>(sizeof(T)) : by[i]);
        }
    }

    // Adds the products along one axis.
    template <bool CONTIGUOUS>
    static inline S sum(const char* const* from, const std::ptrdiff_t* by, std::ptrdiff_t size, int n,
                        S total) {
        const char* p[MOST];
        for (int i = 0; i < n; ++i) {
            p[i] = from[i];
        }
        if (size >= 2 * LANES && (CONTIGUOUS || ROUNDED)) {
            S lane[LANES] = {};
            for (; size >= LANES; size -= LANES) {
                for (int l = 0; l < LANES; ++l) {
                    const char* q[MOST] = {nullptr};
                    for (int i = 0; i < n; ++i) {
                        q[i] = p[i] + l * (CONTIGUOUS ? static_cast<std::ptrdiff_t>(sizeof(T)) : by[i]);
                    }
                    lane[l] = plus(lane[l], product(q, n));
                }
                step<CONTIGUOUS>(p, by, n, LANES);
            }
            for (int width = LANES / 2; width > 0; width /= 2) {
                for (int l = 0; l < width; ++l) {
                    lane[l] = plus(lane[l], lane[l + width]);
                }
            }
            total = plus(total, lane[0]);
        }
        for (; size > 0; --size) {
            total = plus(total, product(p, n));
            step<CONTIGUOUS>(p, by, n);
        }
        return total;
    }

    static bool contiguous(const std::ptrdiff_t* by, int n) {
        for (int i = 0; i < n; ++i) {
            if (by[i] != static_cast<std::ptrdiff_t>(sizeof(T))) {
                return false;
            }
        }
        return true;
    }

    // Adds the products along several axes.
    static S sum_nested(const Walk& w, const char* const* from, int n) {
        const int last = w.loops - 1;
        const char* p[MOST];
        std::ptrdiff_t index[MAX_LOOPS] = {0};
        for (int i = 0; i < n; ++i) {
            p[i] = from[i];
        }
        S total{};
        for (;;) {
            total = sum<false>(p, w.stride[last], w.size[last], n, total);
            int d = last - 1;
            for (; d >= w.kept; --d) {
                step<false>(p, w.stride[d], n);
                if (++index[d] < w.size[d]) {
                    break;
                }
                index[d] = 0;
                step<false>(p, w.stride[d], n, -w.size[d]);
            }
            if (d < w.kept) {
                return total;
            }
        }
    }

    // Elements along the innermost kept loop.
    static inline void line(const Walk& w, const char* const* from, char* out, int n) {
        const int inner = w.kept - 1;
        const std::ptrdiff_t size = inner < 0 ? 1 : w.size[inner];
        static constexpr std::ptrdiff_t NONE[MAX_OPERANDS + 1] = {0};
        const std::ptrdiff_t* by = inner < 0 ? NONE : w.stride[inner];
        const std::ptrdiff_t by_out = by[n];
        const char* p[MOST];
        for (int i = 0; i < n; ++i) {
            p[i] = from[i];
        }
        const int sums = w.loops - w.kept;
        if (sums == 0) {
            if (w.summed) {
                for (std::ptrdiff_t o = 0; o < size; ++o, out += by_out, step<false>(p, by, n)) {
                    store<T>(out, plus(S{}, product(p, n)));
                }
            } else if (contiguous(by, n) && by_out == static_cast<std::ptrdiff_t>(sizeof(T))) {
                for (std::ptrdiff_t o = 0; o < size; ++o, out += sizeof(T), step<true>(p, by, n)) {
                    store<T>(out, product(p, n));
                }
            } else {
                for (std::ptrdiff_t o = 0; o < size; ++o, out += by_out, step<false>(p, by, n)) {
                    store<T>(out, product(p, n));
                }
            }
        } else if (sums == 1) {
            const std::ptrdiff_t* along = w.stride[w.kept];
            const std::ptrdiff_t depth = w.size[w.kept];
            const bool straight = depth >= 2 * LANES && contiguous(along, n);
            for (std::ptrdiff_t o = 0; o < size; ++o, out += by_out, step<false>(p, by, n)) {
                store<T>(out,
                         straight ? sum<true>(p, along, depth, n, S{}) : sum<false>(p, along, depth, n, S{}));
            }
        } else {
            for (std::ptrdiff_t o = 0; o < size; ++o, out += by_out, step<false>(p, by, n)) {
                store<T>(out, sum_nested(w, p, n));
            }
        }
    }

    static void run(const Walk& w) {
        const int n = count(w);
        const char* p[MOST];
        for (int i = 0; i < n; ++i) {
            p[i] = w.data[i];
        }
        char* out = w.out;
        std::ptrdiff_t index[MAX_LOOPS] = {0};
        for (;;) {
            line(w, p, out, n);
            int d = w.kept - 2;
            for (; d >= 0; --d) {
                step<false>(p, w.stride[d], n);
                out += w.stride[d][n];
                if (++index[d] < w.size[d]) {
                    break;
                }
                index[d] = 0;
                step<false>(p, w.stride[d], n, -w.size[d]);
                out -= w.size[d] * w.stride[d][n];
            }
            if (d < 0) {
                return;
            }
        }
    }
};

template <class T> Loops of_operands(int operands) {
    switch (operands) {
    case 1:
        return Over<T, 1>::run;
    case 2:
        return Over<T, 2>::run;
    case 3:
        return Over<T, 3>::run;
    default:
        return Over<T, 0>::run;
    }
}

} // namespace

Loops find_loops(Element element, int operands) {
    return with_any_element(
        element, [operands](auto tag) { return of_operands<typename decltype(tag)::Type>(operands); });
}

} // namespace einroute
