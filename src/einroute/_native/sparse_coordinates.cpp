#include "sparse_coordinates.hpp"

#include "sparse_dtypes.hpp"

namespace einroute {

namespace {

using std::ptrdiff_t;
using std::size_t;

struct Vectors {
    size_t rows, columns;
    const char* x;
    ptrdiff_t x_by;
    char* y;
    ptrdiff_t y_by;
};

template <class T, class I> bool multiply(const Coordinates& p, const Vectors& v) {
    const I *lines = static_cast<const I*>(p.lines), *others = static_cast<const I*>(p.others);
    const T* data = reinterpret_cast<const T*>(p.data);
    for (ptrdiff_t k = 0; k < p.count; ++k) {
        const size_t row = static_cast<size_t>(static_cast<std::int64_t>(lines[k]));
        const size_t column = static_cast<size_t>(static_cast<std::int64_t>(others[k]));
        if (row >= v.rows || column >= v.columns) {
            return false;
        }
        add_product(at<T>(v.y + static_cast<ptrdiff_t>(row) * v.y_by), data[k],
                    at<T>(v.x + static_cast<ptrdiff_t>(column) * v.x_by));
    }
    return true;
}

} // namespace

bool multiply_coordinates(const Coordinates& p, char character, ptrdiff_t rows, ptrdiff_t columns,
                          const char* x, ptrdiff_t x_by, char* y, ptrdiff_t y_by) {
    const Vectors v{static_cast<size_t>(rows), static_cast<size_t>(columns), x, x_by, y, y_by};
    return by_dtype(
        character,
        [&](auto like) {
            using T = decltype(like);
            return p.wide ? multiply<T, std::int64_t>(p, v) : multiply<T, std::int32_t>(p, v);
        },
        false);
}

} // namespace einroute
