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

// Widens the range by some points, and adds their mean, half of it.
void widen(const double* __restrict points, ptrdiff_t count, ptrdiff_t features, double* __restrict low,
           double* __restrict high, double* __restrict sums, double* __restrict mean) {
    for (ptrdiff_t k = 0; k < features; ++k) {
        sums[k] = 0;
    }
    for (ptrdiff_t i = 0; i < count; ++i, points += features) {
        for (ptrdiff_t k = 0; k < features; ++k) {
            const double value = points[k];
            low[k] = value < low[k] ? value : low[k];
            high[k] = value > high[k] ? value : high[k];
            sums[k] += value;
        }
    }
    for (ptrdiff_t k = 0; k < features; ++k) {
        mean[k] += sums[k] / (2 * static_cast<double>(count));
    }
}

void subtract(const double* __restrict points, ptrdiff_t count, ptrdiff_t features,
              const double* __restrict middle, double* __restrict near) {
    for (ptrdiff_t i = 0; i < count; ++i, points += features, near += features) {
        for (ptrdiff_t k = 0; k < features; ++k) {
            near[k] = points[k] - middle[k];
        }
    }
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

bool centre(PairPoints& p, bool near) {
    const ptrdiff_t features = p.features;
    p.middle = numbers(features);
    p.spread = numbers(features);
    const Numbers memory = numbers(2 * features);
    if (!p.middle || !p.spread || !memory) {
        return false;
    }
    double *middle = p.middle.get(), *low = memory.get(), *high = p.spread.get(), *sums = low + features;
    for (ptrdiff_t k = 0; k < features; ++k) {
        low[k] = high[k] = p.x[k];
        middle[k] = 0;
    }
    widen(p.x, p.n, features, low, high, sums, middle);
    widen(p.rows_y, p.m, features, low, high, sums, middle);
    for (ptrdiff_t k = 0; k < features; ++k) {
        // Within the range, as rounded: points that are all equal come out as zeros.
        middle[k] = middle[k] < low[k] ? low[k] : middle[k] > high[k] ? high[k] : middle[k];
        p.spread[k] = high[k] - low[k];
    }
    if (!near) {
        return true;
    }
    p.near_x = numbers(p.n * features);
    p.near_rows = numbers(p.m * features);
    if (!p.near_x || !p.near_rows) {
        return false;
    }
    subtract(p.x, p.n, features, middle, p.near_x.get());
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
