// Products of stacks of small operands: compiled once for each instruction set, in a namespace of its own.
//
// One axis runs along the lanes of vectors: the stack, or the rows or columns of each matrix. What does not
// lie so is packed first, a block of lanes at a time. Each element of the result is the sum of its products
// in the order of the sums, whichever axis that is and however many lanes: bits depend on the operands alone.
// Lanes past the end repeat the last element, so that no floating-point flag is raised that a product did not
// raise.

#include "arrange.hpp"
#include "real.hpp"
#include "vectors.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

// One lane after the other; FULL: as many as a value has.
template <class V, class R, bool IS_COMPLEX, bool FULL>
V gather(const char* p, std::ptrdiff_t step, int count) {
    V x;
    for (int i = 0; i < V::COUNT; ++i) {
        const char* q = p + (FULL || i < count ? i : count - 1) * step;
        x.re[i / LANES<R>][i % LANES<R>] = load<R>(q);
        if constexpr (IS_COMPLEX) {
            x.im[i / LANES<R>][i % LANES<R>] = load<R>(q + sizeof(R));
        }
    }
    return x;
}

template <class V, class R, bool IS_COMPLEX, bool FULL>
void pack(const char* from, const Offsets& outer, const std::ptrdiff_t* sums, int depth, std::ptrdiff_t step,
          int count, char* to) {
    for (int i = 0; i < outer.size; ++i) {
        for (int k = 0; k < depth; ++k) {
            const V x = gather<V, R, IS_COMPLEX, FULL>(from + outer.x[i] + sums[k], step, count);
            std::memcpy(to, &x, sizeof x);
            to += sizeof x;
        }
    }
}

template <class R, bool IS_COMPLEX, int VECTORS, bool SAME>
inline Value<R, IS_COMPLEX, VECTORS> fetch(const char* p) {
    Value<R, IS_COMPLEX, VECTORS> x;
    for (int v = 0; v < VECTORS; ++v) {
        x.re[v] = SAME ? everywhere(load<R>(p)) : load_vector<R>(p + v * 32);
        if constexpr (IS_COMPLEX) {
            x.im[v] = SAME ? everywhere(load<R>(p + sizeof(R))) : load_vector<R>(p + (VECTORS + v) * 32);
        }
    }
    return x;
}

template <class R, bool IS_COMPLEX, int VECTORS>
inline void add_product(Value<R, IS_COMPLEX, VECTORS>& sum, const Value<R, IS_COMPLEX, VECTORS>& x,
                        const Value<R, IS_COMPLEX, VECTORS>& y) {
    for (int v = 0; v < VECTORS; ++v) {
        if constexpr (IS_COMPLEX) {
            sum.re[v] = sum.re[v] + (x.re[v] * y.re[v] - x.im[v] * y.im[v]);
            sum.im[v] = sum.im[v] + (x.re[v] * y.im[v] + x.im[v] * y.re[v]);
        } else {
            sum.re[v] = sum.re[v] + x.re[v] * y.re[v];
        }
    }
}

template <class V, class R, bool IS_COMPLEX, bool FULL>
inline void store(const V& x, char* p, std::ptrdiff_t step, int count) {
    if (!IS_COMPLEX && FULL && step == static_cast<std::ptrdiff_t>(sizeof(R))) {
        std::memcpy(p, &x, sizeof x);
        return;
    }
    for (int i = 0; i < (FULL ? V::COUNT : count); ++i) {
        const R re = x.re[i / LANES<R>][i % LANES<R>];
        std::memcpy(p + i * step, &re, sizeof re);
        if constexpr (IS_COMPLEX) {
            const R im = x.im[i / LANES<R>][i % LANES<R>];
            std::memcpy(p + i * step + sizeof(R), &im, sizeof im);
        }
    }
}

// The loops over a block of lanes.
template <class R, bool IS_COMPLEX, int VECTORS, bool SAME_X, bool SAME_Y, bool FULL> struct Block {
    using V = Value<R, IS_COMPLEX, VECTORS>;

    // Rows [at, at + ROWS) of one column.
    template <int ROWS>
    static inline void rows(const Arranged& p, const Source& x, const Source& y, char* out, int at, int j,
                            int count) {
        // A sum begins at 0, so that it is never -0 where NumPy's is not; a product alone is left as it is.
        const Vec<R> start = everywhere(static_cast<R>(p.summed ? 0.0 : -0.0));
        V sum[ROWS];
        const char* row[ROWS];
        const char* column = y.data + y.outer[j];
        for (int i = 0; i < ROWS; ++i) {
            row[i] = x.data + x.outer[at + i];
            for (int v = 0; v < VECTORS; ++v) {
                sum[i].re[v] = start;
                if constexpr (IS_COMPLEX) {
                    sum[i].im[v] = start;
                }
            }
        }
        const int depth = p.sums.size;
        for (int k = 0; k < depth; ++k) {
            const V factor = fetch<R, IS_COMPLEX, VECTORS, SAME_Y>(column + y.sums[k]);
            const std::ptrdiff_t step = x.sums[k];
            for (int i = 0; i < ROWS; ++i) {
                add_product<R, IS_COMPLEX, VECTORS>(
                    sum[i], fetch<R, IS_COMPLEX, VECTORS, SAME_X>(row[i] + step), factor);
            }
        }
        for (int i = 0; i < ROWS; ++i) {
            store<V, R, IS_COMPLEX, FULL>(sum[i], out + p.rows.y[at + i] + p.columns.y[j], p.by_out, count);
        }
    }

    static void run(const Arranged& p, const Source& x, const Source& y, char* out, int count) {
        for (int j = 0; j < p.columns.size; ++j) {
            int i = 0;
            for (; i + 4 <= p.rows.size; i += 4) {
                rows<4>(p, x, y, out, i, j, count);
            }
            switch (p.rows.size - i) {
            case 3:
                rows<3>(p, x, y, out, i, j, count);
                break;
            case 2:
                rows<2>(p, x, y, out, i, j, count);
                break;
            case 1:
                rows<1>(p, x, y, out, i, j, count);
                break;
            default:
                break;
            }
        }
    }
};

// How a block of an operand is read, packed first where it has to be.
template <class V, class R, bool IS_COMPLEX, bool FULL>
Source source(const char* data, const Offsets& outer, const std::ptrdiff_t* sums, const Packed& packed,
              int depth, std::ptrdiff_t step, int count, char* work) {
    if (step == 0 || (!IS_COMPLEX && FULL && step == static_cast<std::ptrdiff_t>(sizeof(R)))) {
        return {data, outer.x, sums};
    }
    pack<V, R, IS_COMPLEX, FULL>(data, outer, sums, depth, step, count, work);
    return {work, packed.outer, packed.sums};
}

template <class R, bool IS_COMPLEX, int VECTORS, bool SAME_X, bool SAME_Y, bool FULL>
void block(const Arranged& p, const char* first, const char* second, char* out, int count, char* work) {
    using V = Value<R, IS_COMPLEX, VECTORS>;
    const int depth = p.sums.size;
    char* more = work + p.rows.size * depth * static_cast<std::ptrdiff_t>(sizeof(V));
    const Source x =
        source<V, R, IS_COMPLEX, FULL>(first, p.rows, p.sums.x, p.packed, depth, p.by_first, count, work);
    const Source y = source<V, R, IS_COMPLEX, FULL>(second, p.columns, p.sums.y, p.packed, depth, p.by_second,
                                                    count, more);
    Block<R, IS_COMPLEX, VECTORS, SAME_X, SAME_Y, FULL>::run(p, x, y, out, count);
}

template <class R, bool IS_COMPLEX, int VECTORS, bool SAME_X, bool SAME_Y>
void along_lanes(const Arranged& p, const char* first, const char* second, char* out, char* work) {
    constexpr int L = VECTORS * LANES<R>;
    std::ptrdiff_t at = 0;
    for (; at + L <= p.size; at += L) {
        block<R, IS_COMPLEX, VECTORS, SAME_X, SAME_Y, true>(
            p, first + at * p.by_first, second + at * p.by_second, out + at * p.by_out, L, work);
    }
    if (at < p.size) {
        const int count = static_cast<int>(p.size - at);
        block<R, IS_COMPLEX, VECTORS, SAME_X, SAME_Y, false>(
            p, first + at * p.by_first, second + at * p.by_second, out + at * p.by_out, count, work);
    }
}

// The loops around the lanes.
template <class R, bool IS_COMPLEX, int VECTORS, bool SAME_X, bool SAME_Y>
void around(const Arranged& p, char* work) {
    std::ptrdiff_t index[MAX_AXES] = {0};
    const char *first = p.first, *second = p.second;
    char* out = p.out;
    for (;;) {
        along_lanes<R, IS_COMPLEX, VECTORS, SAME_X, SAME_Y>(p, first, second, out, work);
        int d = p.loops - 1;
        for (; d >= 0; --d) {
            const Axis& axis = p.loop[d];
            first += axis.a;
            second += axis.b;
            out += axis.out;
            if (++index[d] < axis.size) {
                break;
            }
            index[d] = 0;
            first -= axis.size * axis.a;
            second -= axis.size * axis.b;
            out -= axis.size * axis.out;
        }
        if (d < 0) {
            return;
        }
    }
}

template <class R, bool IS_COMPLEX, int VECTORS> void with_vectors(Arranged& p, char* work) {
    p.packed.fill(p.sums.size, static_cast<std::ptrdiff_t>(sizeof(Value<R, IS_COMPLEX, VECTORS>)),
                  p.rows.size > p.columns.size ? p.rows.size : p.columns.size);
    if (p.by_first == 0) {
        (p.by_second == 0 ? around<R, IS_COMPLEX, VECTORS, true, true>
                          : around<R, IS_COMPLEX, VECTORS, true, false>)(p, work);
    } else {
        (p.by_second == 0 ? around<R, IS_COMPLEX, VECTORS, false, true>
                          : around<R, IS_COMPLEX, VECTORS, false, false>)(p, work);
    }
}

template <class R, bool IS_COMPLEX> void run(const Problem& problem) {
    Arranged p;
    arrange(problem, LANES<R>, static_cast<std::ptrdiff_t>(sizeof(R)), IS_COMPLEX, p);
    char* work = static_cast<char*>(problem.work);
    if constexpr (!IS_COMPLEX) { // their parts take as many registers as there are
        if (p.size % (2 * LANES<R>) == 0 || p.size >= 8 * LANES<R>) {
            with_vectors<R, IS_COMPLEX, 2>(p, work);
            return;
        }
    }
    with_vectors<R, IS_COMPLEX, 1>(p, work);
}

} // namespace

extern const Kernels KERNELS;
const Kernels KERNELS = {run_real<float>, run_real<double>, run<float, true>, run<double, true>};

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
