// Weighed sums of points or of squared differences: compiled once for each instruction set, in a namespace of
// its own. Each sum is taken in four lanes of neighbouring columns, which are added at the end of a tile.

#include "../pair_sums.hpp"
#include "vectors.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using std::ptrdiff_t;
using Lanes = Vec<double>;

// What is summed: products with the points, differences, or their squares.
enum Summed { PRODUCTS, DIFFERENCES, SQUARES };

// Features that are summed side by side, for two rows at once; columns after which a sum is looked at.
constexpr int TOGETHER = 4;
constexpr ptrdiff_t LOOK = 32;

inline Lanes lanes(const double* p) {
    return load_vector<double>(reinterpret_cast<const char*>(p));
}

inline double added(const Lanes& x) {
    return (x[0] + x[1]) + (x[2] + x[3]);
}

inline Lanes magnitude(const Lanes& x) {
#if defined(__GNUC__) || defined(__clang__)
    typedef long long Bits __attribute__((vector_size(32)));
    const long long mask = 0x7fffffffffffffffLL;
    return reinterpret_cast<Lanes>(reinterpret_cast<Bits>(x) & Bits{mask, mask, mask, mask});
#else
    Lanes y;
    for (int i = 0; i < LANES<double>; ++i) {
        y[i] = x[i] < 0 ? -x[i] : x[i];
    }
    return y;
#endif
}

inline double magnitude(double x) {
    return x < 0 ? -x : x;
}

// Rows i to i + ROWS, features k to k + N.
template <int ROWS, int N, Summed WHAT> void block(const PairTile& t, ptrdiff_t i, ptrdiff_t k) {
    Lanes sum[ROWS][N];
    Lanes x[WHAT != PRODUCTS ? ROWS : 1][N];
    for (int r = 0; r < ROWS; ++r) {
        for (int n = 0; n < N; ++n) {
            sum[r][n] = everywhere(0.0);
            if (WHAT != PRODUCTS) {
                x[r][n] = everywhere(t.x[(i + r) * t.features + k + n]);
            }
        }
    }
    for (ptrdiff_t j = 0; j < t.columns; j += PAIR_LANES) {
        Lanes w[ROWS];
        for (int r = 0; r < ROWS; ++r) {
            w[r] = lanes(t.w[i + r] + j);
        }
        for (int n = 0; n < N; ++n) {
            const Lanes y = lanes(t.y + (k + n) * t.step + j);
            for (int r = 0; r < ROWS; ++r) {
                if (WHAT != PRODUCTS) {
                    const Lanes d = x[r][n] - y;
                    sum[r][n] = sum[r][n] + w[r] * (WHAT == SQUARES ? d * d : d);
                } else {
                    sum[r][n] = sum[r][n] + w[r] * y;
                }
            }
        }
    }
    for (int r = 0; r < ROWS; ++r) {
        for (int n = 0; n < N; ++n) {
            t.made[(i + r) * t.features + k + n] += added(sum[r][n]);
        }
    }
}

template <int N, Summed WHAT> void features(const PairTile& t, ptrdiff_t k) {
    ptrdiff_t i = 0;
    for (; i + 2 <= t.rows; i += 2) {
        block<2, N, WHAT>(t, i, k);
    }
    if (i < t.rows) {
        block<1, N, WHAT>(t, i, k);
    }
}

template <Summed WHAT> void products(const PairTile& t) {
    ptrdiff_t k = 0;
    for (; k + TOGETHER <= t.features; k += TOGETHER) {
        features<TOGETHER, WHAT>(t, k);
    }
    switch (t.features - k) {
    case 3:
        features<3, WHAT>(t, k);
        break;
    case 2:
        features<2, WHAT>(t, k);
        break;
    case 1:
        features<1, WHAT>(t, k);
        break;
    default:
        break;
    }
}

// Sums of the weights of rows i to i + ROWS, and of their sizes.
template <int ROWS> void weights(const PairTile& t, ptrdiff_t i) {
    Lanes weight[ROWS], size[ROWS];
    for (int r = 0; r < ROWS; ++r) {
        weight[r] = size[r] = everywhere(0.0);
    }
    for (ptrdiff_t j = 0; j < t.columns; j += PAIR_LANES) {
        Lanes w[ROWS];
        for (int r = 0; r < ROWS; ++r) {
            w[r] = lanes(t.w[i + r] + j);
            weight[r] = weight[r] + w[r];
            size[r] = size[r] + magnitude(w[r]);
        }
        if (t.by_column != nullptr) {
            for (int r = 1; r < ROWS; ++r) {
                w[0] = w[0] + w[r];
            }
            w[0] = lanes(t.by_column + j) + w[0];
            std::memcpy(t.by_column + j, &w[0], sizeof w[0]);
        }
    }
    for (int r = 0; r < ROWS; ++r) {
        t.weight[i + r] += added(weight[r]);
        t.size[i + r] += added(size[r]);
    }
}

void tile(const PairTile& t) {
    ptrdiff_t i = 0;
    for (; i + 4 <= t.rows; i += 4) {
        weights<4>(t, i);
    }
    for (; i < t.rows; ++i) {
        weights<1>(t, i);
    }
    if (t.x == nullptr) {
        products<PRODUCTS>(t);
    } else if (t.square) {
        products<SQUARES>(t);
    } else {
        products<DIFFERENCES>(t);
    }
}

inline void add(double* to, const Lanes& x) {
    const Lanes sum = lanes(to) + x;
    std::memcpy(to, &sum, sizeof sum);
}

// Columns j to j + 4 * SIDE, features k to k + N.
template <int N, int SIDE, Summed WHAT> inline void down(const PairColumns& t, ptrdiff_t j, ptrdiff_t k) {
    Lanes sum[N][SIDE];
    Lanes x[WHAT != PRODUCTS ? N : 1][SIDE];
    for (int n = 0; n < N; ++n) {
        for (int v = 0; v < SIDE; ++v) {
            sum[n][v] = everywhere(0.0);
            if (WHAT != PRODUCTS) {
                x[n][v] = lanes(t.x + (k + n) * t.step + j + v * PAIR_LANES);
            }
        }
    }
    for (ptrdiff_t i = 0; i < t.rows; ++i) {
        Lanes w[SIDE];
        for (int v = 0; v < SIDE; ++v) {
            w[v] = lanes(t.w[i] + j + v * PAIR_LANES);
        }
        for (int n = 0; n < N; ++n) {
            const Lanes y = everywhere(t.y[i * t.features + k + n]);
            for (int v = 0; v < SIDE; ++v) {
                if (WHAT != PRODUCTS) {
                    const Lanes d = x[n][v] - y;
                    sum[n][v] = sum[n][v] + w[v] * (WHAT == SQUARES ? d * d : d);
                } else {
                    sum[n][v] = sum[n][v] + w[v] * y;
                }
            }
        }
    }
    for (int n = 0; n < N; ++n) {
        for (int v = 0; v < SIDE; ++v) {
            add(t.made + (k + n) * t.step + j + v * PAIR_LANES, sum[n][v]);
        }
    }
}

template <int SIDE, Summed WHAT> void strip(const PairColumns& t, ptrdiff_t j) {
    ptrdiff_t k = 0;
    for (; k + TOGETHER <= t.features; k += TOGETHER) {
        down<TOGETHER, SIDE, WHAT>(t, j, k);
    }
    for (; k < t.features; ++k) {
        down<1, SIDE, WHAT>(t, j, k);
    }
}

template <Summed WHAT> void columns_of(const PairColumns& t) {
    ptrdiff_t j = 0;
    for (; j + 2 * PAIR_LANES <= t.columns; j += 2 * PAIR_LANES) {
        strip<2, WHAT>(t, j);
    }
    if (j < t.columns) {
        strip<1, WHAT>(t, j);
    }
}

void columns(const PairColumns& t) {
    for (ptrdiff_t j = 0; j < t.columns; j += PAIR_LANES) {
        Lanes weight = everywhere(0.0), size = weight;
        for (ptrdiff_t i = 0; i < t.rows; ++i) {
            const Lanes w = lanes(t.w[i] + j);
            weight = weight + w;
            size = size + magnitude(w);
        }
        add(t.weight + j, weight);
        add(t.size + j, size);
    }
    if (t.x == nullptr) {
        columns_of<PRODUCTS>(t);
    } else if (t.square) {
        columns_of<SQUARES>(t);
    } else {
        columns_of<DIFFERENCES>(t);
    }
}

inline Lanes apart(const Lanes& x, const double* y, bool square) {
    const Lanes d = x - lanes(y);
    return square ? d * d : d;
}

double direct(const PairRow& row) {
    const Lanes x = everywhere(row.x);
    Lanes sum = everywhere(0.0);
    ptrdiff_t j = 0;
    for (; j + PAIR_LANES <= row.count; j += PAIR_LANES) {
        sum = sum + lanes(row.w + j) * apart(x, row.y + j, row.square);
    }
    double rest = 0;
    for (; j < row.count; ++j) {
        const double d = row.x - row.y[j];
        rest += row.w[j] * (row.square ? d * d : d);
    }
    return added(sum) + rest;
}

bool reaches(const PairRow& row, double goal, double& sum) {
    const Lanes x = everywhere(row.x);
    ptrdiff_t j = 0;
    while (j + LOOK <= row.count) {
        Lanes own = everywhere(0.0);
        for (const ptrdiff_t stop = j + LOOK; j < stop; j += PAIR_LANES) {
            own = own + magnitude(lanes(row.w + j) * apart(x, row.y + j, row.square));
        }
        sum += added(own);
        if (sum >= goal) {
            return true;
        }
    }
    for (; j < row.count; ++j) {
        const double d = row.x - row.y[j];
        sum += magnitude(row.w[j] * (row.square ? d * d : d));
    }
    return sum >= goal;
}

void sizes(const PairSizes& t) {
    ptrdiff_t k = 0;
    for (; k + PAIR_LANES <= t.features; k += PAIR_LANES) {
        const Lanes x = lanes(t.x + k);
        Lanes sum = lanes(t.sums + k);
        for (ptrdiff_t j = 0; j < t.count; ++j) {
            const Lanes w = everywhere(magnitude(t.w[j * t.step]));
            sum = sum + w * magnitude(x - lanes(t.y + j * t.step * t.features + k));
        }
        std::memcpy(t.sums + k, &sum, sizeof sum);
    }
    for (; k < t.features; ++k) {
        for (ptrdiff_t j = 0; j < t.count; ++j) {
            t.sums[k] += magnitude(t.w[j * t.step]) * magnitude(t.x[k] - t.y[j * t.step * t.features + k]);
        }
    }
}

void widen(const float* from, ptrdiff_t count, double* to) {
    for (ptrdiff_t i = 0; i < count; ++i) {
        to[i] = from[i];
    }
}

} // namespace

extern const PairKernels PAIRS;
const PairKernels PAIRS = {tile, columns, direct, reaches, sizes, widen};

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
