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

template <class R>
void add_rows(const std::int64_t* index, ptrdiff_t count, const char* rows, ptrdiff_t by_row, ptrdiff_t width,
              R* out, ptrdiff_t pitch) {
    constexpr ptrdiff_t ITEM = sizeof(R), LANE = LANES<R>;
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
