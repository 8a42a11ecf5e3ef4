// Rows added up by index: the loops of rows whose numbers lie side by side. No Python here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace einroute {

// Adds `count` rows of `width` numbers, `by_row` bytes apart, each to the row of `out` that its index
// numbers; these are `pitch` numbers apart. A negative index is none.
template <class R>
using RowLoop = void (*)(const std::int64_t* index, std::ptrdiff_t count, const char* rows,
                         std::ptrdiff_t by_row, std::ptrdiff_t width, R* out, std::ptrdiff_t pitch);

struct RowLoops {
    RowLoop<float> float32;
    RowLoop<double> float64;
};

// Those of the instruction set that runs.
const RowLoops& row_loops();

} // namespace einroute
