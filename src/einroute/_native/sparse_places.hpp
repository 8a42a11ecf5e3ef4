// Entries of a row by their columns. No Python here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace einroute {
namespace {

using std::size_t;

// Where an entry of a row lies in it, and its column: of one column those come first that came first.
template <class O> struct Place {
    O column, at;

    bool operator<(const Place& other) const {
        return column != other.column ? column < other.column : at < other.at;
    }
};

// Both as one number, which is compared faster; neither is negative.
template <> struct Place<std::int32_t> {
    std::uint64_t both;

    Place(std::int32_t column, std::int32_t at)
        : both(static_cast<std::uint64_t>(column) << 32 | static_cast<std::uint32_t>(at)) {}
    bool operator<(const Place& other) const { return both < other.both; }
};

template <class O> O column_of(const Place<O>& place) {
    return place.column;
}
inline std::int32_t column_of(const Place<std::int32_t>& place) {
    return static_cast<std::int32_t>(place.both >> 32);
}
template <class O> size_t position_of(const Place<O>& place) {
    return static_cast<size_t>(place.at);
}
inline size_t position_of(const Place<std::int32_t>& place) {
    return static_cast<size_t>(place.both & 0xffffffffu);
}

template <class O> void sort(std::vector<Place<O>>& row) {
    std::sort(row.begin(), row.end());
}

} // namespace
} // namespace einroute
