// Rows added up by index: compiled once for each instruction set, in a namespace of its own.

#include "../label_rows.hpp"
#include "../label_values.hpp"
#include "vectors.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using std::ptrdiff_t;

template <class R> inline void add_vector(R* to, const char* from) {
    const Vec<R> sum = load_vector<R>(reinterpret_cast<const char*>(to)) + load_vector<R>(from);
    std::memcpy(to, &sum, sizeof sum);
}

// Adds so many numbers that a register of 16 bytes holds.
template <ptrdiff_t COUNT, class R> inline void add_some(R* to, const char* from) {
    R sum[COUNT], row[COUNT];
    std::memcpy(sum, to, sizeof sum);
    std::memcpy(row, from, sizeof row);
    for (ptrdiff_t c = 0; c < COUNT; ++c) {
        sum[c] += row[c];
    }
    std::memcpy(to, sum, sizeof sum);
}

// Adds a row whose length the compiler knows, in the fewest pieces.
template <ptrdiff_t WIDTH, class R> inline void add_short(R* to, const char* from) {
    constexpr ptrdiff_t ITEM = sizeof(R), HALF = 16 / ITEM;
    if constexpr (WIDTH >= LANES<R>) {
        add_vector(to, from);
        add_short<WIDTH - LANES<R>>(to + LANES<R>, from + LANES<R> * ITEM);
    } else if constexpr (WIDTH >= HALF) {
        add_some<HALF>(to, from);
        add_short<WIDTH - HALF>(to + HALF, from + HALF * ITEM);
    } else if constexpr (WIDTH > 0) {
        add_some<1>(to, from);
        add_short<WIDTH - 1>(to + 1, from + ITEM);
    }
}

template <ptrdiff_t WIDTH, class R>
void add_few(const std::int64_t* index, ptrdiff_t count, const char* rows, ptrdiff_t by_row, R* out,
             ptrdiff_t pitch) {
    R nowhere[WIDTH]{};
    for (ptrdiff_t i = 0; i < count; ++i) {
        R* to = out + (index[i] < 0 ? 0 : index[i]) * pitch;
        add_short<WIDTH>(either(index[i] >= 0, to, nowhere), rows + i * by_row);
    }
}

template <class R>
void add_rows(const std::int64_t* index, ptrdiff_t count, const char* rows, ptrdiff_t by_row, ptrdiff_t width,
              R* out, ptrdiff_t pitch) {
    constexpr ptrdiff_t ITEM = sizeof(R), LANE = LANES<R>;
    switch (width) {
    case 2:
        return add_few<2>(index, count, rows, by_row, out, pitch);
    case 3:
        return add_few<3>(index, count, rows, by_row, out, pitch);
    case 4:
        return add_few<4>(index, count, rows, by_row, out, pitch);
    case 5:
        return add_few<5>(index, count, rows, by_row, out, pitch);
    case 6:
        return add_few<6>(index, count, rows, by_row, out, pitch);
    case 7:
        return add_few<7>(index, count, rows, by_row, out, pitch);
    case 8:
        return add_few<8>(index, count, rows, by_row, out, pitch);
    default:
        break;
    }
    R nowhere[8 * LANE]{}; // what is added where there is no class
    for (ptrdiff_t i = 0; i < count; ++i) {
        const char* from = rows + i * by_row;
        R* to = out + (index[i] < 0 ? 0 : index[i]) * pitch;
        if (width <= 8 * LANE) {
            to = either(index[i] >= 0, to, nowhere);
        } else if (index[i] < 0) {
            continue;
        }
        ptrdiff_t c = 0;
        for (; c + 4 * LANE <= width; c += 4 * LANE) {
            add_vector(to + c, from + c * ITEM);
            add_vector(to + c + LANE, from + (c + LANE) * ITEM);
            add_vector(to + c + 2 * LANE, from + (c + 2 * LANE) * ITEM);
            add_vector(to + c + 3 * LANE, from + (c + 3 * LANE) * ITEM);
        }
        for (; c + LANE <= width; c += LANE) {
            add_vector(to + c, from + c * ITEM);
        }
        if (c + LANE / 2 <= width) {
            add_some<LANE / 2>(to + c, from + c * ITEM);
            c += LANE / 2;
        }
        for (; c < width; ++c) {
            to[c] += load<R>(from + c * ITEM);
        }
    }
}

} // namespace

extern const RowLoops ROWS;
const RowLoops ROWS = {add_rows<float>, add_rows<double>};

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
