// Where the labels of places point: indices found a stretch of places at a time. No Python here.
#pragma once

#include "index_loops.hpp"
#include "label_values.hpp"

#include <algorithm>

namespace einroute {
namespace {

// Places whose index is found before it is used.
constexpr ptrdiff_t CHUNK = 1024;
// The same where much is written for each: the labels that come next are fetched meanwhile.
constexpr ptrdiff_t FEWER = 256;

// Where a stretch of places along the last axis begins.
struct Stretch {
    ptrdiff_t at, count; // of all places; how many there are
    const char* labels[MOST_LABELS];
    int64_t base;
    ptrdiff_t coords[MOST_PLACE_AXES];
};

// Calls body(stretch) for the places from start to before stop, in their order, at most so many at a time.
template <class Body>
void along(const Places& p, ptrdiff_t start, ptrdiff_t stop, const Body& body, ptrdiff_t most = CHUNK) {
    Stretch s;
    ptrdiff_t left = start;
    for (int a = p.ndim - 1; a >= 0; --a) {
        s.coords[a] = left % p.shape[a];
        left /= p.shape[a];
    }
    const int last = p.ndim - 1;
    for (s.at = start; s.at < stop; s.at += s.count) {
        s.count = p.shape[last] - s.coords[last];
        s.count = s.count > most ? most : s.count;
        s.count = s.count > stop - s.at ? stop - s.at : s.count;
        s.base = 0;
        for (int a = 0; a <= last; ++a) {
            s.base += s.coords[a] * p.steps[a];
        }
        for (int k = 0; k < p.count; ++k) {
            s.labels[k] = p.labels[k].data;
            for (int a = 0; a <= last; ++a) {
                s.labels[k] += s.coords[a] * p.labels[k].strides[a];
            }
        }
        body(s);
        s.coords[last] += s.count;
        for (int a = last; a > 0 && s.coords[a] == p.shape[a]; --a) {
            s.coords[a] = 0;
            ++s.coords[a - 1];
        }
    }
}

// Finds the index of each place of a stretch, NONE where a label is no class; whether there is none such.
// What is found is the caller's own: a label that another thread changes meanwhile is used as it was tested.
inline bool find_index(const Places& p, const Stretch& s, int64_t* to) {
    const IndexLoops& loops = index_loops();
    const int last = p.ndim - 1;
    int64_t space[CHUNK];
    bool all = true;
    for (int k = 0; k < p.count; ++k) {
        const Labels& labels = p.labels[k];
        int64_t* own = k == 0 ? to : space;
        const bool good =
            labels.length > 0 && loops.read(labels, s.labels[k], labels.strides[last], s.count, own);
        if (labels.length == 0) {
            std::fill(own, own + s.count, NONE);
        }
        all = all && good;
        const Scaled scaled{labels.length, static_cast<uint64_t>(labels.scale), s.base, p.steps[last]};
        if (k > 0) {
            loops.add(scaled, all, own, s.count, to);
        } else if (!good || labels.scale != 1 || s.base != 0 || p.steps[last] != 0) {
            loops.scale(scaled, good, s.count, to);
        }
    }
    return all;
}

} // namespace
} // namespace einroute
