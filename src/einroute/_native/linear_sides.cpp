#include "linear_sides.hpp"

#include <cmath>
#include <cstring>

namespace einroute {

using std::ptrdiff_t;

bool read_points(LinearPoints& p, const double* rows, ptrdiff_t count, ptrdiff_t features) {
    p.count = count;
    p.padded = (count + PAIR_LANES - 1) / PAIR_LANES * PAIR_LANES;
    p.features = features;
    p.rows = rows;
    p.points = numbers(features * p.padded);
    p.head = numbers(p.padded);
    p.tail = numbers(p.padded);
    p.size = numbers(p.padded);
    if (!p.points || !p.head || !p.tail || !p.size) {
        return false;
    }
    return true;
}

void turn_points(LinearPoints& p) {
    if (!p.turned) {
        feature_by_feature(p.rows, p.count, p.features, p.points.get(), p.padded);
        p.turned = true;
    }
}

void project(LinearPoints& p, const double* w) {
    turn_points(p);
    linear_kernels().dot(
        {p.points.get(), w, p.padded, p.padded, p.features, p.head.get(), p.tail.get(), p.size.get()});
}

void choose(LinearPoints& p, ptrdiff_t feature) {
    turn_points(p);
    const double* own = p.points.get() + feature * p.padded;
    for (ptrdiff_t i = 0; i < p.padded; ++i) {
        p.head[i] = own[i];
        p.tail[i] = 0;
        p.size[i] = std::fabs(own[i]);
    }
}

} // namespace einroute
