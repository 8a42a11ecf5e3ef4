// Circular correlations: compiled once for each instruction set, in a namespace of its own.
//
// Neighbouring results are summed side by side in registers: each term is one factor times a stretch of the
// ring. A stretch that goes round the end is read from a short copy of what lies on both sides of it.

#include "../correlation.hpp"
#include "lanes.hpp"

#if defined(_MSC_VER)
#define EINROUTE_APART __declspec(noinline)
#else
#define EINROUTE_APART __attribute__((noinline))
#endif

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using std::ptrdiff_t;

constexpr ptrdiff_t TOGETHER = 32; // terms of a sum of its own, and such sums of one of theirs
#if defined(__AVX2__) || defined(__aarch64__)
constexpr int REGISTERS = 8; // vectors that are summed side by side
#else
constexpr int REGISTERS = 4;
#endif

template <class R> constexpr ptrdiff_t ITEM = static_cast<ptrdiff_t>(sizeof(R));
// Sums that a result is made of: real and imaginary factors are summed apart.
template <class T> constexpr int SUMS = IS_COMPLEX<T> ? 2 : 1;

template <class R> inline Lanes<R> everywhere(R x) {
#if (defined(__GNUC__) || defined(__clang__)) && !defined(EINROUTE_PLAIN_VECTORS)
    return x - Lanes<R>{};
#else
    Lanes<R> all;
    for (int i = 0; i < WIDTH<R>; ++i) {
        all[i] = x;
    }
    return all;
#endif
}

template <class R> inline Lanes<R> load_lanes(const char* p) {
    Lanes<R> x;
    std::memcpy(&x, p, sizeof x);
    return x;
}

template <class T> inline Lanes<Real<T>> factor(const char* p) {
    const Real<T> x = load_one<Real<T>>(p);
    if constexpr (std::is_same_v<T, Truth>) {
        return everywhere<Real<T>>(x != 0 ? 0xff : 0);
    } else {
        return everywhere<Real<T>>(x);
    }
}

// V vectors of results, as they are summed.
template <class T, int V> struct Tile {
    Lanes<Real<T>> sums[SUMS<T>][V];

    Tile() { std::memset(this, 0, sizeof *this); }

    void add(const Tile& other) {
        for (int k = 0; k < SUMS<T>; ++k) {
            for (int v = 0; v < V; ++v) {
                sums[k][v] = plus<T>(sums[k][v], other.sums[k][v]);
            }
        }
    }

    // By itself, so that sums stay in registers.
    EINROUTE_APART void add_terms(const char* p, ptrdiff_t by, const char* a, ptrdiff_t by_term,
                                  ptrdiff_t count) {
        using R = Real<T>;
        Lanes<R> own[SUMS<T>][V];
        std::memcpy(own, sums, sizeof own);
        for (ptrdiff_t j = 0; j < count; ++j, p += by, a += by_term) {
            for (int k = 0; k < SUMS<T>; ++k) {
                const Lanes<R> x = factor<T>(a + k * ITEM<R>);
                for (int v = 0; v < V; ++v) {
                    const Lanes<R> y = load_lanes<R>(p + v * 32);
                    if constexpr (std::is_same_v<T, Truth>) {
                        own[k][v] = own[k][v] | (x & y);
                    } else {
                        own[k][v] = own[k][v] + x * y;
                    }
                }
            }
        }
        std::memcpy(sums, own, sizeof own);
    }

    Lanes<Real<T>> result(int v) const {
        Lanes<Real<T>> made = sums[0][v];
        if constexpr (std::is_same_v<T, Truth>) {
            for (int i = 0; i < 32; ++i) {
                made[i] = made[i] != 0;
            }
        } else if constexpr (IS_COMPLEX<T>) {
            made = made + alternating<Real<T>>() * paired<1, 0, Real<T>>(sums[1][v]);
        }
        return made;
    }
};

// A ring of real numbers, the parts of complex ones, and what lies on both sides of its end.
template <class T> struct Ring {
    using R = Real<T>;
    static constexpr ptrdiff_t SPAN = REGISTERS * WIDTH<R>; // the longest stretch

    const Correlation& c;
    ptrdiff_t length, step, start;
    alignas(32) char ends[2 * SPAN * ITEM<R>];

    explicit Ring(const Correlation& given)
        : c(given), length(given.length * SUMS<T>), step(given.step * SUMS<T>) {
        start = length > SPAN ? length - SPAN : 0;
        ptrdiff_t from = start;
        for (ptrdiff_t t = 0; t < length - start + SPAN; ++t) {
            std::memcpy(ends + t * ITEM<R>, c.ring + from * ITEM<R>, sizeof(R));
            from = from + 1 == length ? 0 : from + 1;
        }
    }

    // Adds terms to before `count`, the first of them at some place, which is moved on.
    template <int V> void add(Tile<T, V>& sums, ptrdiff_t& at, const char* factors, ptrdiff_t count) const {
        while (count > 0) {
            const bool inside = at <= length - SPAN;
            // How far it may go before a stretch lies elsewhere, and whether it gets that far.
            const ptrdiff_t low = inside || length < SPAN ? 0 : length - SPAN + 1;
            const ptrdiff_t room = step < 0 ? at - low : (inside ? length - SPAN : length - 1) - at;
            const ptrdiff_t pace = step < 0 ? -step : step;
            const ptrdiff_t now = room >= pace * (count - 1) ? count : room / pace + 1;
            const char* p = inside ? c.ring + at * ITEM<R> : ends + (at - start) * ITEM<R>;
            sums.add_terms(p, step * ITEM<R>, factors, c.by_term, now);
            at += now * step;
            at += at < 0 ? length : at >= length ? -length : 0;
            factors += now * c.by_term;
            count -= now;
        }
    }

    // V vectors of results from number i on.
    template <int V> Tile<T, V> tile(ptrdiff_t i) const {
        ptrdiff_t at = (c.first * SUMS<T> + i) % length;
        Tile<T, V> grand;
        for (ptrdiff_t j = 0; j < c.terms;) {
            Tile<T, V> total;
            for (int n = 0; n < TOGETHER && j < c.terms; ++n, j += TOGETHER) {
                Tile<T, V> own;
                const ptrdiff_t left = c.terms - j;
                add(own, at, c.factors + j * c.by_term, left < TOGETHER ? left : TOGETHER);
                total.add(own);
            }
            grand.add(total);
        }
        return grand;
    }

    template <int V> void make(ptrdiff_t i) const {
        const Tile<T, V> made = tile<V>(i);
        for (int v = 0; v < V; ++v) {
            store(c.out + (i + v * WIDTH<R>)*ITEM<R>, made.result(v));
        }
    }

    // Fewer results than a vector has.
    void make_few(ptrdiff_t i, ptrdiff_t count) const {
        const Lanes<R> made = tile<1>(i).result(0);
        std::memcpy(c.out + i * ITEM<R>, &made, static_cast<std::size_t>(count * ITEM<R>));
    }

    // As many strips of V vectors as there are, then narrower ones.
    template <int V> void strips(ptrdiff_t i, ptrdiff_t last) const {
        for (; i + V * WIDTH<R> <= last; i += V * WIDTH<R>) {
            make<V>(i);
        }
        if constexpr (V > 1) {
            strips<V / 2>(i, last);
        } else if (i < last) {
            make_few(i, last - i);
        }
    }
};

template <class T> void correlate(const Correlation& c, ptrdiff_t first, ptrdiff_t last) {
    const Ring<T> ring(c);
    ring.template strips<REGISTERS / SUMS<T>>(first * SUMS<T>, last * SUMS<T>);
}

} // namespace

extern const CorrelationKernels CORRELATIONS;
const CorrelationKernels CORRELATIONS = {
    correlate<float>,           correlate<double>,        correlate<Complex<float>>,
    correlate<Complex<double>>, correlate<std::uint8_t>,  correlate<std::uint16_t>,
    correlate<std::uint32_t>,   correlate<std::uint64_t>, correlate<Truth>,
};

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
