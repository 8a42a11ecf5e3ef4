#include "sparse_singly.hpp"

#include "finite.hpp"
#include "sparse_axes.hpp"
#include "sparse_elements.hpp"
#include "sparse_lines.hpp"

#include <cstring>
#include <new>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Elements of a tile for each entry from which it is not worth filling, those that are copied one by one
// counted so many times.
constexpr ptrdiff_t EMPTY = 2, ONE_BY_ONE = 3;
// Vectors from which an axis is long enough for a pass.
constexpr ptrdiff_t LONG = 16;
constexpr ptrdiff_t CACHE_LINE = 64;

// Bytes of lines of the cache that one element takes along an axis, of both arrays.
ptrdiff_t taken(const SparseDense& p, int axis) {
    const ptrdiff_t x = magnitude(p.x_step[axis]), y = magnitude(p.y_step[axis]);
    return (x < CACHE_LINE ? x : CACHE_LINE) + (y < CACHE_LINE ? y : CACHE_LINE);
}

template <class I> bool list(const SparseDense& p, ptrdiff_t item, std::vector<SparsePlace>& to) {
    const Lines<I> lines{static_cast<const I*>(p.a.indptr), static_cast<const I*>(p.a.indices),
                         static_cast<std::size_t>(p.a.entries)};
    const std::size_t count = static_cast<std::size_t>(p.by_rows ? p.rows : p.columns);
    const std::size_t length = static_cast<std::size_t>(p.by_rows ? p.columns : p.rows);
    to.reserve(lines.entries);
    return each_that_may_have_entries(lines.indptr, count, lines.entries, [&](std::size_t line) {
        std::size_t low, high;
        if (!lines.range(line, low, high)) {
            return false;
        }
        for (std::size_t k = low; k < high; ++k) {
            const std::size_t index = lines.index(k);
            if (index >= length) {
                return false;
            }
            const ptrdiff_t row = static_cast<ptrdiff_t>(p.by_rows ? line : index),
                            column = static_cast<ptrdiff_t>(p.by_rows ? index : line);
            to.push_back({static_cast<ptrdiff_t>(k) * item, column * p.x_by, row * p.y_by});
        }
        return true;
    });
}

template <class T>
inline void add_row(T a, const char* x, ptrdiff_t x_step, char* y, ptrdiff_t y_step, ptrdiff_t vectors) {
    for (ptrdiff_t f = 0; f < vectors; ++f) {
        add_product(at<T>(y + f * y_step), a, at<T>(x + f * x_step));
    }
}

template <class T> bool is_finite_row(const char* y, ptrdiff_t step, ptrdiff_t vectors) {
    bool good = true;
    if constexpr (std::is_floating_point_v<T>) {
        for (ptrdiff_t f = 0; f < vectors; ++f) {
            good &= all_finite(y + f * step, 1, sizeof(T) == 4);
        }
    } else if constexpr (!std::is_integral_v<T> && !std::is_same_v<T, Bool>) {
        for (ptrdiff_t f = 0; f < vectors; ++f) {
            good &= all_finite(y + f * step, 2, sizeof(T) == 8);
        }
    }
    return good;
}

template <class T> bool add(const SparseAdds& p) {
    constexpr ptrdiff_t ITEM = sizeof(T);
    for (const SparsePlace& one : p.places) {
        const T value = at<T>(p.data + one.value);
        if (p.y_step == ITEM) { // steps that the compiler is told
            add_row(value, p.x + one.x, p.x_step, p.y + one.y, ITEM, p.vectors);
        } else {
            add_row(value, p.x + one.x, p.x_step, p.y + one.y, p.y_step, p.vectors);
        }
    }
    bool good = true;
    if (p.watched) {
        for (const SparsePlace& one : p.places) {
            good &= is_finite_row<T>(p.y + one.y, p.y_step, p.vectors);
        }
    }
    return good;
}

} // namespace

bool is_worth_passes(const SparseDense& p, ptrdiff_t item) {
    bool x = p.x_by == item, y = p.y_by == item;
    for (int i = 0; i < p.free; ++i) {
        x = x || (p.x_step[i] == item && p.size[i] >= LONG);
        y = y || (p.y_step[i] == item && p.size[i] >= LONG);
    }
    return EMPTY * p.a.entries <= p.columns * (x ? 1 : ONE_BY_ONE) + p.rows * (y ? 1 : ONE_BY_ONE);
}

int axis_of_passes(const SparseDense& p) {
    int found = 0; // vectors lie nearest to each other there, of axes that are long enough
    for (int i = 1; i < p.free; ++i) {
        const ptrdiff_t own = p.size[i], other = p.size[found];
        const bool nearer = taken(p, i) < taken(p, found) || (taken(p, i) == taken(p, found) && own > other);
        if (own >= LONG && other >= LONG ? nearer : own > other) {
            found = i;
        }
    }
    return found;
}

bool list_places(const SparseDense& product, ptrdiff_t item, std::vector<SparsePlace>& to) {
    try {
        return product.wide ? list<std::int64_t>(product, item, to) : list<std::int32_t>(product, item, to);
    } catch (const std::bad_alloc&) {
        return false;
    }
}

void clear(const SparseDense& p, ptrdiff_t item) {
    ptrdiff_t size[SPARSE_FREE + 1], step[SPARSE_FREE + 1], low = 0;
    int axes = 0;
    const auto add = [&](ptrdiff_t count, ptrdiff_t by) { // those that are farther apart come first
        low += by < 0 ? (count - 1) * by : 0;
        int at = axes++;
        for (; at > 0 && step[at - 1] < magnitude(by); --at) {
            size[at] = size[at - 1];
            step[at] = step[at - 1];
        }
        size[at] = count;
        step[at] = magnitude(by);
    };
    add(p.rows, p.y_by);
    for (int i = 0; i < p.free; ++i) {
        add(p.size[i], p.y_step[i]);
    }
    ptrdiff_t bytes = item;
    while (axes > 0 && step[axes - 1] == bytes) {
        bytes *= size[--axes];
    }
    ptrdiff_t at[SPARSE_FREE + 1] = {0};
    for (char* y = p.y + low;;) {
        std::memset(y, 0, static_cast<std::size_t>(bytes));
        int i = axes - 1;
        for (; i >= 0; --i) {
            y += step[i];
            if (++at[i] < size[i]) {
                break;
            }
            y -= step[i] * size[i];
            at[i] = 0;
        }
        if (i < 0) {
            return;
        }
    }
}

SparseAdd find_sparse_add(char character) {
    Element element;
    if (!element_of(character, element) || is_long(element)) {
        return nullptr;
    }
    return with_element(element, [](auto tag) -> SparseAdd { return add<typename decltype(tag)::Type>; });
}

} // namespace einroute
