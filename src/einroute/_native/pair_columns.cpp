// Weighed rows whose weights lie side by side, as where what is kept is the second of the pair; and short
// rows.
#include "pair_guard.hpp"
#include "passing.hpp"

#include <cstring>

namespace einroute {

using std::ptrdiff_t;

namespace {

// Weights that go down at once.
constexpr ptrdiff_t DEEP = 64;

struct Space {
    ptrdiff_t each;          // rows of a block
    Numbers x, made, packed; // (features, each), (width, each), (DEEP, each)

    Space(ptrdiff_t features, ptrdiff_t width, ptrdiff_t each)
        : each(each), x(numbers(features * each)), made(numbers(width * each)), packed(numbers(DEEP * each)) {
    }
    bool good() const { return x && made && packed; }
};

void put_back(PairJob& job, ptrdiff_t first, ptrdiff_t last, const Space& space) {
    constexpr ptrdiff_t ITEM = sizeof(double);
    transpose_of(ITEM)(reinterpret_cast<const char*>(space.made.get()), space.each * ITEM, last - first,
                       job.width, reinterpret_cast<char*>(job.made.get() + first * job.width),
                       job.width * ITEM);
}

} // namespace

bool by_columns(const PairJob& job) {
    // Rows side by side fill vectors.
    const bool columnwise = job.weights.columnwise() && job.points.n >= 2 * PAIR_LANES;
    return job.asked.direct() && (columnwise || job.points.m <= DEEP);
}

bool sum_columns(PairJob& job, ptrdiff_t first, ptrdiff_t last) {
    const PairPoints& p = job.points;
    const Space space(p.features, job.width, pair_block(job));
    if (!space.good()) {
        return false;
    }
    std::memset(space.made.get(), 0, static_cast<std::size_t>(job.width * space.each) * sizeof(double));
    const ptrdiff_t count = last - first;
    const double* w[DEEP];
    PairColumns t{};
    t.w = w;
    t.columns = (count + PAIR_LANES - 1) / PAIR_LANES * PAIR_LANES;
    t.features = p.features;
    t.x = space.x.get();
    t.step = space.each;
    t.square = job.asked.power != LINEAR;
    t.total = job.asked.total;
    t.made = space.made.get();
    feature_by_feature(p.x + first * p.features, count, p.features, space.x.get(), space.each);
    const bool direct = job.weights.columnwise() && !job.weights.single && t.columns == count;
    Weights turned = job.weights; // what is kept goes across
    turned.down = job.weights.across;
    turned.across = job.weights.down;
    for (ptrdiff_t j = 0; j < p.m; j += DEEP) {
        t.rows = j + DEEP < p.m ? DEEP : p.m - j;
        t.y = p.rows_y + j * p.features;
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
