#include "sparse_coordinates.hpp"

#include "finite.hpp"
#include "float_status.hpp"
#include "object.hpp"
#include "sparse_dtypes.hpp"

namespace einroute {

namespace {

using std::ptrdiff_t;
using std::size_t;

// Entries from which the GIL is released.
constexpr ptrdiff_t RELEASED = 1 << 15;
// Parts of the entries that take turns: of entries in order each sum would wait for the one before.
constexpr ptrdiff_t PARTS = 4;

struct Vectors {
    size_t rows, columns;
    const char* x;
    ptrdiff_t x_by;
    char* y;
    ptrdiff_t y_by;
};

template <class T, class I>
bool multiply(const Coordinates p, const Vectors v) { // copies: no store may change what they say
    const I *lines = static_cast<const I*>(p.lines), *others = static_cast<const I*>(p.others);
    const T* data = reinterpret_cast<const T*>(p.data);
    const auto add = [&](ptrdiff_t k) {
        const size_t row = static_cast<size_t>(static_cast<std::int64_t>(lines[k]));
        const size_t column = static_cast<size_t>(static_cast<std::int64_t>(others[k]));
        if (row >= v.rows || column >= v.columns) {
            return false;
        }
        add_product(at<T>(v.y + static_cast<ptrdiff_t>(row) * v.y_by), data[k],
                    at<T>(v.x + static_cast<ptrdiff_t>(column) * v.x_by));
        return true;
    };
    const ptrdiff_t part = p.count / PARTS;
    for (ptrdiff_t k = 0; k < part; ++k) {
        for (ptrdiff_t i = 0; i < PARTS; ++i) {
            if (!add(i * part + k)) {
                return false;
            }
        }
    }
    for (ptrdiff_t k = PARTS * part; k < p.count; ++k) {
        if (!add(k)) {
            return false;
        }
    }
    return true;
}

} // namespace

bool multiply_coordinates(const Coordinates& p, char character, ptrdiff_t rows, ptrdiff_t columns,
                          const char* x, ptrdiff_t x_by, char* y, ptrdiff_t y_by) {
    const Vectors v{static_cast<size_t>(rows), static_cast<size_t>(columns), x, x_by, y, y_by};
    const auto run = [&] {
        const bool sound = by_dtype(
            character,
            [&](auto like) {
                using T = decltype(like);
                return p.wide ? multiply<T, std::int64_t>(p, v) : multiply<T, std::int32_t>(p, v);
            },
            false);
        clear_status();
        return sound;
    };
    if (p.count < RELEASED) {
        return run();
    }
    bool sound;
    Py_BEGIN_ALLOW_THREADS;
    sound = run();
    Py_END_ALLOW_THREADS;
    return sound;
}

bool finite_at(const PlacesOf& from, const Column& y, int parts, bool single) {
    bool finite = true;
    for (ptrdiff_t k = 0; k < from.count; ++k) {
        const ptrdiff_t row = from.wide
                                  ? static_cast<ptrdiff_t>(static_cast<const std::int64_t*>(from.lines)[k])
                                  : static_cast<ptrdiff_t>(static_cast<const std::int32_t*>(from.lines)[k]);
        finite &= row < 0 || row >= y.rows || all_finite(y.data + row * y.by, parts, single);
    }
    return finite;
}

} // namespace einroute
