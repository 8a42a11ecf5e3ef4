#include "sparse_kept.hpp"

#include "float_status.hpp"
#include "sparse_dtypes.hpp"
#include "sparse_lines.hpp"
#include "threads.hpp"

#include <algorithm>
#include <atomic>

namespace einroute {

namespace {

using std::size_t;

template <class T> const T& element(const char* from, size_t at, npy_intp by) {
    return *reinterpret_cast<const T*>(from + static_cast<npy_intp>(at) * by);
}

template <class T> T& element(char* from, size_t at, npy_intp by) {
    return *reinterpret_cast<T*>(from + static_cast<npy_intp>(at) * by);
}

// One block by elements of x, added to y.
template <class T, bool TURNED>
inline void multiply_block(const T* a, size_t height, size_t width, const char* x, npy_intp x_by, char* y,
                           npy_intp y_by) {
    for (size_t i = 0; i < height; ++i, a += width) {
        if constexpr (TURNED) {
            const T factor = element<T>(x, i, x_by);
            for (size_t j = 0; j < width; ++j) {
                add_product(element<T>(y, j, y_by), a[j], factor);
            }
        } else {
            T sum = element<T>(y, i, y_by);
            for (size_t j = 0; j < width; ++j) {
                add_product(sum, a[j], element<T>(x, j, x_by));
            }
            element<T>(y, i, y_by) = sum;
        }
    }
}

// Rows of blocks first to last; false where an index is out of range or pointers decrease.
template <class T, class I, bool TURNED>
bool by_blocks(const Blocks& p, size_t first, size_t last, const VectorProduct& v) {
    const Lines<I> lines{static_cast<const I*>(p.indptr), static_cast<const I*>(p.indices), p.count};
    const T* const values = reinterpret_cast<const T*>(p.data);
    const size_t height = p.height, width = p.width, block = height * width;
    const npy_intp x_by = v.x_by, y_by = v.y_by;
    for (size_t line = first; line < last; ++line) {
        size_t low, high;
        if (!lines.range(line, low, high) || (line == 0 && low != 0) ||
            (line + 1 == p.lines && high != p.count)) {
            return false;
        }
        const npy_intp row = static_cast<npy_intp>(line * height);
        for (size_t k = low; k < high; ++k) {
            const size_t index = lines.index(k);
            if (index >= p.across) {
                return false;
            }
            const npy_intp column = static_cast<npy_intp>(index * width);
            const char* const x = v.x + (TURNED ? row : column) * x_by;
            char* const y = v.y + (TURNED ? column : row) * y_by;
            if (height == 2 && width == 2) { // loops whose length the compiler knows
                multiply_block<T, TURNED>(values + k * 4, 2, 2, x, x_by, y, y_by);
            } else if (height == 3 && width == 3) {
                multiply_block<T, TURNED>(values + k * 9, 3, 3, x, x_by, y, y_by);
            } else if (height == 4 && width == 4) {
                multiply_block<T, TURNED>(values + k * 16, 4, 4, x, x_by, y, y_by);
            } else {
                multiply_block<T, TURNED>(values + k * block, height, width, x, x_by, y, y_by);
            }
        }
    }
    return true;
}

// Columns first to last of a diagonal; contiguous vectors have loops that the compiler makes lanes of.
template <class T>
void by_diagonal(const Diagonal& one, npy_int64 first, npy_int64 last, const VectorProduct& v) {
    constexpr npy_intp ITEM = sizeof(T);
    const T* a = reinterpret_cast<const T*>(one.data) + first;
    const npy_int64 row = first - one.offset;
    const char* x = v.x + (v.turned ? row : first) * v.x_by;
    char* y = v.y + (v.turned ? first : row) * v.y_by;
    if (v.x_by == ITEM && v.y_by == ITEM) {
        const T* from = reinterpret_cast<const T*>(x);
        T* to = reinterpret_cast<T*>(y);
        for (npy_int64 i = 0; i < last - first; ++i) {
            add_product(to[i], a[i], from[i]);
        }
        return;
    }
    for (npy_int64 i = 0; i < last - first; ++i) {
        add_product(element<T>(y, static_cast<size_t>(i), v.y_by), a[i],
                    element<T>(x, static_cast<size_t>(i), v.x_by));
    }
}

// Sums first to last of those along the diagonals.
template <class T>
void by_diagonals(const HeldDiagonals& a, npy_int64 rows, npy_int64 first, npy_int64 last,
                  const VectorProduct& v) {
    for (const Diagonal& one : a.diagonals) {
        const npy_int64 ahead = v.turned ? 0 : one.offset;
        const npy_int64 from = std::max({npy_int64(0), one.offset, first + ahead}),
                        to = std::min({rows + one.offset, npy_int64(a.width), last + ahead});
        if (from < to) {
            by_diagonal<T>(one, from, to, v);
        }
    }
}

// Entries below which the GIL is kept; and those of a block, about.
constexpr double RELEASED = 1 << 14, BLOCK_WORK = 1 << 18;

// Parts of a product, each of other sums or, where `threads` is 1, one after the other.
template <class Part> struct Parts {
    const Part& part; // of a range of lines; false where an index is out of range
    npy_intp lines;
    long count;
    std::atomic<bool> sound{true};

    void run(long index) {
        const auto begin = [&](long i) {
            return static_cast<npy_intp>(double(lines) * double(i) / double(count));
        };
        if (!part(begin(index), index + 1 == count ? lines : begin(index + 1))) {
            sound = false;
        }
        clear_status();
    }
};

template <class Part> Multiplied run_parts(npy_intp lines, double work, int threads, const Part& part) {
    const double wanted = work / BLOCK_WORK < double(lines) ? work / BLOCK_WORK : double(lines);
    Parts<Part> parts{part, lines, static_cast<long>(wanted) + 1};
    if (work < RELEASED) {
        parts.run(0);
    } else if (!run_blocks(
                   parts.count, threads,
                   [](void* context, long index) { static_cast<Parts<Part>*>(context)->run(index); },
                   &parts)) {
        return Multiplied::Failed;
    }
    return parts.sound ? Multiplied::Done : Multiplied::Unsound;
}

} // namespace

Multiplied multiply_blocks(const Blocks& a, char character, const VectorProduct& p, int threads) {
    const double work = double(a.count) * double(a.height) * double(a.width) + double(a.lines);
    const auto part = [&](npy_intp first, npy_intp last) {
        return by_dtype(
            character,
            [&](auto like) {
                using T = decltype(like);
                const auto from = static_cast<size_t>(first), to = static_cast<size_t>(last);
                if (p.turned) {
                    return a.wide ? by_blocks<T, npy_int64, true>(a, from, to, p)
                                  : by_blocks<T, npy_int32, true>(a, from, to, p);
                }
                return a.wide ? by_blocks<T, npy_int64, false>(a, from, to, p)
                              : by_blocks<T, npy_int32, false>(a, from, to, p);
            },
            false);
    };
    // The sums of rows of blocks are their own; those over them are not.
    return run_parts(static_cast<npy_intp>(a.lines), work, p.turned ? 1 : threads, part);
}

Multiplied multiply_diagonals(const HeldDiagonals& a, char character, npy_intp rows, const VectorProduct& p,
                              int threads) {
    const npy_intp sums = p.turned ? a.width : rows;
    const auto part = [&](npy_intp first, npy_intp last) {
        return by_dtype(
            character,
            [&](auto like) {
                by_diagonals<decltype(like)>(a, rows, first, last, p);
                return true;
            },
            false);
    };
    return run_parts(sums, double(sums) * double(a.diagonals.size()), threads, part);
}

} // namespace einroute
