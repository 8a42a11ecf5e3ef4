// The rows, or columns, of a compressed sparse matrix as the arrays say them: each index is compared as it is
// used, since another thread may write to them. No Python here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace einroute {
namespace {

// Lines that are looked at together where most have no entry.
constexpr std::size_t TOGETHER = 16;

// Whether that many lines have none: all their pointers are compared, not the ends alone.
template <class I> bool are_empty(const I* indptr) {
    I others = 0;
    for (std::size_t i = 1; i <= TOGETHER; ++i) {
        others = static_cast<I>(others | (indptr[i] ^ indptr[0]));
    }
    return others == 0;
}

// Calls a function for each of so many compressed lines that may have an entry of so many; false once it does
// so.
template <class I, class Function>
bool each_that_may_have_entries(const I* indptr, std::size_t count, std::size_t entries,
                                const Function& function) {
    const bool sparser = entries < count / 2;
    for (std::size_t line = 0; line < count;) {
        const std::size_t end = line + TOGETHER < count ? line + TOGETHER : count;
        if (sparser && end - line == TOGETHER && are_empty(indptr + line)) {
            line = end;
        }
        for (; line < end; ++line) {
            if (!function(line)) {
                return false;
            }
        }
    }
    return true;
}

template <class I> struct Lines {
    const I *indptr, *indices;
    std::size_t entries; // that there are both indices and values of

    // Where a line's entries are; false where that is no range of them.
    bool range(std::size_t line, std::size_t& low, std::size_t& high) const {
        low = static_cast<std::size_t>(static_cast<std::int64_t>(indptr[line]));
        high = static_cast<std::size_t>(static_cast<std::int64_t>(indptr[line + 1]));
        return low <= high && high <= entries;
    }

    // The index of an entry; a negative one is larger than any length.
    std::size_t index(std::size_t k) const {
        return static_cast<std::size_t>(static_cast<std::int64_t>(indices[k]));
    }
};

} // namespace
} // namespace einroute
