#include "pair_guard.hpp"

#include "float_status.hpp"

#include <cstring>

namespace einroute {

using std::ptrdiff_t;

namespace {

// Columns j to j + there of a block's rows.
void columns_of_rows(PairJob& job, ptrdiff_t first, ptrdiff_t last, ptrdiff_t j, ptrdiff_t there,
                     double* by_column, double* packed) {
    const PairPoints& p = job.points;
    const bool direct_sums = job.asked.direct();
    const double* w[PAIR_ROWS];
    PairTile tile{};
    tile.w = w;
    tile.columns = (there + PAIR_LANES - 1) / PAIR_LANES * PAIR_LANES;
    tile.features = direct_sums || job.asked.products() ? p.features : 0;
    tile.step = p.padded;
    tile.y = tile.features == 0 ? nullptr : (direct_sums ? p.y.get() : p.near_y.get()) + j;
    tile.square = job.asked.power != LINEAR;
    tile.total = job.asked.total;
    tile.by_column = by_column == nullptr ? nullptr : by_column + j;
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
        tile.weight = direct_sums ? nullptr : job.row_weight.get() + i;
        tile.size = direct_sums ? nullptr : job.row_size.get() + i;
        tile.made = job.made.get() + i * job.width;
        pair_kernels().tile(tile);
    }
}

bool sum_rows(PairJob& job, ptrdiff_t first, ptrdiff_t last, long index) {
    const PairPoints& p = job.points;
    const ptrdiff_t most =
        job.asked.direct() || job.asked.products() || !job.weights.straight() ? PAIR_COLUMNS : PAIR_WIDE;
    const Numbers packed = numbers((job.weights.columnwise() ? PAIR_BLOCK : PAIR_ROWS) * PAIR_COLUMNS);
    double* by_column = job.asked.direct() ? nullptr : job.by_column.get() + index * p.padded;
    for (ptrdiff_t j = 0; packed && j < p.m;) {
        ptrdiff_t there = j + most < p.m ? most : p.m - j;
        // What is no whole vector is packed by itself.
        there = job.weights.straight() && there > PAIR_LANES ? there / PAIR_LANES * PAIR_LANES : there;
        columns_of_rows(job, first, last, j, there, by_column, packed.get());
        j += there;
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
    if (!(by_columns(job) ? sum_columns(job, first, last) : sum_rows(job, first, last, index))) {
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
    RowOfWeights weights(job);
    return settle_all(job, weights, goals, sums);
}

bool prepare_pairs(PairJob& job) {
    PairPoints& p = job.points;
    const bool direct = job.asked.direct(), products = job.asked.products();
    const ptrdiff_t columns = direct ? 0 : pair_blocks(job), sums = direct ? 0 : p.n,
                    made = direct || products ? p.n * job.width : 0;
    if (((direct && !by_columns(job)) || products) && !turn(p)) {
        return false;
    }
    job.row_weight = numbers(sums);
    job.row_size = numbers(sums);
    job.made = numbers(made);
    job.by_column = numbers(columns * p.padded);
    if (!job.row_weight || !job.row_size || !job.made || !job.by_column) {
        return false;
    }
    const auto clear = [](Numbers& x, ptrdiff_t count) {
        std::memset(x.get(), 0, static_cast<std::size_t>(count) * sizeof(double));
    };
    clear(job.row_weight, sums);
    clear(job.row_size, sums);
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
