// Where the labels of places point: indices found a stretch of places at a time. No Python here.
#pragma once

#include "label_loops.hpp"

#include <cstring>

namespace einroute {
namespace {

using std::int64_t;
using std::ptrdiff_t;
using std::uint64_t;

// Places whose index is found before it is used, and the index of those that have none.
constexpr ptrdiff_t CHUNK = 1024;
constexpr int64_t NONE = -1;

template <class T> inline T load(const char* p) {
    T x;
    std::memcpy(&x, p, sizeof x);
    return x;
}

// A label as an unsigned number: negative ones are larger than any length.
template <class L> inline uint64_t as_unsigned(const char* p) {
    return static_cast<uint64_t>(static_cast<int64_t>(load<L>(p)));
}

template <> inline uint64_t as_unsigned<uint64_t>(const char* p) {
    return load<uint64_t>(p);
}

// Calls body(L{}) with the type of the labels.
template <class Body> inline void with_type(const Labels& labels, const Body& body) {
    switch (labels.size * 2 + (labels.is_signed ? 1 : 0)) {
    case 2:
        return body(std::uint8_t{});
    case 3:
        return body(std::int8_t{});
    case 4:
        return body(std::uint16_t{});
    case 5:
        return body(std::int16_t{});
    case 8:
        return body(std::uint32_t{});
    case 9:
        return body(std::int32_t{});
    case 16:
        return body(std::uint64_t{});
    default:
        return body(std::int64_t{});
    }
}

template <class L>
void first_index(const char* p, ptrdiff_t stride, ptrdiff_t n, uint64_t length, int64_t scale, int64_t base,
                 int64_t step, int64_t* to) {
    if (stride == sizeof(L) && step == 0) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            const uint64_t label = as_unsigned<L>(p + i * static_cast<ptrdiff_t>(sizeof(L)));
            to[i] = label < length ? static_cast<int64_t>(label * static_cast<uint64_t>(scale)) + base : NONE;
        }
        return;
    }
    for (ptrdiff_t i = 0; i < n; ++i) {
        const uint64_t label = as_unsigned<L>(p + i * stride);
        const int64_t own = static_cast<int64_t>(label * static_cast<uint64_t>(scale)) + base + i * step;
        to[i] = label < length ? own : NONE;
    }
}

template <class L>
void more_index(const char* p, ptrdiff_t stride, ptrdiff_t n, uint64_t length, int64_t scale, int64_t* to) {
    for (ptrdiff_t i = 0; i < n; ++i) {
        const uint64_t label = as_unsigned<L>(p + i * stride);
        const int64_t own = to[i] + static_cast<int64_t>(label * static_cast<uint64_t>(scale));
        to[i] = to[i] >= 0 && label < length ? own : NONE;
    }
}

// Where a stretch of places along the last axis begins.
struct Stretch {
    ptrdiff_t at, count; // of all places; how many there are
    const char* labels[MOST_LABELS];
    int64_t base;
    ptrdiff_t coords[MOST_PLACE_AXES];
};

// Calls body(stretch) for the places from start to before stop, in their order, at most CHUNK at a time.
template <class Body> void along(const Places& p, ptrdiff_t start, ptrdiff_t stop, const Body& body) {
    Stretch s;
    ptrdiff_t left = start;
    for (int a = p.ndim - 1; a >= 0; --a) {
        s.coords[a] = left % p.shape[a];
        left /= p.shape[a];
    }
    const int last = p.ndim - 1;
    for (s.at = start; s.at < stop; s.at += s.count) {
        s.count = p.shape[last] - s.coords[last];
        s.count = s.count > CHUNK ? CHUNK : s.count;
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

inline void find_index(const Places& p, const Stretch& s, int64_t* to) {
    const int last = p.ndim - 1;
    for (int k = 0; k < p.count; ++k) {
        const Labels& labels = p.labels[k];
        with_type(labels, [&](auto like) {
            using L = decltype(like);
            if (k == 0) {
                first_index<L>(s.labels[0], labels.strides[last], s.count, labels.length, labels.scale,
                               s.base, p.steps[last], to);
            } else {
                more_index<L>(s.labels[k], labels.strides[last], s.count, labels.length, labels.scale, to);
            }
        });
    }
}

// Calls body(L{}, first, stride, length) with where the index of each place is read: from the labels
// themselves, or from what was found of them.
template <class Body>
inline void with_index(const Places& p, const Stretch& s, int64_t* space, const Body& body) {
    const int last = p.ndim - 1;
    const Labels& labels = p.labels[0];
    if (p.count == 1 && labels.scale == 1 && s.base == 0 && p.steps[last] == 0 && labels.is_signed) {
        if (labels.size == 8) {
            return body(int64_t{}, s.labels[0], labels.strides[last], labels.length);
        }
        if (labels.size == 4) {
            return body(std::int32_t{}, s.labels[0], labels.strides[last], labels.length);
        }
    }
    find_index(p, s, space);
    body(int64_t{}, reinterpret_cast<const char*>(space), static_cast<ptrdiff_t>(sizeof(int64_t)),
         static_cast<uint64_t>(INT64_MAX));
}

} // namespace
} // namespace einroute
