#include "classes.hpp"
#include "label_index.hpp"

#include <type_traits>

namespace einroute {

namespace {

// Finds the label of each place of a stretch that all arrays have there, NONE where they differ or it is no
// class; whether it is a class everywhere.
bool find_equal(const Places& p, const Stretch& s, int64_t* to) {
    const IndexLoops& loops = index_loops();
    const int last = p.ndim - 1;
    const uint64_t length = p.labels[0].length;
    if (length == 0) {
        std::fill(to, to + s.count, NONE);
        return false;
    }
    if (loops.read(p.labels[0], s.labels[0], p.labels[0].strides[last], s.count, to)) {
        if (p.count == 1) {
            return true;
        }
    } else {
        loops.scale({length, 1, 0, 0}, false, s.count, to);
    }
    for (int k = 1; k < p.count; ++k) {
        int64_t own[CHUNK];
        loops.read(p.labels[k], s.labels[k], p.labels[k].strides[last], s.count, own);
        loops.match(own, s.count, to);
    }
    return false;
}

// Writes one where all labels are the same class, else zero; of numbers of sizeof(U) bytes.
template <class U> void write(const Places& p, ptrdiff_t start, ptrdiff_t stop, const char* one, char* to) {
    constexpr ptrdiff_t ITEM = sizeof(U);
    const U choices[2] = {U{}, load<U>(one)};
    along(p, start, stop, [&](const Stretch& s) {
        char* out = to + s.at * ITEM;
        int64_t found[CHUNK];
        find_equal(p, s, found);
        for (ptrdiff_t i = 0; i < s.count; ++i) {
            std::memcpy(out + i * ITEM, &choices[found[i] >= 0], sizeof(U)); // no jump
        }
    });
}

// Zeros, for places without a class.
alignas(64) constexpr char NOTHING[64] = {};

template <class U> void take_items(const int64_t* index, bool all, ptrdiff_t n, const char* table, char* to) {
    constexpr ptrdiff_t ITEM = sizeof(U);
    static_assert(sizeof(U) <= sizeof NOTHING);
    if (all) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            std::memcpy(to + i * ITEM, table + index[i] * ITEM, sizeof(U));
        }
        return;
    }
    for (ptrdiff_t i = 0; i < n; ++i) {
        const char* own = table + std::max<int64_t>(index[i], 0) * ITEM;
        if constexpr (std::is_integral_v<U>) { // no jump
            const U number = load<U>(own) & static_cast<U>(~(index[i] >> 63));
            std::memcpy(to + i * ITEM, &number, sizeof number);
        } else {
            std::memcpy(to + i * ITEM, either(index[i] >= 0, own, +NOTHING), sizeof(U));
        }
    }
}

// Takes numbers up to the first label that is no class, four at a time; says how many.
template <class L, class U>
ptrdiff_t take_classes(const Labels& labels, const char* from, ptrdiff_t by, ptrdiff_t n, const char* table,
                       char* to) {
    constexpr ptrdiff_t ITEM = sizeof(U);
    const uint64_t length = labels.length;
    ptrdiff_t i = 0;
    for (; i + 4 <= n; i += 4) {
        uint64_t label[4];
        U number[4];
        for (ptrdiff_t k = 0; k < 4; ++k) {
            label[k] = as_unsigned<L>(from + (i + k) * by);
        }
        if (label[0] >= length || label[1] >= length || label[2] >= length || label[3] >= length) {
            return i;
        }
        for (ptrdiff_t k = 0; k < 4; ++k) {
            number[k] = load<U>(table + static_cast<ptrdiff_t>(label[k]) * ITEM);
        }
        for (ptrdiff_t k = 0; k < 4; ++k) {
            std::memcpy(to + (i + k) * ITEM, &number[k], sizeof(U));
        }
    }
    return i;
}

// Takes a number for each label, zero for one that is no class, without a jump.
template <class L, class U>
void take_any_labels(const Labels& labels, const char* from, ptrdiff_t by, ptrdiff_t n, const char* table,
                     char* to) {
    constexpr ptrdiff_t ITEM = sizeof(U);
    const uint64_t length = labels.length;
    for (ptrdiff_t i = 0; i < n; ++i) {
        const uint64_t label = as_unsigned<L>(from + i * by);
        const uint64_t mask = uint64_t{0} - static_cast<uint64_t>(label < length);
        const U number = load<U>(table + static_cast<ptrdiff_t>(label & mask) * ITEM) & static_cast<U>(mask);
        std::memcpy(to + i * ITEM, &number, sizeof number);
    }
}

// Whether the labels of a stretch are its index, and what is taken are numbers of 4 or 8 bytes.
bool takes_numbers(const Places& p, const Stretch& s, ptrdiff_t bytes) {
    const Labels& labels = p.labels[0];
    return p.count == 1 && s.base == 0 && p.steps[p.ndim - 1] == 0 && labels.scale == 1 &&
           labels.length > 0 && (bytes == 4 || bytes == 8);
}

// Numbers of such a stretch; `all`: whether labels were classes so far.
template <class U>
void take_numbers(const Places& p, const Stretch& s, const char* table, char* to, bool& all) {
    constexpr ptrdiff_t ITEM = sizeof(U), END = 4;
    const Labels& labels = p.labels[0];
    const ptrdiff_t by = labels.strides[p.ndim - 1];
    with_type(labels, [&](auto like) {
        using L = decltype(like);
        const ptrdiff_t done = all ? take_classes<L, U>(labels, s.labels[0], by, s.count, table, to) : 0;
        all = all && s.count - done < END;
        take_any_labels<L, U>(labels, s.labels[0] + done * by, by, s.count - done, table, to + done * ITEM);
    });
}

template <int COUNT> struct Words {
    uint64_t words[COUNT];
};

// Copies at least sizeof(U) bytes, the last of them perhaps twice.
template <class U> inline void copy_by(const char* from, ptrdiff_t bytes, char* to) {
    constexpr ptrdiff_t ITEM = sizeof(U);
    for (ptrdiff_t i = 0; i + ITEM < bytes; i += ITEM) {
        std::memcpy(to + i, from + i, sizeof(U));
    }
    std::memcpy(to + bytes - ITEM, from + bytes - ITEM, sizeof(U));
}

// Bytes from which the library's own copy takes less time than what is around it.
constexpr ptrdiff_t LONG = 64;

void take_any(const int64_t* index, ptrdiff_t n, const char* table, ptrdiff_t bytes, char* to) {
    const auto each = [&](const auto& copy) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            if (index[i] >= 0) {
                copy(table + index[i] * bytes, to + i * bytes);
            } else {
                std::memset(to + i * bytes, 0, static_cast<std::size_t>(bytes));
            }
        }
    };
    if (bytes >= LONG || bytes < 4) {
        each([&](const char* from, char* own) { std::memcpy(own, from, static_cast<std::size_t>(bytes)); });
    } else if (bytes >= 16) {
        each([&](const char* from, char* own) { copy_by<Words<2>>(from, bytes, own); });
    } else if (bytes >= 8) {
        each([&](const char* from, char* own) { copy_by<uint64_t>(from, bytes, own); });
    } else {
        each([&](const char* from, char* own) { copy_by<std::uint32_t>(from, bytes, own); });
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
        int64_t index[CHUNK];
        find_index(p, s, index);
        ptrdiff_t i = 0;
        if (tables == 4) {
            for (; i + 4 <= s.count; i += 4) {
                ++counts[index[i]];
                ++counts[index[i + 1] + apart];
                ++counts[index[i + 2] + 2 * apart];
                ++counts[index[i + 3] + 3 * apart];
            }
        }
        for (; i < s.count; ++i) {
            ++counts[index[i]];
        }
    });
}

void take_rows(const Places& p, ptrdiff_t start, ptrdiff_t stop, const char* table, ptrdiff_t bytes,
               char* out) {
    bool all = true;
    const auto take = [&](const Stretch& s) {
        char* to = out + s.at * bytes;
        if (takes_numbers(p, s, bytes)) {
            return bytes == 8 ? take_numbers<uint64_t>(p, s, table, to, all)
                              : take_numbers<std::uint32_t>(p, s, table, to, all);
        }
        int64_t index[CHUNK];
        const bool good = find_index(p, s, index);
        const auto items = [&](auto like) { take_items<decltype(like)>(index, good, s.count, table, to); };
        switch (bytes) {
        case 1:
            return items(std::uint8_t{});
        case 2:
            return items(std::uint16_t{});
        case 4:
            return items(std::uint32_t{});
        case 8:
            return items(uint64_t{});
        case 16:
            return items(Words<2>{});
        case 24:
            return items(Words<3>{});
        case 32:
            return items(Words<4>{});
        case 64:
            return items(Words<8>{});
        default:
            return take_any(index, s.count, table, bytes, to);
        }
    };
    along(p, start, stop, take, bytes > static_cast<ptrdiff_t>(sizeof(uint64_t)) ? FEWER : CHUNK);
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
        int64_t found[CHUNK];
        total += s.count;
        if (find_equal(p, s, found)) {
            return;
        }
        ptrdiff_t lacking = 0;
        for (ptrdiff_t i = 0; i < s.count; ++i) {
            lacking += found[i] < 0;
        }
        total -= lacking;
    });
    return total;
}

} // namespace einroute
