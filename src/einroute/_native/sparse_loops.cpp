#include "sparse_loops.hpp"

#include "sparse_elements.hpp"
#include "sparse_lines.hpp"

namespace einroute {

namespace {

// One row of out += a times one row of x.
template <class T> inline void add_row(const SparseProduct& p, T a, const char* x, char* out) {
    constexpr std::ptrdiff_t ITEM = sizeof(T);
    if (p.x_by_free == ITEM && p.out_by_free == ITEM) {
        for (std::ptrdiff_t f = 0; f < p.width; ++f) {
            add_product(at<T>(out + f * ITEM), a, at<T>(x + f * ITEM));
        }
        return;
    }
    for (std::ptrdiff_t f = 0; f < p.width; ++f) {
        add_product(at<T>(out + f * p.out_by_free), a, at<T>(x + f * p.x_by_free));
    }
}

// Calls a function for each compressed line with where its entries are; false once either says so.
template <class I, class Function> bool each_line(const SparseProduct& p, const Function& function) {
    const Lines<I> lines{static_cast<const I*>(p.indptr), static_cast<const I*>(p.indices),
                         static_cast<std::size_t>(p.entries)};
    const std::ptrdiff_t count = p.by_rows ? p.rows : p.columns;
    for (std::ptrdiff_t line = 0; line < count; ++line) {
        std::size_t low, high;
        if (!lines.range(static_cast<std::size_t>(line), low, high) || !function(lines, line, low, high)) {
            return false;
        }
    }
    return true;
}

// Calls a function for each entry of a line with its index; false where that is out of range.
template <class I, class Function>
inline bool each_entry(const SparseProduct& p, const Lines<I>& lines, std::size_t low, std::size_t high,
                       const Function& function) {
    const std::size_t length = static_cast<std::size_t>(p.by_rows ? p.columns : p.rows);
    for (std::size_t k = low; k < high; ++k) {
        const std::size_t index = lines.index(k);
        if (index >= length) {
            return false;
        }
        function(k, static_cast<std::ptrdiff_t>(index));
    }
    return true;
}

// Each row's sum by itself; x and out are one vector each.
template <class T, class I> bool rows_by_vector(const SparseProduct& p, const char* x, char* out) {
    const T* data = reinterpret_cast<const T*>(p.data);
    return each_line<I>(p, [&](const Lines<I>& rows, std::ptrdiff_t i, std::size_t low, std::size_t high) {
        T sum{};
        const bool sound = each_entry(p, rows, low, high, [&](std::size_t k, std::ptrdiff_t j) {
            add_product(sum, data[k], at<T>(x + j * p.x_by_column));
        });
        at<T>(out + i * p.out_by_row) = sum;
        return sound;
    });
}

template <class T, class I> bool columns_by_vector(const SparseProduct& p, const char* x, char* out) {
    const T* data = reinterpret_cast<const T*>(p.data);
    return each_line<I>(p, [&](const Lines<I>& columns, std::ptrdiff_t j, std::size_t low, std::size_t high) {
        const T factor = at<T>(x + j * p.x_by_column);
        return each_entry(p, columns, low, high, [&](std::size_t k, std::ptrdiff_t i) {
            add_product(at<T>(out + i * p.out_by_row), data[k], factor);
        });
    });
}

// Entry by entry, each with a row of x and of out.
template <class T, class I> bool by_rows_of_x(const SparseProduct& p) {
    const T* data = reinterpret_cast<const T*>(p.data);
    return each_line<I>(
        p, [&](const Lines<I>& lines, std::ptrdiff_t line, std::size_t low, std::size_t high) {
            return each_entry(p, lines, low, high, [&](std::size_t k, std::ptrdiff_t other) {
                const std::ptrdiff_t i = p.by_rows ? line : other, j = p.by_rows ? other : line;
                add_row(p, data[k], p.x + j * p.x_by_column, p.out + i * p.out_by_row);
            });
        });
}

template <class T, class I> bool run(const SparseProduct& p) {
    constexpr std::ptrdiff_t ITEM = sizeof(T);
    if (*static_cast<const I*>(p.indptr) != 0) {
        return false;
    }
    // Vectors that lie whole in memory are multiplied one after the other.
    if (p.width != 1 && (p.x_by_free == ITEM || p.x_by_column != ITEM)) {
        return by_rows_of_x<T, I>(p);
    }
    for (std::ptrdiff_t f = 0; f < p.width; ++f) {
        const char* x = p.x + f * p.x_by_free;
        char* out = p.out + f * p.out_by_free;
        if (!(p.by_rows ? rows_by_vector<T, I>(p, x, out) : columns_by_vector<T, I>(p, x, out))) {
            return false;
        }
    }
    return true;
}

template <class T> bool loops(const SparseProduct& p) {
    return p.wide ? run<T, std::int64_t>(p) : run<T, std::int32_t>(p);
}

} // namespace

SparseLoops find_sparse_loops(char character) {
    Element element;
    if (!element_of(character, element) || is_long(element)) {
        return nullptr;
    }
    return with_element(element, [](auto tag) -> SparseLoops { return loops<typename decltype(tag)::Type>; });
}

} // namespace einroute
