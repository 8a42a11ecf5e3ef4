#include "linear_sides.hpp"

#include "float_status.hpp"
#include "threads.hpp"

#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace einroute {

using std::ptrdiff_t;

namespace {

// Points of a block, whose coordinates are of about so many numbers; products from which blocks are shared.
constexpr ptrdiff_t SOME = 1 << 14, FEWEST = 16, MOST = 64;
constexpr double SHARED = 100e3;
// Features from which vectors run along them, and points are taken as they lie.
constexpr ptrdiff_t BY_ROWS = 16;
// Magnitudes that nothing overflows or vanishes with.
constexpr double SMALLEST = 0x1p-900, LARGEST = 0x1p900;
// What no entry is at least.
constexpr double NOTHING = std::numeric_limits<double>::quiet_NaN();

struct Job {
    LinearPoints& p;
    const double* w;
    ptrdiff_t forms, each;
    bool single, upper;
    std::atomic<bool> failed{false}; // for want of memory
};

// The weights of a form in parts, for points whose coordinates are less than a power of two in each feature:
// it is 0 where they are, and nan where it is too large or too small to multiply by.
struct Weights {
    double *high, *low, *large, *above;
    ptrdiff_t features;
};

double power_above(double x) {
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    bits = (bits & 0x7ff0000000000000U) + 0x0010000000000000U; // the power of two below, twice
    double power;
    std::memcpy(&power, &bits, sizeof power);
    return x == 0 ? 0 : SMALLEST < x && x < LARGEST ? power : NOTHING;
}

// Of a sum whose rounded part is at most `part`, in so many roundings one after the other, what an entry must
// not be less than to be within 60 u: the rule is 64 eps.
double least(double part, double chained) {
    return part * (chained + 8) / 60;
}

// Splits the weights, and gives what an entry must not be less than for the points of one block.
//
// With 2**e above all coordinates of a feature and 2**f above all weights times that, x is cut at
// 2**(e - b) and w at 2**(f - e - c): the products of what is above are multiples of 2**(f - b - c), and the
// sum of all is exact where features * 2**(b + c) is at most 2**53. What is left is
// sum_k |x_low w| + |x_high w_low|, at most 2**(-b - 1) sum_k 2**e |w| + features * 2**(f - c - 1).
double split(const Weights& t, const double* w) {
    const double features = static_cast<double>(t.features);
    double largest = 0, sum = 0;
    for (ptrdiff_t k = 0; k < t.features; ++k) {
        const double size = std::fabs(w[k]) * t.above[k];
        largest = size > largest ? size : largest;
        sum += size;
    }
    int terms = 0;
    std::frexp(features - 1, &terms); // 2**terms is at least `features`
    const int b = (53 - terms) / 2 - 1, c = 53 - terms - b;
    const double top = largest == 0 ? 1 : power_above(largest), far = std::ldexp(1.5, 52 - c) * top,
                 step = std::ldexp(1.5, 52 - b);
    bool good = sum < LARGEST && top == top;
    for (ptrdiff_t k = 0; k < t.features; ++k) {
        const bool some = t.above[k] != 0;
        const double cut = some ? far / t.above[k] : 0;
        t.high[k] = some ? (w[k] + cut) - cut : 0;
        t.low[k] = some ? w[k] - t.high[k] : 0;
        t.large[k] = step * t.above[k];
        good = good && (!some || (SMALLEST < cut && cut < LARGEST));
    }
    const double part = std::ldexp(sum, -b - 1) + std::ldexp(features * top, -c - 1);
    const double together = static_cast<double>(LINEAR_TOGETHER);
    return good ? least(part, together + features / together) : NOTHING;
}

void project_form(Job& job, LinearDot dot, const Weights& weights, ptrdiff_t first, ptrdiff_t form) {
    LinearPoints& p = job.p;
    const ptrdiff_t at = form * p.padded + first, from = job.upper ? form : 0;
    double* const size = p.size.get() + at;
    dot.w = job.w + form * p.features;
    const double goal = job.single ? 0 : split(weights, dot.w) / LINEAR_LEAST;
    dot.features -= from;
    dot.points += dot.step == 0 ? from : from * dot.step;
    dot.w += from;
    dot.high += from;
    dot.low += from;
    dot.large += from;
    dot.head = p.head.get() + at;
    dot.tail = job.single ? nullptr : p.tail.get() + at;
    dot.size = size;
    linear_kernels().dot(dot);
    const ptrdiff_t there = p.count - first < dot.count ? p.count - first : dot.count;
    for (ptrdiff_t i = 0; !job.single && i < there; ++i) {
        size[i] = goal;
    }
    for (ptrdiff_t i = 0; job.single && i < there; ++i) {
        // Of sums in double precision for results in single 2**-22 of an entry are lost at most.
        size[i] *= (static_cast<double>(p.features) + 2) * (0x1p-31 / LINEAR_LEAST);
        p.tail[at + i] = 0;
    }
}

void project_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    const LinearPoints& p = job.p;
    const ptrdiff_t first = index * job.each, last = first + job.each < p.count ? first + job.each : p.count;
    const ptrdiff_t padded = (last - first + PAIR_LANES - 1) / PAIR_LANES * PAIR_LANES;
    const bool by_rows = p.features >= BY_ROWS;
    const Numbers turned = numbers(by_rows ? 0 : p.features * padded), parts = numbers(4 * p.features);
    if (!turned || !parts) {
        job.failed = true;
        return;
    }
    double* const high = parts.get();
    const Weights weights{high, high + p.features, high + 2 * p.features, high + 3 * p.features, p.features};
    LinearDot dot{};
    dot.points = by_rows ? p.rows + first * p.features : turned.get();
    dot.high = weights.high;
    dot.low = weights.low;
    dot.large = weights.large;
    dot.step = by_rows ? 0 : padded;
    dot.count = by_rows ? last - first : padded;
    dot.features = dot.row = p.features;
    if (!by_rows) {
        feature_by_feature(p.rows + first * p.features, last - first, p.features, turned.get(), padded);
    }
    if (!job.single) {
        linear_kernels().largest(dot, weights.above);
    }
    for (ptrdiff_t k = 0; !job.single && k < p.features; ++k) {
        weights.above[k] = power_above(weights.above[k]);
    }
    for (ptrdiff_t form = 0; form < job.forms; ++form) {
        project_form(job, dot, weights, first, form);
    }
    clear_status();
}

} // namespace

bool read_points(LinearPoints& p, const double* rows, ptrdiff_t count, ptrdiff_t features, ptrdiff_t forms) {
    p.count = count;
    p.padded = (count + PAIR_LANES - 1) / PAIR_LANES * PAIR_LANES;
    p.features = features;
    p.rows = rows;
    p.head = numbers(forms * p.padded);
    p.tail = numbers(forms * p.padded);
    p.size = numbers(forms * p.padded);
    if (!p.head || !p.tail || !p.size) {
        return false;
    }
    for (ptrdiff_t form = 0; form < forms; ++form) { // of what only fills a vector nothing is less
        for (ptrdiff_t i = form * p.padded + p.count; i < (form + 1) * p.padded; ++i) {
            p.head[i] = p.tail[i] = 0;
            p.size[i] = -std::numeric_limits<double>::infinity();
        }
    }
    return true;
}

bool turn_points(LinearPoints& p) {
    if (p.points) {
        return true;
    }
    p.points = numbers(p.features * p.padded);
    if (p.points) {
        feature_by_feature(p.rows, p.count, p.features, p.points.get(), p.padded);
    }
    return p.points != nullptr;
}

bool project(LinearPoints& p, const double* w, ptrdiff_t forms, bool single, int threads, bool upper) {
    ptrdiff_t each = SOME / p.features / FEWEST * FEWEST;
    each = each < FEWEST ? FEWEST : each > MOST ? MOST : each;
    Job job{p, w, forms, each, single, upper, {}};
    const long blocks = static_cast<long>((p.count + each - 1) / each);
    const double work = static_cast<double>(p.count) * static_cast<double>(p.features * forms);
    bool heard = true;
    if (work < SHARED) {
        for (long index = 0; index < blocks; ++index) {
            project_block(&job, index);
        }
    } else {
        heard = run_blocks(blocks, threads, project_block, &job);
    }
    if (heard && job.failed) {
        PyErr_NoMemory();
    }
    return heard && !job.failed;
}

bool choose(LinearPoints& p, ptrdiff_t feature) {
    if (!turn_points(p)) {
        return false;
    }
    const double* own = p.points.get() + feature * p.padded;
    for (ptrdiff_t i = 0; i < p.padded; ++i) {
        p.head[i] = own[i];
        p.tail[i] = 0;
        p.size[i] = std::fabs(own[i]);
    }
    return true;
}

bool linear_fault() {
    PyErr_SetString(PyExc_ValueError, "expected points x (n, features), y (m, features) and weights "
                                      "(forms, features), none of them empty");
    return false;
}

bool linear_fits(const HeldNumbers& x, const HeldNumbers& y, int type) {
    if (type != NPY_FLOAT && type != NPY_DOUBLE) {
        PyErr_SetString(PyExc_ValueError, "the forms are of single or of double precision");
        return false;
    }
    return (x.length(1) == y.length(1) && x.length(0) > 0 && x.length(1) > 0 && y.length(0) > 0) ||
           linear_fault();
}

} // namespace einroute
