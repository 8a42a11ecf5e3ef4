#include "pair_guard.hpp"

#include "float_status.hpp"

#include <cstring>

namespace einroute {

using std::ptrdiff_t;

namespace {

// From sums of w and w y to those of w (x - y) and w (x - y)**2, in place; false without memory.
bool finish_row(const PairJob& job, RowOfWeights& weights, ptrdiff_t i) {
    const PairPoints& p = job.points;
    const PairsAsked& asked = job.asked;
    double* made = job.made.get() + i * job.width;
    const double* x = p.near_x.get() + i * p.features;
    const double weight = job.row_weight[i], size = job.row_size[i];
    if (!asked.rows || asked.differences) {
        return true;
    }
    if (asked.power == LINEAR) {
        for (ptrdiff_t k = 0; k < p.features; ++k) {
            made[k] = x[k] * weight - made[k];
            if (!settle(job, weights, i, k, size, made[k])) {
                return false;
            }
        }
        return true;
    }
    double sum = made[p.features], norm = 0;
    // Where no weight is negative these are sizes.
    const double squares = weight == size ? sum : UNKNOWN;
    for (ptrdiff_t k = 0; k < p.features; ++k) {
        sum += x[k] * (x[k] * weight - 2 * made[k]);
        norm += x[k] * x[k];
    }
    made[0] = sum;
    return settle_total(job, weights, i, size, 2 * (norm * size + squares), made[0]);
}

// Some columns of a block's rows.
void columns_of_rows(PairJob& job, ptrdiff_t first, ptrdiff_t last, ptrdiff_t j, double* by_column,
                     double* packed) {
    const PairPoints& p = job.points;
    const bool differences = job.asked.differences;
    const ptrdiff_t there = j + PAIR_COLUMNS < p.m ? PAIR_COLUMNS : p.m - j;
    const double* w[PAIR_ROWS];
    PairTile tile{};
    tile.w = w;
    tile.columns = (there + PAIR_LANES - 1) / PAIR_LANES * PAIR_LANES;
    tile.features = job.asked.products() ? job.width : 0;
    tile.step = p.padded;
    tile.y = (differences ? p.y.get() : p.near_y.get()) + j;
    tile.square = job.asked.power != LINEAR;
    tile.by_column = by_column == nullptr ? nullptr : by_column + j;
    const bool direct = job.weights.straight() && tile.columns == there;
    if (!direct) {
        job.weights.pack(first, j, last - first, there, packed, PAIR_COLUMNS);
        for (ptrdiff_t r = 0; r < last - first; ++r) {
            for (ptrdiff_t c = there; c < tile.columns; ++c) {
                packed[r * PAIR_COLUMNS + c] = 0;
            }
        }
    }
    for (ptrdiff_t i = first; i < last; i += PAIR_ROWS) {
        tile.rows = i + PAIR_ROWS < last ? PAIR_ROWS : last - i;
        for (ptrdiff_t r = 0; r < tile.rows; ++r) {
            w[r] = direct ? job.weights.row(i + r) + j : packed + (i - first + r) * PAIR_COLUMNS;
        }
        tile.x = differences ? p.x + i * p.features : nullptr;
        tile.weight = job.row_weight.get() + i;
        tile.size = job.row_size.get() + i;
        tile.made = job.made.get() + i * job.width;
        pair_kernels().tile(tile);
    }
}

bool sum_rows(PairJob& job, ptrdiff_t first, ptrdiff_t last, long index) {
    const PairPoints& p = job.points;
    const Numbers packed = numbers(PAIR_BLOCK * PAIR_COLUMNS);
    double* by_column = job.asked.rows ? nullptr : job.by_column.get() + index * p.padded;
    for (ptrdiff_t j = 0; packed && j < p.m; j += PAIR_COLUMNS) {
        columns_of_rows(job, first, last, j, by_column, packed.get());
    }
    return packed != nullptr;
}

} // namespace

ptrdiff_t pair_blocks(const PairJob& job) {
    return (job.points.n + PAIR_BLOCK - 1) / PAIR_BLOCK;
}

void block_of_rows(void* context, long index) {
    PairJob& job = *static_cast<PairJob*>(context);
    const PairPoints& p = job.points;
    const ptrdiff_t first = index * PAIR_BLOCK, last = first + PAIR_BLOCK < p.n ? first + PAIR_BLOCK : p.n;
    if (!(by_columns(job) ? sum_columns(job, first, last) : sum_rows(job, first, last, index))) {
        job.failed = true;
        return;
    }
    RowOfWeights weights(job);
    for (ptrdiff_t i = first; i < last; ++i) {
        if (!finish_row(job, weights, i)) {
            job.failed = true;
        }
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

bool all_pairs(PairJob& job, double* sums) {
    const PairPoints& p = job.points;
    const bool square = job.asked.power != LINEAR;
    const double size = sum_of(job.row_size.get(), p.n, 1), weight = sum_of(job.row_weight.get(), p.n, 1);
    const Numbers terms = numbers(2 * (p.n > p.m ? p.n : p.m));
    RowOfWeights weights(job);
    if (!terms) {
        return false;
    }
    double* const own = terms.get() + (p.n > p.m ? p.n : p.m);
    for (ptrdiff_t k = 0; k < p.features; ++k) {
        const double *x = p.near_x.get() + k, *y = p.near_y.get() + k * p.padded;
        for (ptrdiff_t i = 0; i < p.n; ++i) {
            const double one = x[i * p.features], weighed = one * job.row_weight[i];
            own[i] = one * weighed;
            terms[i] = square ? one * (weighed - 2 * job.made[i * job.width + k]) : weighed;
        }
        const double left = sum_of(terms.get(), p.n, 1), squares = sum_of(own, p.n, 1);
        for (ptrdiff_t j = 0; j < p.m; ++j) {
            terms[j] = job.by_column[j] * (square ? y[j] * y[j] : y[j]);
        }
        const double right = sum_of(terms.get(), p.m, 1);
        // Where no weight is negative the sums of squares are sizes.
        const double most = square && weight == size ? 2 * (squares + right) : UNKNOWN;
        sums[k] = square ? left + right : left - right;
        const Sure sure = sure_of_all(job, weights, k, size, most, sums[k]);
        if (sure == Sure::NO && job.asked.power == CROSSED) {
            job.lost = true;
        } else if (sure == Sure::NO_MEMORY ||
                   (sure == Sure::NO && !direct_of_all(job, weights, k, sums[k]))) {
            return false;
        }
    }
    return true;
}

bool prepare_pairs(PairJob& job) {
    PairPoints& p = job.points;
    const ptrdiff_t columns = job.asked.rows ? 0 : pair_blocks(job);
    if (!turn(p, job.asked.norms())) {
        return false;
    }
    job.row_weight = numbers(p.n);
    job.row_size = numbers(p.n);
    job.made = numbers(p.n * job.width);
    job.by_column = numbers(columns * p.padded);
    if (!job.row_weight || !job.row_size || !job.made || !job.by_column) {
        return false;
    }
    const auto clear = [](Numbers& x, ptrdiff_t count) {
        std::memset(x.get(), 0, static_cast<std::size_t>(count) * sizeof(double));
    };
    clear(job.row_weight, p.n);
    clear(job.row_size, p.n);
    clear(job.made, p.n * job.width);
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
