#include "sparse_compress.hpp"

#include <cstdint>
#include <cstring>

namespace einroute {

namespace {

using std::ptrdiff_t;
using std::size_t;

template <class I> inline size_t unsigned_index(const I* indices, ptrdiff_t k) {
    return static_cast<size_t>(static_cast<std::int64_t>(indices[k]));
}

// A counting sort. Rows are read twice, and may have changed in between: each time they are compared, and
// where no entry is put to the index is out of range.
template <class I, class V>
bool sort(const Coordinates& p, ptrdiff_t rows, I* indptr, I* indices, V* values) {
    const I *lines = static_cast<const I*>(p.lines), *others = static_cast<const I*>(p.others);
    const V* data = reinterpret_cast<const V*>(p.data);
    const size_t length = static_cast<size_t>(rows), count = static_cast<size_t>(p.count);
    std::memset(indptr, 0, (length + 1) * sizeof(I));
    std::memset(indices, 0xff, count * sizeof(I));
    for (ptrdiff_t k = 0; k < p.count; ++k) {
        const size_t row = unsigned_index(lines, k);
        if (row >= length) {
            return false;
        }
        ++indptr[row];
    }
    I begin = 0;
    for (size_t row = 0; row <= length; ++row) {
        const I held = indptr[row];
        indptr[row] = begin;
        begin = static_cast<I>(begin + held);
    }
    for (ptrdiff_t k = 0; k < p.count; ++k) {
        const size_t row = unsigned_index(lines, k);
        if (row >= length) {
            return false;
        }
        const size_t to = static_cast<size_t>(indptr[row]++);
        if (to >= count) {
            return false;
        }
        indices[to] = others[k];
        values[to] = data[k];
    }
    // Each pointer stands where the next row begins.
    std::memmove(indptr + 1, indptr, length * sizeof(I));
    indptr[0] = 0;
    return true;
}

template <class I> bool number(const I* indptr, ptrdiff_t lines, size_t count, I* to) {
    size_t low = unsigned_index(indptr, 0);
    bool good = low == 0;
    for (ptrdiff_t line = 0; good && line < lines; ++line) {
        const size_t high = unsigned_index(indptr, line + 1);
        good = high >= low && high <= count;
        for (; good && low < high; ++low) {
            to[low] = static_cast<I>(line);
        }
    }
    return good && low == count;
}

template <class I> void bisect(const I* indptr, ptrdiff_t lines, ptrdiff_t count, I* to) {
    ptrdiff_t line = 0;
    for (ptrdiff_t k = 0; k < count; ++k) {
        ptrdiff_t high = lines;
        while (line < high) {
            const ptrdiff_t middle = line + (high - line) / 2;
            if (static_cast<ptrdiff_t>(indptr[middle + 1]) <= k) {
                line = middle + 1;
            } else {
                high = middle;
            }
        }
        to[k] = static_cast<I>(line < lines ? line : -1);
    }
}

struct Pair {
    std::uint64_t first, second;
};

template <class I>
bool of_index(const Coordinates& p, ptrdiff_t rows, void* indptr, void* indices, char* values) {
    I *to_indptr = static_cast<I*>(indptr), *to_indices = static_cast<I*>(indices);
    switch (p.item) {
    case 1:
        return sort(p, rows, to_indptr, to_indices, reinterpret_cast<std::uint8_t*>(values));
    case 2:
        return sort(p, rows, to_indptr, to_indices, reinterpret_cast<std::uint16_t*>(values));
    case 4:
        return sort(p, rows, to_indptr, to_indices, reinterpret_cast<std::uint32_t*>(values));
    case 8:
        return sort(p, rows, to_indptr, to_indices, reinterpret_cast<std::uint64_t*>(values));
    default:
        return sort(p, rows, to_indptr, to_indices, reinterpret_cast<Pair*>(values));
    }
}

} // namespace

bool compress(const Coordinates& entries, ptrdiff_t rows, void* indptr, void* indices, char* values) {
    return entries.wide ? of_index<std::int64_t>(entries, rows, indptr, indices, values)
                        : of_index<std::int32_t>(entries, rows, indptr, indices, values);
}

bool number_lines(bool wide, const void* indptr, ptrdiff_t lines, ptrdiff_t count, void* to) {
    const size_t entries = static_cast<size_t>(count);
    return wide ? number(static_cast<const std::int64_t*>(indptr), lines, entries,
                         static_cast<std::int64_t*>(to))
                : number(static_cast<const std::int32_t*>(indptr), lines, entries,
                         static_cast<std::int32_t*>(to));
}

void bisect_lines(bool wide, const void* indptr, ptrdiff_t lines, ptrdiff_t count, void* to) {
    if (wide) {
        bisect(static_cast<const std::int64_t*>(indptr), lines, count, static_cast<std::int64_t*>(to));
    } else {
        bisect(static_cast<const std::int32_t*>(indptr), lines, count, static_cast<std::int32_t*>(to));
    }
}

} // namespace einroute
