// Labels read and made indices: compiled once for each instruction set, in a namespace of its own.

#include "../index_loops.hpp"
#include "../label_values.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

// Negative where a label, as a signed number, is not from 0 to `last`.
inline int64_t outside(int64_t label, int64_t last) {
    return label | static_cast<int64_t>(static_cast<uint64_t>(last) - static_cast<uint64_t>(label));
}

// NONE of a negative number, 0 of any other.
inline int64_t none_if_negative(int64_t number) {
    return -static_cast<int64_t>(static_cast<uint64_t>(number) >> 63);
}

template <class L>
bool read_labels(const char* from, ptrdiff_t stride, ptrdiff_t count, int64_t last, int64_t* to) {
    int64_t bad = 0;
    const auto read = [&](ptrdiff_t by) {
        for (ptrdiff_t i = 0; i < count; ++i) {
            const int64_t label = static_cast<int64_t>(as_unsigned<L>(from + i * by));
            to[i] = label;
            bad |= outside(label, last);
        }
    };
    if (stride == sizeof(L)) {
        read(sizeof(L));
    } else {
        read(stride);
    }
    return bad >= 0;
}

bool read(const Labels& labels, const char* from, ptrdiff_t stride, ptrdiff_t count, int64_t* to) {
    bool good = false;
    with_type(labels, [&](auto like) {
        good = read_labels<decltype(like)>(from, stride, count, static_cast<int64_t>(labels.length - 1), to);
    });
    return good;
}

constexpr uint64_t SHORT = uint64_t{1} << 32;

// Calls body(what a label counts): of short numbers, whose products take less time, where they suffice.
template <class Body> inline void with_product(const Scaled& by, const Body& body) {
    const uint64_t scale = by.scale;
    if (scale == 1) {
        body([](int64_t label) { return label; });
    } else if (scale < SHORT && by.length <= SHORT) {
        body([scale](int64_t label) {
            return static_cast<int64_t>((static_cast<uint64_t>(label) & (SHORT - 1)) * (scale & (SHORT - 1)));
        });
    } else {
        body([scale](int64_t label) { return static_cast<int64_t>(static_cast<uint64_t>(label) * scale); });
    }
}

void scale(const Scaled& by, bool good, ptrdiff_t count, int64_t* labels) {
    const int64_t last = static_cast<int64_t>(by.length - 1), base = by.base, step = by.step;
    with_product(by, [&](const auto& product) {
        if (good) {
            for (ptrdiff_t i = 0; i < count; ++i) {
                labels[i] = product(labels[i]) + base + i * step;
            }
        } else {
            for (ptrdiff_t i = 0; i < count; ++i) {
                const int64_t none = none_if_negative(outside(labels[i], last));
                labels[i] = (product(labels[i] & ~none) + base + i * step) | none;
            }
        }
    });
}

void add(const Scaled& by, bool good, const int64_t* labels, ptrdiff_t count, int64_t* index) {
    const int64_t last = static_cast<int64_t>(by.length - 1);
    with_product(by, [&](const auto& product) {
        if (good) {
            for (ptrdiff_t i = 0; i < count; ++i) {
                index[i] += product(labels[i]);
            }
        } else {
            for (ptrdiff_t i = 0; i < count; ++i) {
                const int64_t none = none_if_negative(outside(labels[i], last) | index[i]);
                index[i] = (index[i] + product(labels[i] & ~none)) | none;
            }
        }
    });
}

void match(const int64_t* labels, ptrdiff_t count, int64_t* index) {
    for (ptrdiff_t i = 0; i < count; ++i) {
        index[i] |= labels[i] == index[i] ? int64_t{0} : NONE;
    }
}

} // namespace

extern const IndexLoops INDICES;
const IndexLoops INDICES = {read, scale, add, match};

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
