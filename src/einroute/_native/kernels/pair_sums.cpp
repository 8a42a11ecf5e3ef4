// Weighed sums of points or of squared differences: compiled once for each instruction set, in a namespace of
// its own. Each sum is taken in four lanes of neighbouring columns, which are added at the end of a tile.

#include "../pair_sums.hpp"
#include "double_lanes.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using std::ptrdiff_t;

// What is summed: products with the points, differences, or their squares.
enum Summed { PRODUCTS, DIFFERENCES, SQUARES };

// Features that are summed side by side, for two rows at once; columns after which a sum is looked at.
constexpr int TOGETHER = 4;
constexpr ptrdiff_t LOOK = 32;

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

// Weighed sums of the squares over all features, of ROWS rows.
template <int ROWS, int N> inline void norms(const PairTile& t, ptrdiff_t i, ptrdiff_t j, Lanes* sum) {
    Lanes square[ROWS][N];
    for (int r = 0; r < ROWS; ++r) {
        for (int v = 0; v < N; ++v) {
            square[r][v] = everywhere(0.0);
        }
    }
    for (ptrdiff_t k = 0; k < t.features; ++k) {
        const double* const y = t.y + k * t.step + j;
        for (int r = 0; r < ROWS; ++r) {
            const Lanes x = everywhere(t.x[(i + r) * t.features + k]);
            for (int v = 0; v < N; ++v) {
                const Lanes d = x - lanes(y + v * PAIR_LANES);
                square[r][v] = square[r][v] + d * d;
            }
        }
    }
    for (int r = 0; r < ROWS; ++r) {
        for (int v = 0; v < N; ++v) {
            sum[r] = sum[r] + lanes(t.w[i + r] + j + v * PAIR_LANES) * square[r][v];
        }
    }
}

template <int ROWS> void totals(const PairTile& t, ptrdiff_t i) {
    Lanes sum[ROWS];
    for (int r = 0; r < ROWS; ++r) {
        sum[r] = everywhere(0.0);
    }
    ptrdiff_t j = 0;
    for (; j + 4 * PAIR_LANES <= t.columns; j += 4 * PAIR_LANES) {
        norms<ROWS, 4>(t, i, j, sum);
    }
    for (; j < t.columns; j += PAIR_LANES) {
        norms<ROWS, 1>(t, i, j, sum);
    }
    for (int r = 0; r < ROWS; ++r) {
        t.made[i + r] += added(sum[r]);
    }
}

void tile(const PairTile& t) {
    if (t.total) {
        ptrdiff_t i = 0;
        for (; i + 2 <= t.rows; i += 2) {
            totals<2>(t, i);
        }
        for (; i < t.rows; ++i) {
            totals<1>(t, i);
        }
    } else if (t.x == nullptr) {
        products<PRODUCTS>(t);
    } else if (t.square) {
        products<SQUARES>(t);
    } else {
        products<DIFFERENCES>(t);
    }
}

// Columns j to j + 4 * SIDE, features k to k + N.
template <int N, int SIDE, bool SQUARED> inline void down(const PairColumns& t, ptrdiff_t j, ptrdiff_t k) {
    Lanes sum[N][SIDE], x[N][SIDE];
    for (int n = 0; n < N; ++n) {
        for (int v = 0; v < SIDE; ++v) {
            sum[n][v] = everywhere(0.0);
            x[n][v] = lanes(t.x + (k + n) * t.step + j + v * PAIR_LANES);
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
                const Lanes d = x[n][v] - y;
                sum[n][v] = sum[n][v] + w[v] * (SQUARED ? d * d : d);
            }
        }
    }
    for (int n = 0; n < N; ++n) {
        for (int v = 0; v < SIDE; ++v) {
            add(t.made + (k + n) * t.step + j + v * PAIR_LANES, sum[n][v]);
        }
    }
}

// The squares over all features.
template <int SIDE> inline void down_all(const PairColumns& t, ptrdiff_t j) {
    Lanes sum[SIDE];
    for (int v = 0; v < SIDE; ++v) {
        sum[v] = everywhere(0.0);
    }
    for (ptrdiff_t i = 0; i < t.rows; ++i) {
        Lanes square[SIDE];
        for (int v = 0; v < SIDE; ++v) {
            square[v] = everywhere(0.0);
        }
        for (ptrdiff_t k = 0; k < t.features; ++k) {
            const Lanes y = everywhere(t.y[i * t.features + k]);
            for (int v = 0; v < SIDE; ++v) {
                const Lanes d = lanes(t.x + k * t.step + j + v * PAIR_LANES) - y;
                square[v] = square[v] + d * d;
            }
        }
        for (int v = 0; v < SIDE; ++v) {
            sum[v] = sum[v] + lanes(t.w[i] + j + v * PAIR_LANES) * square[v];
        }
    }
    for (int v = 0; v < SIDE; ++v) {
        add(t.made + j + v * PAIR_LANES, sum[v]);
    }
}

template <int SIDE, bool SQUARED> void strip(const PairColumns& t, ptrdiff_t j) {
    ptrdiff_t k = 0;
    for (; k + TOGETHER <= t.features; k += TOGETHER) {
        down<TOGETHER, SIDE, SQUARED>(t, j, k);
    }
    for (; k < t.features; ++k) {
        down<1, SIDE, SQUARED>(t, j, k);
    }
}

template <int SIDE> void strip_of(const PairColumns& t, ptrdiff_t j) {
    if (t.total) {
        down_all<SIDE>(t, j);
    } else if (t.square) {
        strip<SIDE, true>(t, j);
    } else {
        strip<SIDE, false>(t, j);
    }
}

void columns(const PairColumns& t) {
    ptrdiff_t j = 0;
    for (; j + 4 * PAIR_LANES <= t.columns && t.total; j += 4 * PAIR_LANES) {
        strip_of<4>(t, j);
    }
    for (; j + 2 * PAIR_LANES <= t.columns; j += 2 * PAIR_LANES) {
        strip_of<2>(t, j);
    }
    if (j < t.columns) {
        strip_of<1>(t, j);
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

void widen(const float* from, ptrdiff_t count, double* to) {
    for (ptrdiff_t i = 0; i < count; ++i) {
        to[i] = from[i];
    }
}

} // namespace

extern const PairKernels PAIRS;
const PairKernels PAIRS = {tile, columns, direct, reaches, widen};

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
