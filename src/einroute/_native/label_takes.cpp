#include "classes.hpp"
#include "label_index.hpp"

#include <type_traits>

namespace einroute {

namespace {

// Calls found(i, whether all labels are the same class) for each place of a stretch.
template <class Found> inline void compare(const Places& p, const Stretch& s, const Found& found) {
    const int last = p.ndim - 1;
    with_type(p.labels[0], [&](auto like) {
        using L = decltype(like);
        const char* first = s.labels[0];
        const ptrdiff_t stride = p.labels[0].strides[last];
        const uint64_t length = p.labels[0].length;
        if (p.count == 1 && stride == sizeof(L)) {
            for (ptrdiff_t i = 0; i < s.count; ++i) {
                found(i, as_unsigned<L>(first + i * static_cast<ptrdiff_t>(sizeof(L))) < length);
            }
            return;
        }
        std::uint8_t same[CHUNK];
        for (ptrdiff_t i = 0; i < s.count; ++i) {
            same[i] = as_unsigned<L>(first + i * stride) < length;
        }
        for (int k = 1; k < p.count; ++k) {
            with_type(p.labels[k], [&](auto other) {
                using M = decltype(other);
                const char* own = s.labels[k];
                const ptrdiff_t by = p.labels[k].strides[last];
                for (ptrdiff_t i = 0; i < s.count; ++i) {
                    // One that changes meanwhile is another class, or none: no place outside is read by it.
                    same[i] &= as_unsigned<M>(own + i * by) == as_unsigned<L>(first + i * stride);
                }
            });
        }
        for (ptrdiff_t i = 0; i < s.count; ++i) {
            found(i, same[i] != 0);
        }
    });
}

// Writes one where all labels are the same class, else zero; of numbers of sizeof(U) bytes.
template <class U> void write(const Places& p, ptrdiff_t start, ptrdiff_t stop, const char* one, char* to) {
    const U there = load<U>(one);
    [[maybe_unused]] const U nothing{};
    along(p, start, stop, [&](const Stretch& s) {
        char* out = to + s.at * static_cast<ptrdiff_t>(sizeof(U));
        compare(p, s, [&](ptrdiff_t i, bool same) {
            U own;
            if constexpr (std::is_integral_v<U>) { // no jump
                own = static_cast<U>(there & static_cast<U>(0 - static_cast<uint64_t>(same)));
            } else {
                own = same ? there : nothing;
            }
            std::memcpy(out + i * static_cast<ptrdiff_t>(sizeof(U)), &own, sizeof(U));
        });
    });
}

template <class L, class U>
void take_items(const char* index, ptrdiff_t stride, uint64_t length, ptrdiff_t n, const char* table,
                char* to) {
    for (ptrdiff_t i = 0; i < n; ++i) {
        const uint64_t at = as_unsigned<L>(index + i * stride);
        char* own = to + i * static_cast<ptrdiff_t>(sizeof(U));
        if constexpr (sizeof(U) <= 16) { // in a register
            U item{};
            if (at < length) {
                std::memcpy(&item, table + at * sizeof(U), sizeof(U));
            }
            std::memcpy(own, &item, sizeof(U));
        } else if (at < length) {
            std::memcpy(own, table + at * sizeof(U), sizeof(U));
        } else {
            std::memset(own, 0, sizeof(U));
        }
    }
}

template <int COUNT> struct Words {
    uint64_t words[COUNT];
};

template <class L>
void take_any(const char* index, ptrdiff_t stride, uint64_t length, ptrdiff_t n, const char* table,
              ptrdiff_t bytes, char* to) {
    for (ptrdiff_t i = 0; i < n; ++i) {
        const uint64_t at = as_unsigned<L>(index + i * stride);
        if (at < length) {
            std::memcpy(to + i * bytes, table + static_cast<ptrdiff_t>(at) * bytes,
                        static_cast<std::size_t>(bytes));
        } else {
            std::memset(to + i * bytes, 0, static_cast<std::size_t>(bytes));
        }
    }
}

// Whether the labels lie side by side as numbers of one type.
bool side_by_side(const Places& p) {
    bool good = p.ndim == 1 && p.count >= 1 && p.count <= 2 && p.labels[0].length > 0;
    for (int k = 0; good && k < p.count; ++k) {
        good = p.labels[k].size == p.labels[0].size && p.labels[k].strides[0] == p.labels[k].size &&
               p.labels[k].is_signed == p.labels[0].is_signed;
    }
    return good;
}

// The last class that a label can name, of its type.
uint64_t last_class(const Labels& labels) {
    const int bits = 8 * labels.size - (labels.is_signed ? 1 : 0);
    const uint64_t largest = ~uint64_t{0} >> (64 - bits);
    return labels.length - 1 < largest ? labels.length - 1 : largest;
}

} // namespace

void count_places(const Places& p, ptrdiff_t start, ptrdiff_t stop, int64_t* counts, int tables,
                  ptrdiff_t apart) {
    along(p, start, stop, [&](const Stretch& s) {
        int64_t space[CHUNK];
        with_index(p, s, space, [&](auto like, const char* index, ptrdiff_t stride, uint64_t length) {
            using L = decltype(like);
            const auto one = [&](ptrdiff_t i, int64_t* table) {
                const uint64_t at = as_unsigned<L>(index + i * stride);
                if (at < length) {
                    ++table[at];
                }
            };
            ptrdiff_t i = 0;
            if (tables == 4) {
                for (; i + 4 <= s.count; i += 4) {
                    one(i, counts);
                    one(i + 1, counts + apart);
                    one(i + 2, counts + 2 * apart);
                    one(i + 3, counts + 3 * apart);
                }
            }
            for (; i < s.count; ++i) {
                one(i, counts);
            }
        });
    });
}

void take_rows(const Places& p, ptrdiff_t start, ptrdiff_t stop, const char* table, ptrdiff_t bytes,
               char* out) {
    along(p, start, stop, [&](const Stretch& s) {
        int64_t space[CHUNK];
        char* to = out + s.at * bytes;
        with_index(p, s, space, [&](auto like, const char* index, ptrdiff_t stride, uint64_t length) {
            using L = decltype(like);
            switch (bytes) {
            case 1:
                return take_items<L, std::uint8_t>(index, stride, length, s.count, table, to);
            case 2:
                return take_items<L, std::uint16_t>(index, stride, length, s.count, table, to);
            case 4:
                return take_items<L, std::uint32_t>(index, stride, length, s.count, table, to);
            case 8:
                return take_items<L, uint64_t>(index, stride, length, s.count, table, to);
            case 16:
                return take_items<L, Words<2>>(index, stride, length, s.count, table, to);
            case 24:
                return take_items<L, Words<3>>(index, stride, length, s.count, table, to);
            case 32:
                return take_items<L, Words<4>>(index, stride, length, s.count, table, to);
            case 64:
                return take_items<L, Words<8>>(index, stride, length, s.count, table, to);
            default:
                return take_any<L>(index, stride, length, s.count, table, bytes, to);
            }
        });
    });
}

void write_ones(const Places& p, ptrdiff_t start, ptrdiff_t stop, const char* one, ptrdiff_t bytes,
                char* to) {
    if ((bytes == 8 || bytes == 4) && side_by_side(p)) {
        const Labels& labels = p.labels[0];
        const char* others = p.count == 2 ? p.labels[1].data + start * labels.size : nullptr;
        return class_loop()({labels.data + start * labels.size, others, stop - start, labels.size,
                             static_cast<int>(bytes), last_class(labels),
                             bytes == 8 ? load<unsigned long long>(one) : load<std::uint32_t>(one),
                             to + start * bytes});
    }
    switch (bytes) {
    case 1:
        return write<std::uint8_t>(p, start, stop, one, to);
    case 2:
        return write<std::uint16_t>(p, start, stop, one, to);
    case 4:
        return write<std::uint32_t>(p, start, stop, one, to);
    case 8:
        return write<uint64_t>(p, start, stop, one, to);
    case 16:
        return write<Words<2>>(p, start, stop, one, to);
    case 24:
        return write<Words<3>>(p, start, stop, one, to);
    default:
        return write<Words<4>>(p, start, stop, one, to);
    }
}

ptrdiff_t count_equal(const Places& p, ptrdiff_t start, ptrdiff_t stop) {
    ptrdiff_t total = 0;
    along(p, start, stop, [&](const Stretch& s) {
        ptrdiff_t own = 0;
        compare(p, s, [&](ptrdiff_t, bool same) { own += same; });
        total += own;
    });
    return total;
}

} // namespace einroute
