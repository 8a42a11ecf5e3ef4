#include "pair_points.hpp"

#include "passing.hpp"

#include <cstring>

namespace einroute {

using std::ptrdiff_t;

namespace {

template <class R> inline double number(const char* p) {
    return *reinterpret_cast<const R*>(p);
}

void widened(const float* from, ptrdiff_t count, double* to) {
    pair_kernels().widen(from, count, to);
}

void widened(const double* from, ptrdiff_t count, double* to) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(double));
}

template <class R>
void pack_as(const Weights& w, ptrdiff_t i, ptrdiff_t j, ptrdiff_t rows, ptrdiff_t columns, double* to,
             ptrdiff_t step) {
    const char* from = w.data + i * w.down + j * w.across;
    if (w.across == static_cast<ptrdiff_t>(sizeof(R))) {
        for (ptrdiff_t r = 0; r < rows; ++r, from += w.down, to += step) {
            widened(reinterpret_cast<const R*>(from), columns, to);
        }
        return;
    }
    // Four columns at a time, so that lines of either layout are read whole.
    ptrdiff_t c = 0;
    for (; c + 4 <= columns; c += 4) {
        const char* own = from + c * w.across;
        double* out = to + c;
        for (ptrdiff_t r = 0; r < rows; ++r, own += w.down, out += step) {
            out[0] = number<R>(own);
            out[1] = number<R>(own + w.across);
            out[2] = number<R>(own + 2 * w.across);
            out[3] = number<R>(own + 3 * w.across);
        }
    }
    for (; c < columns; ++c) {
        for (ptrdiff_t r = 0; r < rows; ++r) {
            to[r * step + c] = number<R>(from + r * w.down + c * w.across);
        }
    }
}

// Low, high and sum of each feature.
struct Range {
    double *low, *high, *sums;

    void take(const double* __restrict points, ptrdiff_t rows, ptrdiff_t width) const {
        double* __restrict const l = low;
        double* __restrict const h = high;
        double* __restrict const s = sums;
        for (ptrdiff_t i = 0; i < rows; ++i, points += width) {
            for (ptrdiff_t k = 0; k < width; ++k) {
                const double value = points[k];
                l[k] = value < l[k] ? value : l[k];
                h[k] = value > h[k] ? value : h[k];
                s[k] += value;
            }
        }
    }
};

// Widens the range by some points, and adds their mean, half of it. Arrays are as long as `together` times
// the features; where they say so they hold the range already.
void widen(const double* points, ptrdiff_t count, ptrdiff_t features, const Range& range, double* mean) {
    const ptrdiff_t together = taken_together(features), width = together * features;
    for (ptrdiff_t k = 0; k < width; ++k) {
        range.low[k] = range.low[k % features];
        range.high[k] = range.high[k % features];
        range.sums[k] = 0;
    }
    range.take(points, count / together, width);
    range.take(points + count / together * width, 1, count % together * features);
    for (ptrdiff_t k = features; k < width; ++k) {
        const ptrdiff_t own = k % features;
        range.low[own] = range.low[k] < range.low[own] ? range.low[k] : range.low[own];
        range.high[own] = range.high[k] > range.high[own] ? range.high[k] : range.high[own];
        range.sums[own] += range.sums[k];
    }
    for (ptrdiff_t k = 0; k < features; ++k) {
        mean[k] += range.sums[k] / (2 * static_cast<double>(count));
    }
}

void subtract_rows(const double* __restrict points, ptrdiff_t rows, ptrdiff_t width,
                   const double* __restrict middle, double* __restrict near) {
    for (ptrdiff_t i = 0; i < rows; ++i, points += width, near += width) {
        for (ptrdiff_t k = 0; k < width; ++k) {
            near[k] = points[k] - middle[k];
        }
    }
}

// `middle` is repeated for the points that are taken together.
void subtract(const double* points, ptrdiff_t count, ptrdiff_t features, const double* middle, double* near) {
    const ptrdiff_t together = taken_together(features), width = together * features,
                    most = count / together * width;
    subtract_rows(points, count / together, width, middle, near);
    subtract_rows(points + most, 1, count * features - most, middle, near + most);
}

} // namespace

void Weights::pack(ptrdiff_t i, ptrdiff_t j, ptrdiff_t count, ptrdiff_t width, double* to,
                   ptrdiff_t step) const {
    if (data == nullptr) {
        for (ptrdiff_t r = 0; r < count; ++r) {
            for (ptrdiff_t c = 0; c < width; ++c) {
                to[r * step + c] = 1;
            }
        }
    } else if (single) {
        pack_as<float>(*this, i, j, count, width, to, step);
    } else {
        pack_as<double>(*this, i, j, count, width, to, step);
    }
}

bool centre(PairPoints& p, bool near, bool both) {
    const ptrdiff_t features = p.features;
    const ptrdiff_t width = taken_together(features) * features;
    p.middle = numbers(width);
    p.spread = numbers(width);
    const Numbers memory = numbers(2 * width);
    if (!p.middle || !p.spread || !memory) {
        return false;
    }
    double *middle = p.middle.get(), *low = memory.get(), *high = p.spread.get();
    const Range range{low, high, low + width};
    for (ptrdiff_t k = 0; k < features; ++k) {
        low[k] = high[k] = p.x[k];
        middle[k] = 0;
    }
    widen(p.x, p.n, features, range, middle);
    widen(p.rows_y, p.m, features, range, middle);
    for (ptrdiff_t k = 0; k < features; ++k) {
        // Within the range, as rounded: points that are all equal come out as zeros.
        middle[k] = middle[k] < low[k] ? low[k] : middle[k] > high[k] ? high[k] : middle[k];
        p.spread[k] = high[k] - low[k];
    }
    for (ptrdiff_t k = features; k < width; ++k) {
        middle[k] = middle[k % features];
    }
    if (!near) {
        return true;
    }
    p.near_x = numbers(both ? p.n * features : 0);
    p.near_rows = numbers(p.m * features);
    if (!p.near_x || !p.near_rows) {
        return false;
    }
    subtract(p.x, both ? p.n : 0, features, middle, p.near_x.get());
    subtract(p.rows_y, p.m, features, middle, p.near_rows.get());
    return true;
}

void feature_by_feature(const double* __restrict rows, ptrdiff_t count, ptrdiff_t features,
                        double* __restrict to, ptrdiff_t padded) {
    constexpr ptrdiff_t ITEM = sizeof(double);
    transpose_of(ITEM)(reinterpret_cast<const char*>(rows), features * ITEM, features, count,
                       reinterpret_cast<char*>(to), padded * ITEM);
    for (ptrdiff_t k = 0; k < features; ++k) {
        for (ptrdiff_t j = count; j < padded; ++j) {
            to[k * padded + j] = 0;
        }
    }
}

bool turn(PairPoints& p, bool near) {
    p.y = numbers(p.features * p.padded);
    if (!p.y) {
        return false;
    }
    feature_by_feature(p.rows_y, p.m, p.features, p.y.get(), p.padded);
    if (!near) {
        return true;
    }
    p.near_y = numbers(p.features * p.padded);
    if (p.near_y) {
        feature_by_feature(p.near_rows.get(), p.m, p.features, p.near_y.get(), p.padded);
    }
    return p.near_y != nullptr;
}

} // namespace einroute
