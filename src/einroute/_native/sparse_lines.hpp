// The rows, or columns, of a compressed sparse matrix as the arrays say them: each index is compared as it is
// used, since another thread may write to them. No Python here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace einroute {
namespace {

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
