// Linear forms of differences: compiled once for each instruction set, in a namespace of its own.
//
// Sums and products in twice the precision, as unevaluated pairs: Dekker's product and Knuth's sum; Ogita,
// Rump and Oishi, "Accurate sum and dot product", SIAM J. Sci. Comput. 26 (2005). Features are summed in
// their order, whatever the pair: the form of one set of points is antisymmetric to the last bit.

#include "../linear_forms.hpp"
#include "vectors.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using std::ptrdiff_t;
using Lanes = Vec<double>;

constexpr ptrdiff_t WIDE = LANES<double>;
// Vectors of a row that are looked at together.
constexpr int TOGETHER = 4;

inline Lanes lanes(const double* p) {
    return load_vector<double>(reinterpret_cast<const char*>(p));
}

inline void put(double* p, const Lanes& x) {
    std::memcpy(p, &x, sizeof x);
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

// a + b rounded, and what rounding took.
template <class T> inline T two_sum(const T& a, const T& b, T& lost) {
    const T s = a + b, back = s - a;
    lost = (a - (s - back)) + (b - back);
    return s;
}

template <class T> inline T half(const T& x, const T& splitter) {
    const T large = x * splitter;
    return large - (large - x);
}

// a * b rounded, and what rounding took.
template <class T> inline T two_product(const T& a, const T& b, const T& splitter, T& lost) {
    const T p = a * b, high_a = half(a, splitter), high_b = half(b, splitter);
    const T low_a = a - high_a, low_b = b - high_b;
    lost = low_a * low_b - (((p - high_a * high_b) - low_a * high_b) - high_a * low_b);
    return p;
}

void dot(const LinearDot& d) {
    const Lanes splitter = everywhere(134217729.0);
    for (ptrdiff_t i = 0; i < d.count; i += WIDE) {
        Lanes head = everywhere(0.0), tail = head, size = head;
        for (ptrdiff_t k = 0; k < d.features; ++k) {
            const Lanes x = lanes(d.points + k * d.step + i);
            Lanes lost, rest;
            const Lanes p = two_product(x, everywhere(d.w[k]), splitter, lost);
            head = two_sum(head, p, rest);
            tail = tail + (rest + lost);
            size = size + magnitude(p);
        }
        put(d.head + i, head);
        put(d.tail + i, tail);
        put(d.size + i, size);
    }
}

void total(const LinearTotal& t) {
    Lanes high = everywhere(0.0), low = high, size = high;
    ptrdiff_t i = 0;
    for (; i + WIDE <= t.count; i += WIDE) {
        const Lanes x = lanes(t.head + i);
        Lanes lost;
        high = two_sum(high, x, lost);
        low = low + (t.tail == nullptr ? lost : lost + lanes(t.tail + i));
        size = size + magnitude(x);
    }
    double sum = 0, rest = 0, terms = 0, lost;
    for (; i < t.count; ++i) {
        sum = two_sum(sum, t.head[i], lost);
        rest += t.tail == nullptr ? lost : lost + t.tail[i];
        terms += magnitude(t.head[i]);
    }
    for (int v = 0; v < LANES<double>; ++v) {
        sum = two_sum(sum, static_cast<double>(high[v]), lost);
        rest += lost + low[v];
        terms += size[v];
    }
    *t.sum = sum;
    *t.rest = rest;
    *t.size = terms;
}

// Whether all of one's elements are at least the other's; not of what is no number.
inline bool at_least(const Lanes* size, const Lanes* least, int count) {
#if defined(__GNUC__) || defined(__clang__)
    auto good = size[0] >= least[0];
    for (int v = 1; v < count; ++v) {
        good &= size[v] >= least[v];
    }
    return (good[0] & good[1] & good[2] & good[3]) != 0;
#else
    bool good = true;
    for (int v = 0; v < count; ++v) {
        for (int i = 0; i < LANES<double>; ++i) {
            good = good && size[v][i] >= least[v][i];
        }
    }
    return good;
#endif
}

// The entries of a vector that are small against their terms, from their differences.
inline void again(const LinearRows& t, ptrdiff_t i, ptrdiff_t j, const Lanes& size, const Lanes& least,
                  Lanes& made) {
    const double* x = t.x + i * t.features;
    Lanes sum = (everywhere(x[0]) - lanes(t.y + j)) * everywhere(t.w[0]);
    for (ptrdiff_t k = 1; k < t.features; ++k) {
        sum = sum + (everywhere(x[k]) - lanes(t.y + k * t.step + j)) * everywhere(t.w[k]);
    }
    for (int v = 0; v < LANES<double>; ++v) {
        if (!(size[v] >= least[v])) {
            made[v] = sum[v];
        }
    }
}

// Writes a vector; of finite elements zeros are added to `rest`.
template <class R> inline void store(R* out, const Lanes& x, Lanes& rest) {
    R own[LANES<double>];
    Lanes written = x;
    for (int v = 0; v < LANES<double>; ++v) {
        own[v] = static_cast<R>(x[v]);
        written[v] = static_cast<double>(own[v]);
    }
    rest = rest + written * everywhere(0.0);
    std::memcpy(out, own, sizeof own);
}

template <> inline void store<double>(double* out, const Lanes& x, Lanes& rest) {
    rest = rest + x * everywhere(0.0);
    put(out, x);
}

template <class R> inline void store_some(R* out, const Lanes& x, ptrdiff_t count, Lanes& rest) {
    R all[LANES<double>];
    Lanes some = everywhere(0.0);
    for (int v = 0; v < count; ++v) {
        some[v] = x[v];
    }
    store(all, some, rest);
    std::memcpy(out, all, static_cast<std::size_t>(count) * sizeof(R));
}

template <class R, int COUNT>
inline void stretch(const LinearRows& t, ptrdiff_t i, ptrdiff_t j, R* row, Lanes& rest) {
    const Lanes head = everywhere(t.left.head[i]), tail = everywhere(t.left.tail[i]),
                limit = everywhere(t.left.least[i]);
    Lanes made[COUNT], size[COUNT], least[COUNT];
    for (int v = 0; v < COUNT; ++v) {
        const ptrdiff_t at = j + v * WIDE;
        made[v] = (head - lanes(t.right.head + at)) + (tail - lanes(t.right.tail + at));
        size[v] = magnitude(made[v]);
        least[v] = limit + lanes(t.right.least + at);
    }
    if (!at_least(size, least, COUNT)) {
        for (int v = 0; v < COUNT; ++v) {
            if (!at_least(size + v, least + v, 1)) {
                again(t, i, j + v * WIDE, size[v], least[v], made[v]);
            }
        }
    }
    for (int v = 0; v < COUNT; ++v) {
        const ptrdiff_t at = j + v * WIDE;
        if (COUNT > 1 || at + WIDE <= t.columns) {
            store(row + at, made[v], rest);
        } else {
            store_some(row + at, made[v], t.columns - at, rest);
        }
    }
}

template <class R> bool rows(const LinearRows& t, ptrdiff_t first, ptrdiff_t last) {
    Lanes rest = everywhere(0.0);
    for (ptrdiff_t i = first; i < last; ++i) {
        R* row = reinterpret_cast<R*>(t.out) + i * t.columns;
        ptrdiff_t j = 0;
        for (; j + TOGETHER * WIDE <= t.columns; j += TOGETHER * WIDE) {
            stretch<R, TOGETHER>(t, i, j, row, rest);
        }
        for (; j < t.columns; j += WIDE) {
            stretch<R, 1>(t, i, j, row, rest);
        }
    }
    return (rest[0] + rest[1]) + (rest[2] + rest[3]) == 0;
}

} // namespace

extern const LinearKernels LINEAR_FORMS;
const LinearKernels LINEAR_FORMS = {dot, total, rows<float>, rows<double>};

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
