#include "pair_job.hpp"

#include "float_status.hpp"

#include <cmath>

namespace einroute {

using std::ptrdiff_t;

namespace {

// How much smaller the sum over pairs may be than if all differences were as large as the range; what that
// bound is at least.
constexpr double SPREAD = 64, LEAST = 1e-280;

// One row of weights at a time, packed only if it has to be.
class RowOfWeights {
  public:
    explicit RowOfWeights(const PairJob& job) : job(job) {}

    const double* at(ptrdiff_t i) {
        const Weights& w = job.weights;
        if (w.data != nullptr && w.straight()) {
            return w.row(i);
        }
        if (!memory) {
            memory = numbers(job.points.m);
        }
        if (memory && held != i && !(held >= 0 && w.data == nullptr)) {
            w.pack(i, 0, 1, job.points.m, memory.get(), job.points.m);
            held = i;
        }
        return memory.get();
    }

  private:
    const PairJob& job;
    Numbers memory;
    ptrdiff_t held = -1;
};

bool certain(double sum, double goal, double weight, double spread) {
    return weight == 0 || spread == 0 || (std::fabs(sum) >= goal && goal >= LEAST);
}

PairRow pair_row(const PairPoints& p, const double* w, ptrdiff_t i, ptrdiff_t k, bool square) {
    return {w, p.y.get() + k * p.padded, p.m, p.x[i * p.features + k], square};
}

// A sum over a row, of products of the points: it stands, or is taken again of the differences.
bool settle(const PairJob& job, RowOfWeights& weights, ptrdiff_t i, ptrdiff_t k, double size, double& sum) {
    const PairPoints& p = job.points;
    const bool square = job.asked.power != LINEAR;
    const double spread = p.spread[k], goal = size * (square ? spread * spread : spread) / SPREAD;
    if (certain(sum, goal, size, spread)) {
        return true;
    }
    const double* w = weights.at(i);
    if (w == nullptr) {
        return false;
    }
    const PairRow row = pair_row(p, w, i, k, square);
    double reached = 0;
    if (!(goal >= LEAST) || !pair_kernels().reaches(row, goal, reached)) {
        sum = pair_kernels().direct(row);
    }
    return true;
}

// Whether a sum over all pairs loses little; rows are looked at from all over.
enum class Sure { YES, NO, NO_MEMORY };
Sure sure_of_all(const PairJob& job, RowOfWeights& weights, ptrdiff_t k, double size, double sum) {
    constexpr ptrdiff_t APART = 61;
    const PairPoints& p = job.points;
    const bool square = job.asked.power != LINEAR;
    const double spread = p.spread[k], goal = size * (square ? spread * spread : spread) / SPREAD;
    if (certain(sum, goal, size, spread)) {
        return Sure::YES;
    }
    double reached = 0;
    for (ptrdiff_t first = 0; goal >= LEAST && first < APART; ++first) {
        for (ptrdiff_t i = first; i < p.n; i += APART) {
            const double* w = weights.at(i);
            if (w == nullptr) {
                return Sure::NO_MEMORY;
            }
            if (pair_kernels().reaches(pair_row(p, w, i, k, square), goal, reached)) {
                return Sure::YES;
            }
        }
    }
    return Sure::NO;
}

// A sum over all pairs from their differences; false without memory.
bool direct_of_all(const PairJob& job, RowOfWeights& weights, ptrdiff_t k, double& sum) {
    const PairPoints& p = job.points;
    double total = 0;
    for (ptrdiff_t first = 0; first < p.n; first += PAIR_BLOCK) {
        double own = 0;
        for (ptrdiff_t i = first; i < first + PAIR_BLOCK && i < p.n; ++i) {
            const double* w = weights.at(i);
            if (w == nullptr) {
                return false;
            }
            own += pair_kernels().direct(pair_row(p, w, i, k, job.asked.power != LINEAR));
        }
        total += own;
    }
    sum = total;
    return true;
}

// From sums of w and w y to those of w (x - y) and w (x - y)**2, in place; false without memory.
bool finish_row(const PairJob& job, RowOfWeights& weights, ptrdiff_t i) {
    const PairPoints& p = job.points;
    const PairsAsked& asked = job.asked;
    double* made = job.made.get() + i * job.width;
    const double* x = p.near_x.get() + i * p.features;
    const double weight = job.row_weight[i], size = job.row_size[i];
    if (!asked.rows || asked.differences()) {
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
    double sum = made[p.features], spread = 0;
    for (ptrdiff_t k = 0; k < p.features; ++k) {
        sum += x[k] * (x[k] * weight - 2 * made[k]);
        spread += p.spread[k] * p.spread[k];
    }
    if (!certain(sum, size * spread / SPREAD, size, spread)) {
        const double* w = weights.at(i);
        if (w == nullptr) {
            return false;
        }
        sum = 0;
        for (ptrdiff_t k = 0; k < p.features; ++k) {
            sum += pair_kernels().direct(pair_row(p, w, i, k, true));
        }
    }
    made[0] = sum;
    return true;
}

// Rows of one tile after the other.
void some_rows(PairJob& job, RowOfWeights& weights, ptrdiff_t first, ptrdiff_t rows, double* by_column,
               double* packed) {
    const PairPoints& p = job.points;
    const bool differences = job.asked.differences();
    const double* w[PAIR_ROWS];
    PairTile tile{};
    tile.w = w;
    tile.rows = rows;
    tile.features = job.asked.products() ? job.width : 0;
    tile.step = p.padded;
    tile.x = differences ? p.x + first * p.features : nullptr;
    tile.weight = job.row_weight.get() + first;
    tile.size = job.row_size.get() + first;
    tile.made = job.made.get() + first * job.width;
    const double* const y = differences ? p.y.get() : p.near_y.get();
    for (ptrdiff_t j = 0; j < p.m; j += PAIR_COLUMNS) {
        const ptrdiff_t stop = j + PAIR_COLUMNS < p.m ? j + PAIR_COLUMNS : p.m, there = stop - j;
        tile.columns = (there + PAIR_LANES - 1) / PAIR_LANES * PAIR_LANES;
        const bool direct = job.weights.straight() && tile.columns == there;
        if (!direct) {
            job.weights.pack(first, j, rows, there, packed, PAIR_COLUMNS);
        }
        for (ptrdiff_t r = 0; r < rows; ++r) {
            w[r] = direct ? job.weights.row(first + r) + j : packed + r * PAIR_COLUMNS;
            for (ptrdiff_t c = there; !direct && c < tile.columns; ++c) {
                packed[r * PAIR_COLUMNS + c] = 0;
            }
        }
        tile.y = y + j;
        tile.by_column = by_column == nullptr ? nullptr : by_column + j;
        pair_kernels().tile(tile);
    }
    for (ptrdiff_t i = first; i < first + rows; ++i) {
        if (!finish_row(job, weights, i)) {
            job.failed = true;
        }
    }
}

} // namespace

ptrdiff_t pair_blocks(const PairJob& job) {
    return (job.points.n + PAIR_BLOCK - 1) / PAIR_BLOCK;
}

void block_of_rows(void* context, long index) {
    PairJob& job = *static_cast<PairJob*>(context);
    const ptrdiff_t first = index * PAIR_BLOCK,
                    last = first + PAIR_BLOCK < job.points.n ? first + PAIR_BLOCK : job.points.n;
    const Numbers packed = numbers(PAIR_ROWS * PAIR_COLUMNS);
    if (!packed) {
        job.failed = true;
        return;
    }
    RowOfWeights weights(job);
    double* by_column = job.asked.rows ? nullptr : job.by_column.get() + index * job.points.padded;
    for (ptrdiff_t i = first; i < last; i += PAIR_ROWS) {
        some_rows(job, weights, i, i + PAIR_ROWS < last ? PAIR_ROWS : last - i, by_column, packed.get());
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

bool alike_rows(PairJob& job) {
    const PairPoints& p = job.points;
    const double count = static_cast<double>(p.m);
    const Numbers one = numbers(p.features), two = numbers(p.features), squares = numbers(p.m);
    RowOfWeights weights(job);
    if (!one || !two || !squares) {
        return false;
    }
    for (ptrdiff_t k = 0; k < p.features; ++k) {
        const double* y = p.near_y.get() + k * p.padded;
        for (ptrdiff_t j = 0; j < p.m; ++j) {
            squares[j] = y[j] * y[j];
        }
        one[k] = sum_of(y, p.m, 1);
        two[k] = sum_of(squares.get(), p.m, 1);
    }
    for (ptrdiff_t i = 0; i < p.n; ++i) {
        double* made = job.made.get() + i * job.width;
        job.row_weight[i] = job.row_size[i] = count;
        double total = 0;
        for (ptrdiff_t k = 0; k < p.features; ++k) {
            const double x = p.near_x[i * p.features + k], spread = p.spread[k];
            double square = x * (x * count - 2 * one[k]) + two[k];
            const bool sure = certain(square, count * spread * spread / SPREAD, count, spread);
            if (!job.asked.rows) {
                made[k] = one[k];
            } else if (job.asked.power == LINEAR) {
                made[k] = x * count - one[k];
                if (!sure && !settle(job, weights, i, k, count, made[k])) {
                    return false;
                }
            } else {
                if (!sure) {
                    const double* w = weights.at(i);
                    if (w == nullptr) {
                        return false;
                    }
                    square = pair_kernels().direct(pair_row(p, w, i, k, true));
                }
                (job.asked.total ? total : made[k]) = job.asked.total ? total + square : square;
            }
        }
        if (job.asked.rows && job.asked.total) {
            made[0] = total;
        }
    }
    for (ptrdiff_t j = 0; !job.asked.rows && j < p.padded; ++j) {
        job.by_column[j] = j < p.m ? static_cast<double>(p.n) : 0;
    }
    return true;
}

bool all_pairs(PairJob& job, double* sums) {
    const PairPoints& p = job.points;
    const double size = sum_of(job.row_size.get(), p.n, 1);
    const Numbers terms = numbers(p.n > p.m ? p.n : p.m);
    RowOfWeights weights(job);
    if (!terms) {
        return false;
    }
    for (ptrdiff_t k = 0; k < p.features; ++k) {
        const double *x = p.near_x.get() + k, *y = p.near_y.get() + k * p.padded;
        const bool square = job.asked.power != LINEAR;
        for (ptrdiff_t i = 0; i < p.n; ++i) {
            const double own = x[i * p.features], weighed = own * job.row_weight[i];
            terms[i] = square ? own * (weighed - 2 * job.made[i * job.width + k]) : weighed;
        }
        const double left = sum_of(terms.get(), p.n, 1);
        for (ptrdiff_t j = 0; j < p.m; ++j) {
            terms[j] = job.by_column[j] * (square ? y[j] * y[j] : y[j]);
        }
        const double right = sum_of(terms.get(), p.m, 1);
        sums[k] = square ? left + right : left - right;
        const Sure sure = sure_of_all(job, weights, k, size, sums[k]);
        if (sure == Sure::NO && job.asked.power == CROSSED) {
            job.lost = true;
        } else if (sure == Sure::NO_MEMORY ||
                   (sure == Sure::NO && !direct_of_all(job, weights, k, sums[k]))) {
            return false;
        }
    }
    return true;
}

bool prepare_pairs(PairJob& job, const double* x, const double* y) {
    PairPoints& p = job.points;
    const PairsAsked& asked = job.asked;
    const ptrdiff_t columns = asked.rows ? 0 : pair_blocks(job);
    job.width = p.features + (asked.norms() ? 1 : 0);
    if (!centre(p, x, y, asked.norms())) {
        return false;
    }
    job.row_weight = numbers(p.n);
    job.row_size = numbers(p.n);
    job.made = numbers(p.n * job.width);
    job.by_column = numbers(columns * p.padded);
    if (!job.row_weight || !job.row_size || !job.made || !job.by_column) {
        return false;
    }
    for (ptrdiff_t i = 0; i < p.n; ++i) {
        job.row_weight[i] = job.row_size[i] = 0;
    }
    for (ptrdiff_t i = 0; i < p.n * job.width; ++i) {
        job.made[i] = 0;
    }
    for (ptrdiff_t i = 0; i < columns * p.padded; ++i) {
        job.by_column[i] = 0;
    }
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
