// Linear forms of differences: compiled once for each instruction set, in a namespace of its own.
//
// Sums over points are made in twice the precision by Knuth's sum, those over features by parts whose leading
// products are exact: Ogita, Rump and Oishi, "Accurate sum and dot product", SIAM J. Sci. Comput. 26 (2005);
// Ozaki, Ogita, Oishi and Rump, "Error-free transformations of matrix multiplication", Numer. Algorithms 59
// (2012). Features are summed in their order, whatever the pair: the form of one set of points is
// antisymmetric to the last bit.

#include "../linear_forms.hpp"
#include "double_lanes.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using std::ptrdiff_t;

constexpr ptrdiff_t WIDE = LANES<double>;
// Vectors of a row that are looked at together.
constexpr int TOGETHER = 4;

// a + b rounded, and what rounding took.
template <class T> inline T two_sum(const T& a, const T& b, T& lost) {
    const T s = a + b, back = s - a;
    lost = (a - (s - back)) + (b - back);
    return s;
}

// What is summed of COUNT vectors of points.
template <int COUNT> inline void dot_of(const LinearDot& d, ptrdiff_t i) {
    Lanes head[COUNT], tail[COUNT];
    for (int v = 0; v < COUNT; ++v) {
        head[v] = tail[v] = everywhere(0.0);
    }
    for (ptrdiff_t first = 0; first < d.features; first += LINEAR_TOGETHER) {
        const ptrdiff_t stop = first + LINEAR_TOGETHER < d.features ? first + LINEAR_TOGETHER : d.features;
        Lanes own[COUNT];
        for (int v = 0; v < COUNT; ++v) {
            own[v] = everywhere(0.0);
        }
        for (ptrdiff_t k = first; k < stop; ++k) {
            const Lanes w = everywhere(d.w[k]), large = everywhere(d.large[k]);
            const Lanes high = everywhere(d.high[k]), low = everywhere(d.low[k]);
            for (int v = 0; v < COUNT; ++v) {
                const Lanes x = lanes(d.points + k * d.step + i + v * WIDE);
                const Lanes leading = (x + large) - large;
                head[v] = head[v] + leading * high;
                own[v] = own[v] + ((x - leading) * w + leading * low);
            }
        }
        for (int v = 0; v < COUNT; ++v) {
            tail[v] = tail[v] + own[v];
        }
    }
    for (int v = 0; v < COUNT; ++v) {
        put(d.head + i + v * WIDE, head[v]);
        put(d.tail + i + v * WIDE, tail[v]);
    }
}

template <int COUNT> inline void plain_dot_of(const LinearDot& d, ptrdiff_t i) {
    Lanes head[COUNT], size[COUNT];
    for (int v = 0; v < COUNT; ++v) {
        head[v] = size[v] = everywhere(0.0);
    }
    for (ptrdiff_t first = 0; first < d.features; first += LINEAR_TOGETHER) {
        const ptrdiff_t stop = first + LINEAR_TOGETHER < d.features ? first + LINEAR_TOGETHER : d.features;
        Lanes own[COUNT];
        for (int v = 0; v < COUNT; ++v) {
            own[v] = everywhere(0.0);
        }
        ptrdiff_t k = first;
        for (; k + 4 <= stop; k += 4) {
            for (int v = 0; v < COUNT; ++v) {
                const double* const x = d.points + k * d.step + i + v * WIDE;
                const Lanes p = lanes(x) * everywhere(d.w[k]), q = lanes(x + d.step) * everywhere(d.w[k + 1]),
                            r = lanes(x + 2 * d.step) * everywhere(d.w[k + 2]),
                            s = lanes(x + 3 * d.step) * everywhere(d.w[k + 3]);
                own[v] = own[v] + ((p + q) + (r + s));
                size[v] = size[v] + ((magnitude(p) + magnitude(q)) + (magnitude(r) + magnitude(s)));
            }
        }
        for (; k < stop; ++k) {
            for (int v = 0; v < COUNT; ++v) {
                const Lanes p = lanes(d.points + k * d.step + i + v * WIDE) * everywhere(d.w[k]);
                own[v] = own[v] + p;
                size[v] = size[v] + magnitude(p);
            }
        }
        for (int v = 0; v < COUNT; ++v) {
            head[v] = head[v] + own[v];
        }
    }
    for (int v = 0; v < COUNT; ++v) {
        put(d.head + i + v * WIDE, head[v]);
        put(d.size + i + v * WIDE, size[v]);
    }
}

// The same of COUNT points that are rows.
template <int COUNT> inline void dot_of_rows(const LinearDot& d, ptrdiff_t i) {
    const double* const x = d.points + i * d.row;
    Lanes head[COUNT], tail[COUNT];
    double rest[COUNT], low[COUNT];
    for (int v = 0; v < COUNT; ++v) {
        head[v] = tail[v] = everywhere(0.0);
        rest[v] = low[v] = 0;
    }
    ptrdiff_t k = 0;
    while (k + WIDE <= d.features) {
        Lanes own[COUNT];
        for (int v = 0; v < COUNT; ++v) {
            own[v] = everywhere(0.0);
        }
        const ptrdiff_t stop =
            k + LINEAR_TOGETHER * WIDE < d.features ? k + LINEAR_TOGETHER * WIDE : d.features / WIDE * WIDE;
        for (; k < stop; k += WIDE) {
            const Lanes w = lanes(d.w + k), large = lanes(d.large + k), high = lanes(d.high + k),
                        rounded = lanes(d.low + k);
            for (int v = 0; v < COUNT; ++v) {
                const Lanes all = lanes(x + v * d.row + k), leading = (all + large) - large;
                head[v] = head[v] + leading * high;
                own[v] = own[v] + ((all - leading) * w + leading * rounded);
            }
        }
        for (int v = 0; v < COUNT; ++v) {
            tail[v] = tail[v] + own[v];
        }
    }
    for (; k < d.features; ++k) {
        for (int v = 0; v < COUNT; ++v) {
            const double all = x[v * d.row + k], leading = (all + d.large[k]) - d.large[k];
            rest[v] += leading * d.high[k];
            low[v] += (all - leading) * d.w[k] + leading * d.low[k];
        }
    }
    for (int v = 0; v < COUNT; ++v) {
        d.head[i + v] = added(head[v]) + rest[v];
        d.tail[i + v] = added(tail[v]) + low[v];
    }
}

template <int COUNT> inline void plain_dot_of_rows(const LinearDot& d, ptrdiff_t i) {
    const double* const x = d.points + i * d.row;
    Lanes head[COUNT], size[COUNT];
    for (int v = 0; v < COUNT; ++v) {
        head[v] = size[v] = everywhere(0.0);
    }
    ptrdiff_t k = 0;
    for (; k + WIDE <= d.features; k += WIDE) {
        const Lanes w = lanes(d.w + k);
        for (int v = 0; v < COUNT; ++v) {
            const Lanes p = lanes(x + v * d.row + k) * w;
            head[v] = head[v] + p;
            size[v] = size[v] + magnitude(p);
        }
    }
    for (int v = 0; v < COUNT; ++v) {
        double sum = added(head[v]), terms = added(size[v]);
        for (ptrdiff_t l = k; l < d.features; ++l) {
            const double p = x[v * d.row + l] * d.w[l];
            sum += p;
            terms += magnitude(p);
        }
        d.head[i + v] = sum;
        d.size[i + v] = terms;
    }
}

template <int COUNT> inline void dots(const LinearDot& d, ptrdiff_t i) {
    if (d.step == 0) {
        d.tail == nullptr ? plain_dot_of_rows<COUNT>(d, i) : dot_of_rows<COUNT>(d, i);
    } else {
        d.tail == nullptr ? plain_dot_of<COUNT>(d, i) : dot_of<COUNT>(d, i);
    }
}

void dot(const LinearDot& d) {
    const ptrdiff_t each = d.step == 0 ? 1 : WIDE;
    ptrdiff_t i = 0;
    for (; i + TOGETHER * each <= d.count; i += TOGETHER * each) {
        dots<TOGETHER>(d, i);
    }
    for (; i < d.count; i += each) {
        dots<1>(d, i);
    }
}

inline void widen(double* __restrict most, const double* __restrict x, ptrdiff_t count) {
    constexpr double LARGEST = 1.7976931348623157e308;
    for (ptrdiff_t i = 0; i < count; ++i) {
        const double size = magnitude(x[i]), finite = size <= LARGEST ? size : 0;
        most[i] = finite > most[i] ? finite : most[i];
    }
}

void largest(const LinearDot& d, double* most) {
    if (d.step == 0) {
        for (ptrdiff_t k = 0; k < d.features; ++k) {
            most[k] = 0;
        }
        for (ptrdiff_t i = 0; i < d.count; ++i) {
            widen(most, d.points + i * d.row, d.features);
        }
        return;
    }
    constexpr ptrdiff_t SIDE = 4 * WIDE;
    for (ptrdiff_t k = 0; k < d.features; ++k) {
        const double* const x = d.points + k * d.step;
        double own[SIDE] = {};
        ptrdiff_t i = 0;
        for (; i + SIDE <= d.count; i += SIDE) {
            widen(own, x + i, SIDE);
        }
        widen(own, x + i, d.count - i);
        most[k] = 0;
        for (const double one : own) {
            widen(most + k, &one, 1);
        }
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
    const double* const x = t.x + i * t.features;
    const double* y[LANES<double>];
    for (int v = 0; v < LANES<double>; ++v) {
        y[v] = t.y + (j + v < t.columns ? j + v : t.columns - 1) * t.features;
    }
    Lanes sum = everywhere(0.0);
    for (ptrdiff_t k = 0; k < t.features; ++k) {
        const Lanes other{y[0][k], y[1][k], y[2][k], y[3][k]};
        sum = sum + (everywhere(x[k]) - other) * everywhere(t.w[k]);
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

// One vector of a row, with what cancels in it made again.
template <class R> void vector_again(const LinearRows& t, ptrdiff_t i, ptrdiff_t j, R* row, Lanes& rest) {
    Lanes made = (everywhere(t.left.head[i]) - lanes(t.right.head + j)) +
                 (everywhere(t.left.tail[i]) - lanes(t.right.tail + j));
    const Lanes size = magnitude(made), least = everywhere(t.left.least[i]) + lanes(t.right.least + j);
    if (!at_least(&size, &least, 1)) {
        again(t, i, j, size, least, made);
    }
    if (j + WIDE <= t.columns) {
        store(row + j, made, rest);
    } else {
        store_some(row + j, made, t.columns - j, rest);
    }
}

// COUNT whole vectors of a row; false where something cancels in them, and nothing is written.
template <class R, int COUNT>
inline bool stretch(const LinearRows& t, ptrdiff_t i, ptrdiff_t j, R* row, Lanes& rest) {
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
        return false;
    }
    Lanes own = rest;
    for (int v = 0; v < COUNT; ++v) {
        store(row + j + v * WIDE, made[v], own);
    }
    rest = own;
    return true;
}

template <class R> bool rows(const LinearRows& t, ptrdiff_t first, ptrdiff_t last) {
    Lanes rest = everywhere(0.0);
    for (ptrdiff_t i = first; i < last; ++i) {
        R* row = reinterpret_cast<R*>(t.out) + i * t.columns;
        ptrdiff_t j = 0;
        for (; j + TOGETHER * WIDE <= t.columns; j += TOGETHER * WIDE) {
            if (!stretch<R, TOGETHER>(t, i, j, row, rest)) {
                for (int v = 0; v < TOGETHER; ++v) {
                    vector_again(t, i, j + v * WIDE, row, rest);
                }
            }
        }
        for (; j < t.columns; j += WIDE) {
            vector_again(t, i, j, row, rest);
        }
    }
    return (rest[0] + rest[1]) + (rest[2] + rest[3]) == 0;
}

} // namespace

extern const LinearKernels LINEAR_FORMS;
const LinearKernels LINEAR_FORMS = {dot, largest, total, rows<float>, rows<double>};

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
