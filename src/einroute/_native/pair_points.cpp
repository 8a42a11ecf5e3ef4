#include "pair_points.hpp"

namespace einroute {

using std::ptrdiff_t;

namespace {

// Columns that are packed together, so that lines of either layout are read whole.
constexpr ptrdiff_t STRIP = 8;

template <class R>
void pack_as(const Weights& w, ptrdiff_t i, ptrdiff_t j, ptrdiff_t rows, ptrdiff_t columns, double* to,
             ptrdiff_t step) {
    const char* from = w.data + i * w.down + j * w.across;
    for (ptrdiff_t first = 0; first < columns; first += STRIP) {
        const ptrdiff_t last = first + STRIP < columns ? first + STRIP : columns;
        for (ptrdiff_t r = 0; r < rows; ++r) {
            for (ptrdiff_t c = first; c < last; ++c) {
                to[r * step + c] = *reinterpret_cast<const R*>(from + r * w.down + c * w.across);
            }
        }
    }
}

void widen(const double* points, ptrdiff_t count, ptrdiff_t features, double* low, double* high) {
    for (ptrdiff_t i = 0; i < count; ++i) {
        for (ptrdiff_t k = 0; k < features; ++k) {
            const double value = points[i * features + k];
            low[k] = value < low[k] ? value : low[k];
            high[k] = value > high[k] ? value : high[k];
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

bool centre(PairPoints& p, const double* x, const double* y, bool norms) {
    const ptrdiff_t features = p.features;
    p.x = x;
    p.padded = (p.m + PAIR_LANES - 1) / PAIR_LANES * PAIR_LANES;
    p.near_x = numbers(p.n * features);
    p.y = numbers(features * p.padded);
    p.near_y = numbers((features + (norms ? 1 : 0)) * p.padded);
    p.spread = numbers(features);
    const Numbers middle = numbers(features);
    if (!p.near_x || !p.y || !p.near_y || !p.spread || !middle) {
        return false;
    }
    double *low = middle.get(), *high = p.spread.get();
    for (ptrdiff_t k = 0; k < features; ++k) {
        low[k] = high[k] = x[k];
    }
    widen(x, p.n, features, low, high);
    widen(y, p.m, features, low, high);
    for (ptrdiff_t k = 0; k < features; ++k) {
        p.spread[k] = high[k] - low[k];
        middle[k] = low[k] + p.spread[k] / 2;
    }
    for (ptrdiff_t i = 0; i < p.n; ++i) {
        for (ptrdiff_t k = 0; k < features; ++k) {
            p.near_x[i * features + k] = x[i * features + k] - middle[k];
        }
    }
    double* const norm = p.near_y.get() + features * p.padded;
    for (ptrdiff_t j = 0; j < p.padded; ++j) {
        const bool there = j < p.m;
        double squares = 0;
        for (ptrdiff_t k = 0; k < features; ++k) {
            const double value = there ? y[j * features + k] : 0, near = there ? value - middle[k] : 0;
            p.y[k * p.padded + j] = value;
            p.near_y[k * p.padded + j] = near;
            squares += near * near;
        }
        if (norms) {
            norm[j] = squares;
        }
    }
    return true;
}

} // namespace einroute
