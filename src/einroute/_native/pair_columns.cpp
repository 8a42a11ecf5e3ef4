// Weighed rows whose weights lie side by side, as where what is kept is the second of the pair; and short
// rows.
#include "pair_guard.hpp"

#include <cstring>

namespace einroute {

using std::ptrdiff_t;

namespace {

// Weights that go down at once.
constexpr ptrdiff_t DEEP = 64;

struct Space {
    ptrdiff_t each;             // rows of a block
    Numbers y, x, made, packed; // (DEEP, width), (features, each), (width, each), (DEEP, each)
    Numbers sums;               // weights and their sizes, `each` of both

    Space(ptrdiff_t width, ptrdiff_t each)
        : each(each), y(numbers(DEEP * width)), x(numbers(width * each)), made(numbers(width * each)),
          packed(numbers(DEEP * each)), sums(numbers(2 * each)) {}
    bool good() const { return y && x && made && packed && sums; }
};

// The points of some of the others, with their squared norms where these are asked for.
void other_points(const PairJob& job, ptrdiff_t first, ptrdiff_t rows, double* to) {
    const PairPoints& p = job.points;
    const double* from = job.asked.differences ? p.rows_y : p.near_rows.get();
    for (ptrdiff_t r = 0; r < rows; ++r, to += job.width) {
        std::memcpy(to, from + (first + r) * p.features,
                    static_cast<std::size_t>(p.features) * sizeof(double));
        if (job.asked.norms()) {
            to[p.features] = p.near_y[p.features * p.padded + first + r];
        }
    }
}

void put_back(PairJob& job, ptrdiff_t first, ptrdiff_t last, const Space& space) {
    for (ptrdiff_t i = first; i < last; ++i) {
        for (ptrdiff_t k = 0; k < job.width; ++k) {
            job.made[i * job.width + k] = space.made[k * space.each + i - first];
        }
        job.row_weight[i] = space.sums[i - first];
        job.row_size[i] = space.sums[space.each + i - first];
    }
}

} // namespace

bool by_columns(const PairJob& job) {
    return job.asked.rows && (job.weights.columnwise() || job.points.m <= DEEP);
}

bool sum_columns(PairJob& job, ptrdiff_t first, ptrdiff_t last) {
    const PairPoints& p = job.points;
    const Space space(job.width, pair_block(job));
    if (!space.good()) {
        return false;
    }
    std::memset(space.made.get(), 0, static_cast<std::size_t>(job.width * space.each) * sizeof(double));
    std::memset(space.sums.get(), 0, static_cast<std::size_t>(2 * space.each) * sizeof(double));
    const ptrdiff_t count = last - first;
    const double* w[DEEP];
    PairColumns t{};
    t.w = w;
    t.columns = (count + PAIR_LANES - 1) / PAIR_LANES * PAIR_LANES;
    t.features = job.width;
    t.y = space.y.get();
    t.step = space.each;
    t.square = job.asked.power != LINEAR;
    t.weight = space.sums.get();
    t.size = t.weight + space.each;
    t.made = space.made.get();
    if (job.asked.differences) {
        for (ptrdiff_t k = 0; k < p.features; ++k) {
            for (ptrdiff_t c = 0; c < t.columns; ++c) {
                space.x[k * space.each + c] = c < count ? p.x[(first + c) * p.features + k] : 0;
            }
        }
        t.x = space.x.get();
    }
    const bool direct = job.weights.columnwise() && !job.weights.single && t.columns == count;
    Weights turned = job.weights; // what is kept goes across
    turned.down = job.weights.across;
    turned.across = job.weights.down;
    for (ptrdiff_t j = 0; j < p.m; j += DEEP) {
        t.rows = j + DEEP < p.m ? DEEP : p.m - j;
        other_points(job, j, t.rows, space.y.get());
        if (!direct) {
            turned.pack(j, first, t.rows, count, space.packed.get(), space.each);
        }
        for (ptrdiff_t r = 0; r < t.rows; ++r) {
            double* own = space.packed.get() + r * space.each;
            for (ptrdiff_t c = count; !direct && c < t.columns; ++c) {
                own[c] = 0;
            }
            w[r] = direct ? turned.row(j + r) + first : own;
        }
        pair_kernels().columns(t);
    }
    put_back(job, first, last, space);
    return true;
}

} // namespace einroute
