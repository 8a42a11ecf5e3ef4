// Weighed sums of many features: the weights times the centred points are a matrix product of BLAS, and each
// row's sums are made of that and of the row's own point.
#include "blas.hpp"
#include "float_status.hpp"
#include "pair_guard.hpp"

#include <algorithm>
#include <cmath>

namespace einroute {

using std::ptrdiff_t;

namespace {

// Columns of the product: rows of squares need the weighed squares of the other points as well, of each
// feature or of all.
ptrdiff_t columns_of(const PairJob& job) {
    const ptrdiff_t features = job.points.features;
    if (!job.asked.rows || job.asked.power == LINEAR) {
        return features;
    }
    return features + (job.asked.total ? 1 : features);
}

// The second points as they are multiplied.
template <class R> void fill(const PairJob& job, ptrdiff_t columns, R* __restrict to) {
    const ptrdiff_t features = job.points.features;
    const double* __restrict near = job.points.near_rows.get();
    for (ptrdiff_t j = 0; j < job.points.m; ++j, near += features, to += columns) {
        for (ptrdiff_t k = 0; k < features; ++k) {
            to[k] = static_cast<R>(near[k]);
        }
        if (columns == 2 * features && features > 1) {
            for (ptrdiff_t k = 0; k < features; ++k) {
                to[features + k] = static_cast<R>(near[k] * near[k]);
            }
        } else if (columns > features) {
            double square = 0;
            for (ptrdiff_t k = 0; k < features; ++k) {
                square += near[k] * near[k];
            }
            to[features] = static_cast<R>(square);
        }
    }
}

// The roots of the sums of squares of columns.
template <class R>
void root_sums(const R* __restrict near, ptrdiff_t count, ptrdiff_t columns, double* __restrict norms) {
    for (ptrdiff_t k = 0; k < columns; ++k) {
        norms[k] = 0;
    }
    for (ptrdiff_t j = 0; j < count; ++j, near += columns) {
        for (ptrdiff_t k = 0; k < columns; ++k) {
            const double value = static_cast<double>(near[k]);
            norms[k] += value * value;
        }
    }
    for (ptrdiff_t k = 0; k < columns; ++k) {
        norms[k] = std::sqrt(norms[k]);
    }
}

// Whether rows of so many elements lie as BLAS wants them: one after the other, and each without gaps.
bool straight(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t down, ptrdiff_t across, ptrdiff_t item) {
    const bool row = across == item || columns == 1;
    return row && (rows == 1 || (down >= columns * item && down % item == 0));
}

Gemm product_of(const PairJob& job, ptrdiff_t columns) {
    const Weights& w = job.weights;
    const ptrdiff_t item = w.item();
    const bool turned = !straight(w.rows, w.columns, w.down, w.across, item);
    const ptrdiff_t least = turned ? w.rows : w.columns, step = (turned ? w.across : w.down) / item;
    Gemm g{};
    g.element = w.single ? Element::Float32 : Element::Float64;
    g.turned_a = turned;
    g.m = w.rows;
    g.n = g.ldb = g.ldc = columns;
    g.k = w.columns;
    g.lda = std::max(least, (turned ? w.columns : w.rows) > 1 ? step : least);
    return g;
}

// The second points as they are multiplied, and the norms of each column.
template <class R> bool prepare(PairJob& job, ptrdiff_t columns) {
    job.factor = workspace<char>(job.points.m * columns * static_cast<ptrdiff_t>(sizeof(R)));
    job.norms = numbers(columns);
    if (!job.factor || !job.norms) {
        return false;
    }
    R* const near = reinterpret_cast<R*>(job.factor.get());
    fill(job, columns, near);
    root_sums(near, job.points.m, columns, job.norms.get());
    return true;
}

// Some rows of the product; false without memory.
bool multiplied(const PairJob& job, ptrdiff_t columns, ptrdiff_t first, ptrdiff_t last, double* made) {
    const Weights& w = job.weights;
    const Workspace<float> own = workspace<float>(w.single ? (last - first) * columns : 0);
    if (!own) {
        return false;
    }
    Gemm gemm = product_of(job, columns);
    gemm.m = last - first;
    char* const to = w.single ? reinterpret_cast<char*>(own.get()) : reinterpret_cast<char*>(made);
    multiply(gemm, w.data + first * w.down, job.factor.get(), to);
    for (ptrdiff_t i = 0; w.single && i < (last - first) * columns; ++i) {
        made[i] = static_cast<double>(own[i]);
    }
    return true;
}

// A row's point, and what is known of its weights.
struct Row {
    ptrdiff_t i;
    const double *x, *one;     // centred, and the products
    double weight, size, root; // sums of w and of |w|, and the root of that of w**2
};

// The sum of squares over all features again, of differences, if the sizes of its terms do not come to a
// goal.
bool settle_total(const PairJob& job, RowOfWeights& weights, ptrdiff_t i, double goal, double& sum) {
    const double* w = weights.at(i);
    if (w == nullptr) {
        return false;
    }
    const PairKernels& kernels = pair_kernels();
    double reached = 0;
    for (ptrdiff_t k = 0; goal >= PAIR_LEAST && k < job.points.features; ++k) {
        if (kernels.reaches(pair_row(job.points, w, i, k, true), goal, reached)) {
            return true;
        }
    }
    sum = 0;
    for (ptrdiff_t k = 0; k < job.points.features; ++k) {
        sum += kernels.direct(pair_row(job.points, w, i, k, true));
    }
    return true;
}

// Terms that BLAS summed are told from the norms of both factors, by Cauchy's inequality.
bool total_of_row(const PairJob& job, RowOfWeights& weights, const Row& row, double& sum) {
    const ptrdiff_t features = job.points.features;
    const double* norms = job.norms.get();
    double own = 0, squares = 0, others = 0;
    for (ptrdiff_t k = 0; k < features; ++k) {
        own += row.x[k] * (row.x[k] * row.weight - 2 * row.one[k]);
        squares += row.x[k] * row.x[k];
        others += norms[k] * norms[k];
    }
    sum = own + row.one[features];
    const double terms = squares * row.size + row.root * (2 * std::sqrt(squares * others) + norms[features]);
    const double goal = terms / job.allowed();
    return certain(sum, goal, row.size, 1) || settle_total(job, weights, row.i, goal, sum);
}

// The first weights of a block's rows: mostly these tell that the sizes of the terms come to a goal.
class Heads {
  public:
    static constexpr ptrdiff_t LENGTH = 64;

    Heads(const PairJob& job, ptrdiff_t first, ptrdiff_t last) : job(job), first(first), last(last) {}

    // Null without memory.
    const double* at(ptrdiff_t i) {
        if (job.weights.straight()) {
            return job.weights.row(i);
        }
        if (!packed) {
            packed = numbers((last - first) * LENGTH);
            if (packed) {
                job.weights.pack(first, 0, last - first, length(), packed.get(), LENGTH);
            }
        }
        return packed ? packed.get() + (i - first) * LENGTH : nullptr;
    }
    ptrdiff_t length() const { return std::min(LENGTH, job.points.m); }

  private:
    const PairJob& job;
    ptrdiff_t first, last;
    Numbers packed;
};

struct Looks {
    Heads heads;
    RowOfWeights weights;
    Numbers goals;
};

bool settle_features(const PairJob& job, Looks& looks, ptrdiff_t i, double* sums) {
    const bool square = job.asked.power != LINEAR;
    for (ptrdiff_t k = 0; k < job.points.features; ++k) {
        const double goal = looks.goals[k];
        if (certain(sums[k], goal, 1, job.points.spread[k])) {
            continue;
        }
        const double* head = looks.heads.at(i);
        if (head == nullptr) {
            return false;
        }
        PairRow row = pair_row(job.points, head, i, k, square);
        row.count = looks.heads.length();
        double reached = 0;
        if (!(goal >= PAIR_LEAST && pair_kernels().reaches(row, goal, reached)) &&
            !settle(job, looks.weights, i, k, goal, sums[k])) {
            return false;
        }
    }
    return true;
}

// Whether one sum does not come to its goal, or that is too small to tell; lanes side by side.
bool some_unsure(const double* sums, const double* goals, ptrdiff_t count) {
    constexpr ptrdiff_t LANES = 8;
    double unsure[LANES] = {};
    const auto look = [&](ptrdiff_t lane, ptrdiff_t k) {
        unsure[lane] += std::fabs(sums[k]) >= goals[k] ? 0.0 : 1.0;
        unsure[lane] += goals[k] >= PAIR_LEAST ? 0.0 : 1.0;
    };
    ptrdiff_t k = 0;
    for (; k + LANES <= count; k += LANES) {
        for (ptrdiff_t lane = 0; lane < LANES; ++lane) {
            look(lane, k + lane);
        }
    }
    for (; k < count; ++k) {
        look(0, k);
    }
    double all = 0;
    for (ptrdiff_t lane = 0; lane < LANES; ++lane) {
        all += unsure[lane];
    }
    return all > 0;
}

// Each feature's sum, and what it is to come to.
template <bool SQUARED> bool features_of_row(const PairJob& job, Looks& looks, const Row& row, double* sums) {
    const ptrdiff_t features = job.points.features;
    const double* __restrict const norms = job.norms.get();
    const double* __restrict const spreads = job.points.spread.get();
    const double* __restrict const points = row.x;
    const double* __restrict const one = row.one;
    double* __restrict const goals = looks.goals.get();
    double* __restrict const to = sums;
    const double part = 1 / job.allowed(), weight = row.weight, size = row.size, root = row.root;
    for (ptrdiff_t k = 0; k < features; ++k) {
        const double x = points[k];
        to[k] = SQUARED ? x * (x * weight - 2 * one[k]) + one[features + k] : x * weight - one[k];
    }
    for (ptrdiff_t k = 0; k < features; ++k) {
        const double own = std::fabs(points[k]), other = root * norms[k];
        const double most = size * spreads[k] * (SQUARED ? spreads[k] : 1);
        const double terms =
            SQUARED ? own * (own * size + 2 * other) + root * norms[features + k] : own * size + other;
        goals[k] = (terms < most ? terms : most) * part;
    }
    const bool unsure = some_unsure(to, goals, features);
    return !unsure || size == 0 || settle_features(job, looks, row.i, sums);
}

} // namespace

bool blas_takes(const PairJob& job) {
    const Weights& w = job.weights;
    const ptrdiff_t item = w.item();
    return has_blas() && (job.single || !w.single) &&
           (straight(w.rows, w.columns, w.down, w.across, item) ||
            straight(w.columns, w.rows, w.across, w.down, item));
}

void prepare_products(void* context, long) {
    PairJob& job = *static_cast<PairJob*>(context);
    if (!(job.weights.single ? prepare<float> : prepare<double>)(job, columns_of(job))) {
        job.failed = true;
    }
    clear_status();
}

void multiply_points(void* context, long) {
    PairJob& job = *static_cast<PairJob*>(context);
    if (!multiplied(job, job.points.features, 0, job.points.n, job.made.get())) {
        job.failed = true;
    }
    clear_status();
}

ptrdiff_t multiplied_block(const PairJob& job) {
    constexpr ptrdiff_t NUMBERS = 1 << 15; // of a block's product
    const ptrdiff_t blocks = NUMBERS / columns_of(job) / PAIR_BLOCK;
    return (blocks > 1 ? blocks : 1) * PAIR_BLOCK;
}

void multiplied_rows(void* context, long index) {
    PairJob& job = *static_cast<PairJob*>(context);
    const PairPoints& p = job.points;
    const ptrdiff_t columns = columns_of(job), each = multiplied_block(job), first = index * each,
                    last = std::min(first + each, p.n);
    Looks looks{Heads(job, first, last), RowOfWeights(job), numbers(p.features)};
    const Numbers products = numbers((last - first) * columns), near = numbers(p.features);
    const auto features = job.asked.power == LINEAR ? features_of_row<false> : features_of_row<true>;
    bool good = looks.goals && products && near && multiplied(job, columns, first, last, products.get());
    for (ptrdiff_t i = first; good && i < last; ++i) {
        const double* __restrict const point = p.x + i * p.features;
        const double* __restrict const middle = p.middle.get();
        double* __restrict const centred = near.get();
        for (ptrdiff_t k = 0; k < p.features; ++k) {
            centred[k] = point[k] - middle[k];
        }
        const Row row{i,
                      centred,
                      products.get() + (i - first) * columns,
                      job.row_weight[i],
                      job.row_size[i],
                      std::sqrt(job.row_squares[i])};
        double* const own = job.made.get() + i * job.width;
        good = job.asked.total ? total_of_row(job, looks.weights, row, *own) : features(job, looks, row, own);
    }
    if (!good) {
        job.failed = true;
    }
    clear_status();
}

} // namespace einroute
