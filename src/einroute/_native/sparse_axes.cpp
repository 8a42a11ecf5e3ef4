#include "sparse_axes.hpp"

namespace einroute {

namespace {

using std::ptrdiff_t;

// Whether vectors lie side by side in x alone, of which more is read than is written: what is read, or
// written, in the other order takes a line of the cache for each element.
bool lies_by_x(const SparseDense& p, ptrdiff_t item) {
    bool x = false, y = false;
    for (int i = 0; i < p.free; ++i) {
        const bool alone = p.size[i] > 1;
        x = x || (alone && p.x_step[i] == item && p.y_step[i] != item);
        y = y || (alone && p.y_step[i] == item);
    }
    return x && p.x_by != item && (!y || p.columns > p.rows);
}

} // namespace

std::ptrdiff_t simplify_free(SparseDense& p, std::ptrdiff_t item) {
    const npy_intp* const by = lies_by_x(p, item) ? p.x_step : p.y_step;
    int count = 0;
    ptrdiff_t width = 1;
    for (int i = 0; i < p.free; ++i) {
        width *= p.size[i];
        if (p.size[i] == 1) {
            continue;
        }
        const npy_intp size = p.size[i], x = p.x_step[i], y = p.y_step[i];
        const ptrdiff_t step = magnitude(by[i]);
        int at = count++;
        for (; at > 0 && magnitude(by[at - 1]) < step; --at) {
            p.size[at] = p.size[at - 1];
            p.x_step[at] = p.x_step[at - 1];
            p.y_step[at] = p.y_step[at - 1];
        }
        p.size[at] = size;
        p.x_step[at] = x;
        p.y_step[at] = y;
    }
    p.free = 0;
    for (int i = 0; i < count; ++i) {
        const int last = p.free - 1;
        if (last >= 0 && p.x_step[last] == p.x_step[i] * p.size[i] &&
            p.y_step[last] == p.y_step[i] * p.size[i]) {
            p.size[last] *= p.size[i];
        } else {
            p.size[p.free++] = p.size[i];
        }
        p.x_step[p.free - 1] = p.x_step[i];
        p.y_step[p.free - 1] = p.y_step[i];
    }
    return width;
}

} // namespace einroute
