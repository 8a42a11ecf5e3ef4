// Sums of weights: compiled once for each instruction set, in a namespace of its own. All are taken in double
// precision, a row's in four lanes of neighbouring columns, which are added after some columns.

#include "../pair_weights.hpp"
#include "double_lanes.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using std::ptrdiff_t;

constexpr int WIDE = LANES<double>;
// Columns whose sums are added by themselves; rows that go down at once.
constexpr ptrdiff_t TOGETHER = 256, DEEP = 64;

inline Lanes wide(const double* p) {
    return lanes(p);
}

inline Lanes wide(const float* p) {
#if defined(__GNUC__) || defined(__clang__)
    typedef float Half __attribute__((vector_size(16)));
    Half x;
    std::memcpy(&x, p, sizeof x);
    return __builtin_convertvector(x, Lanes);
#else
    return Lanes{p[0], p[1], p[2], p[3]};
#endif
}

// What is left at the end of a row: one to three weights, and zeros.
template <class T> inline Lanes rest_of(const T* p, ptrdiff_t count) {
    return Lanes{p[0], count > 1 ? p[1] : 0.0, count > 2 ? p[2] : 0.0, 0.0};
}

template <class T> inline const T* row_of(const char* data, ptrdiff_t i, ptrdiff_t down) {
    return reinterpret_cast<const T*>(data + i * down);
}

// ROWS rows side by side; sums of sizes and squares of each of them, or of all together.
template <class T, int ROWS, bool EACH> struct Rows {
    static constexpr int OWN = EACH ? ROWS : 1;
    Lanes weight[ROWS], size[OWN], squares[OWN];

    Rows() {
        for (int r = 0; r < ROWS; ++r) {
            weight[r] = everywhere(0.0);
        }
        for (int r = 0; r < OWN; ++r) {
            size[r] = squares[r] = everywhere(0.0);
        }
    }

    inline void take(const Lanes (&w)[ROWS], double* by_column) {
        Lanes sum = w[0];
        for (int r = 0; r < ROWS; ++r) {
            const int own = EACH ? r : 0;
            weight[r] = weight[r] + w[r];
            size[own] = size[own] + magnitude(w[r]);
            squares[own] = squares[own] + w[r] * w[r];
            sum = r > 0 ? sum + w[r] : sum;
        }
        add(by_column, sum);
    }
};

template <class T, int ROWS, bool EACH> void sums_of_rows(const PairWeights& t, ptrdiff_t i) {
    const T* row[ROWS];
    for (int r = 0; r < ROWS; ++r) {
        row[r] = row_of<T>(t.data, i + r, t.down);
    }
    for (ptrdiff_t first = 0; first < t.columns; first += TOGETHER) {
        const ptrdiff_t last = first + TOGETHER < t.columns ? first + TOGETHER : t.columns;
        Rows<T, ROWS, EACH> sums;
        Lanes w[ROWS];
        ptrdiff_t j = first;
        for (; j + WIDE <= last; j += WIDE) {
            for (int r = 0; r < ROWS; ++r) {
                w[r] = wide(row[r] + j);
            }
            sums.take(w, t.by_column + j);
        }
        if (j < last) {
            for (int r = 0; r < ROWS; ++r) {
                w[r] = rest_of(row[r] + j, last - j);
            }
            sums.take(w, t.by_column + j);
        }
        for (int r = 0; r < ROWS; ++r) {
            t.weight[i + r] += added(sums.weight[r]);
        }
        for (int r = 0; r < (EACH ? ROWS : 1); ++r) {
            t.size[i + r] += added(sums.size[r]);
            t.squares[i + r] += added(sums.squares[r]);
        }
    }
}

template <class T, bool EACH> void all_rows(const PairWeights& t) {
    ptrdiff_t i = 0;
    for (; i + 4 <= t.rows; i += 4) {
        sums_of_rows<T, 4, EACH>(t, i);
    }
    for (; i < t.rows; ++i) {
        sums_of_rows<T, 1, EACH>(t, i);
    }
}

void rows(const PairWeights& t) {
    if (t.single) {
        t.each ? all_rows<float, true>(t) : all_rows<float, false>(t);
    } else {
        t.each ? all_rows<double, true>(t) : all_rows<double, false>(t);
    }
}

// SIDE vectors of columns from j on, of some rows; or the columns that are left.
template <class T, int SIDE, bool WHOLE>
void down(const ColumnWeights& t, ptrdiff_t first, ptrdiff_t last, ptrdiff_t j) {
    Lanes weight[SIDE], size[SIDE], squares[SIDE];
    for (int v = 0; v < SIDE; ++v) {
        weight[v] = size[v] = squares[v] = everywhere(0.0);
    }
    for (ptrdiff_t i = first; i < last; ++i) {
        const T* row = row_of<T>(t.data, i, t.down) + j;
        for (int v = 0; v < SIDE; ++v) {
            const Lanes w = WHOLE ? wide(row + v * WIDE) : rest_of(row, t.columns - j);
            weight[v] = weight[v] + w;
            size[v] = size[v] + magnitude(w);
            squares[v] = squares[v] + w * w;
        }
    }
    for (int v = 0; v < SIDE; ++v) {
        add(t.weight + j + v * WIDE, weight[v]);
        add(t.size + j + v * WIDE, size[v]);
        add(t.squares + j + v * WIDE, squares[v]);
    }
}

template <class T> void all_columns(const ColumnWeights& t) {
    for (ptrdiff_t first = 0; first < t.rows; first += DEEP) {
        const ptrdiff_t last = first + DEEP < t.rows ? first + DEEP : t.rows;
        ptrdiff_t j = 0;
        for (; j + 4 * WIDE <= t.columns; j += 4 * WIDE) {
            down<T, 4, true>(t, first, last, j);
        }
        for (; j + WIDE <= t.columns; j += WIDE) {
            down<T, 1, true>(t, first, last, j);
        }
        if (j < t.columns) {
            down<T, 1, false>(t, first, last, j);
        }
    }
}

void columns(const ColumnWeights& t) {
    t.single ? all_columns<float>(t) : all_columns<double>(t);
}

} // namespace

extern const WeightKernels WEIGHTS;
const WeightKernels WEIGHTS = {rows, columns};

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
