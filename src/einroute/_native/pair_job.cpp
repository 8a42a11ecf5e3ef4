#include "pair_guard.hpp"

#include "float_status.hpp"
#include "pair_weights.hpp"

#include <cmath>
#include <cstring>

namespace einroute {

using std::ptrdiff_t;

namespace {

// Columns j to j + there of a block's rows.
void columns_of_rows(PairJob& job, ptrdiff_t first, ptrdiff_t last, ptrdiff_t j, ptrdiff_t there,
                     double* packed) {
    const PairPoints& p = job.points;
    const bool direct_sums = job.asked.direct();
    const double* w[PAIR_ROWS];
    PairTile tile{};
    tile.w = w;
    tile.columns = (there + PAIR_LANES - 1) / PAIR_LANES * PAIR_LANES;
    tile.features = p.features;
    tile.step = p.padded;
    tile.y = (direct_sums ? p.y.get() : p.near_y.get()) + j;
    tile.square = job.asked.power != LINEAR;
    tile.total = job.asked.total && direct_sums;
    const bool direct = job.weights.straight() && tile.columns == there;
    // Columns that are straight are packed for all rows, so that their lines are read whole.
    const bool at_once = job.weights.columnwise() && !direct;
    if (at_once) {
        job.weights.pack(first, j, last - first, there, packed, PAIR_COLUMNS);
    }
    for (ptrdiff_t i = first; i < last; i += PAIR_ROWS) {
        tile.rows = i + PAIR_ROWS < last ? PAIR_ROWS : last - i;
        if (!direct && !at_once) {
            job.weights.pack(i, j, tile.rows, there, packed, PAIR_COLUMNS);
        }
        for (ptrdiff_t r = 0; r < tile.rows; ++r) {
            double* const own = packed + (at_once ? i - first + r : r) * PAIR_COLUMNS;
            for (ptrdiff_t c = there; !direct && c < tile.columns; ++c) {
                own[c] = 0;
            }
            w[r] = direct ? job.weights.row(i + r) + j : own;
        }
        tile.x = direct_sums ? p.x + i * p.features : nullptr;
        tile.made = job.made.get() + i * job.width;
        pair_kernels().tile(tile);
    }
}

bool sum_rows(PairJob& job, ptrdiff_t first, ptrdiff_t last) {
    const PairPoints& p = job.points;
    const Numbers packed = numbers((job.weights.columnwise() ? PAIR_BLOCK : PAIR_ROWS) * PAIR_COLUMNS);
    for (ptrdiff_t j = 0; packed && j < p.m;) {
        ptrdiff_t there = j + PAIR_COLUMNS < p.m ? PAIR_COLUMNS : p.m - j;
        // What is no whole vector is packed by itself.
        there = job.weights.straight() && there > PAIR_LANES ? there / PAIR_LANES * PAIR_LANES : there;
        columns_of_rows(job, first, last, j, there, packed.get());
        j += there;
    }
    return packed != nullptr;
}

// The weights of a block's rows by themselves.
bool weigh_rows(PairJob& job, ptrdiff_t first, ptrdiff_t last, long index) {
    const Weights& w = job.weights;
    const ptrdiff_t n = last - first, m = job.points.m;
    double *weight = job.row_weight.get() + first, *size = job.row_size.get() + first,
           *squares = job.row_squares.get() + first;
    const char* const data = w.data + first * w.down;
    if (w.columnwise() && !w.rowwise() && job.asked.rows) {
        weight_kernels().columns({data, m, n, w.across, w.single, weight, size, squares});
        return true;
    }
    PairWeights rows{data, n, m, w.down, w.single, weight, size, squares, nullptr, job.asked.rows};
    rows.by_column = job.by_column.get() + index * job.points.padded;
    if (w.rowwise()) {
        weight_kernels().rows(rows);
        return true;
    }
    const Numbers packed = numbers(PAIR_BLOCK * PAIR_COLUMNS);
    rows.data = reinterpret_cast<const char*>(packed.get());
    rows.down = PAIR_COLUMNS * static_cast<ptrdiff_t>(sizeof(double));
    rows.single = false;
    for (ptrdiff_t j = 0; packed && j < m; j += PAIR_COLUMNS, rows.by_column += PAIR_COLUMNS) {
        rows.columns = j + PAIR_COLUMNS < m ? PAIR_COLUMNS : m - j;
        w.pack(first, j, n, rows.columns, packed.get(), PAIR_COLUMNS);
        weight_kernels().rows(rows);
    }
    return packed != nullptr;
}

} // namespace

ptrdiff_t pair_block(const PairJob& job) {
    if (!by_columns(job) || job.points.features > PAIR_ROWS) {
        return PAIR_BLOCK;
    }
    // Rows that lie side by side are read in long pieces, of which each thread has some.
    const ptrdiff_t own = job.threads > 1 ? 2 * job.threads * PAIR_BLOCK : PAIR_BLOCK,
                    share = (job.points.n + own - 1) / own * PAIR_BLOCK,
                    most = (job.points.features > 4 ? 8 : 16) * PAIR_BLOCK;
    return share < most ? share : most;
}

ptrdiff_t pair_blocks(const PairJob& job) {
    return (job.points.n + pair_block(job) - 1) / pair_block(job);
}

void block_of_rows(void* context, long index) {
    PairJob& job = *static_cast<PairJob*>(context);
    const PairPoints& p = job.points;
    const ptrdiff_t each = pair_block(job), first = index * each,
                    last = first + each < p.n ? first + each : p.n;
    bool good = job.asked.direct() || weigh_rows(job, first, last, index);
    if (job.asked.direct() || job.asked.products()) {
        good = good && (by_columns(job) ? sum_columns(job, first, last) : sum_rows(job, first, last));
    }
    if (!good) {
        job.failed = true;
    }
    clear_status();
}

double sum_of(const double* x, ptrdiff_t count, ptrdiff_t step) {
    double total = 0;
    for (ptrdiff_t first = 0; first < count; first += PAIR_COLUMNS) {
        double own = 0;
        for (ptrdiff_t i = first; i < first + PAIR_COLUMNS && i < count; ++i) {
            own += x[i * step];
        }
        total += own;
    }
    return total;
}

namespace {

// Sums of one side's points, of each feature, a block of points at a time.
struct Side {
    const double *points, *weights;
    ptrdiff_t count;
    const double* made; // of squares each point's products with the other side's, or null
    ptrdiff_t width;
};

// Adds the terms of a side, and those of its points alone, which lie after the sums of all features.
void add_side(const Side& side, const PairPoints& p, bool square, double* __restrict sums,
              double* __restrict own) {
    const ptrdiff_t features = p.features;
    const double* __restrict const middle = p.middle.get();
    const double* __restrict points = side.points;
    for (ptrdiff_t first = 0; first < side.count; first += PAIR_COLUMNS) {
        for (ptrdiff_t k = 0; k < 2 * features; ++k) {
            own[k] = 0;
        }
        for (ptrdiff_t i = first; i < first + PAIR_COLUMNS && i < side.count; ++i, points += features) {
            const double weight = side.weights[i];
            const double* __restrict const made = side.made ? side.made + i * side.width : nullptr;
            for (ptrdiff_t k = 0; !square && k < features; ++k) {
                own[k] += (points[k] - middle[k]) * weight;
            }
            for (ptrdiff_t k = 0; square && k < features; ++k) {
                const double one = points[k] - middle[k], weighed = one * weight;
                own[k] += made ? one * (weighed - 2 * made[k]) : one * weighed;
                own[features + k] += one * weighed;
            }
        }
        for (ptrdiff_t k = 0; k < 2 * features; ++k) {
            sums[k] += own[k];
        }
    }
}

// Of one feature of some points, the roots of the sums of squares and of fourth powers, and a bound for both
// sides' terms by Cauchy's inequality.
struct Roots {
    double two = 0, four = 0;

    Roots(const double* points, ptrdiff_t count, ptrdiff_t features, double middle) {
        for (ptrdiff_t i = 0; i < count; ++i, points += features) {
            const double near = *points - middle, square = near * near;
            two += square;
            four += square * square;
        }
        two = std::sqrt(two);
        four = std::sqrt(four);
    }
};

// Lowers the goals that no sum came to yet to what the terms can be by Cauchy's inequality.
void tighten(const PairJob& job, double* goals, const double* sums) {
    const PairPoints& p = job.points;
    const double weights = std::sqrt(sum_of(job.row_squares.get(), p.n, 1)),
                 n = std::sqrt(static_cast<double>(p.n)), m = std::sqrt(static_cast<double>(p.m));
    for (ptrdiff_t k = 0; k < p.features; ++k) {
        if (goals[k] == SETTLED) {
            continue;
        }
        const Roots x(p.x + k, p.n, p.features, p.middle[k]), y(p.rows_y + k, p.m, p.features, p.middle[k]);
        const double terms =
            job.asked.power == LINEAR ? m * x.two + n * y.two : m * x.four + 2 * x.two * y.two + n * y.four;
        const double goal = weights * terms / job.allowed();
        if (goal < goals[k]) {
            goals[k] = certain(sums[k], goal, 1, 1) ? SETTLED : goal;
        }
    }
}

} // namespace

bool all_pairs(PairJob& job, double* sums) {
    const PairPoints& p = job.points;
    const ptrdiff_t features = p.features;
    const bool square = job.asked.power != LINEAR;
    const double size = sum_of(job.row_size.get(), p.n, 1), weight = sum_of(job.row_weight.get(), p.n, 1);
    const Numbers memory = numbers(7 * features);
    if (!memory) {
        return false;
    }
    double *left = memory.get(), *right = left + 2 * features, *own = right + 2 * features,
           *goals = own + 2 * features;
    std::memset(left, 0, static_cast<std::size_t>(4 * features) * sizeof(double));
    add_side({p.x, job.row_weight.get(), p.n, square ? job.made.get() : nullptr, job.width}, p, square, left,
             own);
    add_side({p.rows_y, job.by_column.get(), p.m, nullptr, 0}, p, square, right, own);
    for (ptrdiff_t k = 0; k < features; ++k) {
        // Where no weight is negative the sums of squares are sizes.
        const double most =
            square && weight == size ? 2 * (left[features + k] + right[features + k]) : UNKNOWN;
        sums[k] = square ? left[k] + right[k] : left[k] - right[k];
        goals[k] = goal_of_all(job, k, size, most, sums[k]);
    }
    tighten(job, goals, sums);
    RowOfWeights weights(job);
    return settle_all(job, weights, goals, sums);
}

bool prepare_pairs(PairJob& job) {
    PairPoints& p = job.points;
    const bool direct = job.asked.direct(), products = job.asked.products();
    const ptrdiff_t columns = direct ? 0 : pair_blocks(job),
                    sums = direct ? 0 : p.n + PAIR_LANES, // whole vectors

        made = direct || products || job.asked.rows ? p.n * job.width : 0;
    if (((direct && !by_columns(job)) || products || (job.asked.rows && !direct)) && !turn(p, products)) {
        return false;
    }
    job.row_weight = numbers(sums);
    job.row_size = numbers(sums);
    job.row_squares = numbers(sums);
    job.made = numbers(made);
    job.by_column = numbers(columns * p.padded);
    if (!job.row_weight || !job.row_size || !job.row_squares || !job.made || !job.by_column) {
        return false;
    }
    const auto clear = [](Numbers& x, ptrdiff_t count) {
        std::memset(x.get(), 0, static_cast<std::size_t>(count) * sizeof(double));
    };
    clear(job.row_weight, sums);
    clear(job.row_size, sums);
    clear(job.row_squares, sums);
    clear(job.made, made);
    clear(job.by_column, columns * p.padded);
    return true;
}

void join_columns(PairJob& job) {
    for (ptrdiff_t b = 1; b < pair_blocks(job); ++b) {
        for (ptrdiff_t j = 0; j < job.points.padded; ++j) {
            job.by_column[j] += job.by_column[b * job.points.padded + j];
        }
    }
}

} // namespace einroute
