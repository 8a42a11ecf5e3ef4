#include "sparse_loops.hpp"

#include "sparse_elements.hpp"

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

// The entries of a compressed row or column as the arrays say it; an index is compared as it is used.
template <class I> struct Entries {
    const I* indptr;
    const I* indices;
    std::size_t count, length;

    explicit Entries(const SparseProduct& p)
        : indptr(static_cast<const I*>(p.indptr)), indices(static_cast<const I*>(p.indices)),
          count(static_cast<std::size_t>(p.entries)),
          length(static_cast<std::size_t>(p.by_rows ? p.columns : p.rows)) {}

    bool range(std::ptrdiff_t line, std::size_t& low, std::size_t& high) const {
        low = static_cast<std::size_t>(static_cast<std::int64_t>(indptr[line]));
        high = static_cast<std::size_t>(static_cast<std::int64_t>(indptr[line + 1]));
        return low <= high && high <= count;
    }

    // False where the index is out of range.
    bool index(std::size_t k, std::ptrdiff_t& to) const {
        const std::size_t found = static_cast<std::size_t>(static_cast<std::int64_t>(indices[k]));
        to = static_cast<std::ptrdiff_t>(found);
        return found < length;
    }
};

// Each row's sum by itself; x and out are one vector each.
template <class T, class I> bool rows_by_vector(const SparseProduct& p, const char* x, char* out) {
    const Entries<I> entries(p);
    const T* data = reinterpret_cast<const T*>(p.data);
    for (std::ptrdiff_t i = 0; i < p.rows; ++i) {
        std::size_t low, high;
        if (!entries.range(i, low, high)) {
            return false;
        }
        T sum{};
        for (std::size_t k = low; k < high; ++k) {
            std::ptrdiff_t j;
            if (!entries.index(k, j)) {
                return false;
            }
            add_product(sum, data[k], at<T>(x + j * p.x_by_column));
        }
        at<T>(out + i * p.out_by_row) = sum;
    }
    return true;
}

template <class T, class I> bool columns_by_vector(const SparseProduct& p, const char* x, char* out) {
    const Entries<I> entries(p);
    const T* data = reinterpret_cast<const T*>(p.data);
    for (std::ptrdiff_t j = 0; j < p.columns; ++j) {
        std::size_t low, high;
        if (!entries.range(j, low, high)) {
            return false;
        }
        const T factor = at<T>(x + j * p.x_by_column);
        for (std::size_t k = low; k < high; ++k) {
            std::ptrdiff_t i;
            if (!entries.index(k, i)) {
                return false;
            }
            add_product(at<T>(out + i * p.out_by_row), data[k], factor);
        }
    }
    return true;
}

// Entry by entry, each with a row of x and of out.
template <class T, class I> bool by_rows_of_x(const SparseProduct& p) {
    const Entries<I> entries(p);
    const T* data = reinterpret_cast<const T*>(p.data);
    const std::ptrdiff_t lines = p.by_rows ? p.rows : p.columns;
    for (std::ptrdiff_t line = 0; line < lines; ++line) {
        std::size_t low, high;
        if (!entries.range(line, low, high)) {
            return false;
        }
        for (std::size_t k = low; k < high; ++k) {
            std::ptrdiff_t other;
            if (!entries.index(k, other)) {
                return false;
            }
            const std::ptrdiff_t i = p.by_rows ? line : other, j = p.by_rows ? other : line;
            add_row(p, data[k], p.x + j * p.x_by_column, p.out + i * p.out_by_row);
        }
    }
    return true;
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

// Integers wrap: those of a size are one, signed or not.
SparseLoops of_integers(std::size_t size) {
    return size == 1   ? loops<std::uint8_t>
           : size == 2 ? loops<std::uint16_t>
           : size == 4 ? loops<std::uint32_t>
                       : loops<std::uint64_t>;
}

} // namespace

SparseLoops find_sparse_loops(char character) {
    switch (character) {
    case '?':
        return loops<Bool>;
    case 'f':
        return loops<float>;
    case 'd':
        return loops<double>;
    case 'F':
        return loops<Complex<float>>;
    case 'D':
        return loops<Complex<double>>;
    case 'b':
    case 'B':
        return of_integers(1);
    case 'h':
    case 'H':
        return of_integers(sizeof(short));
    case 'i':
    case 'I':
        return of_integers(sizeof(int));
    case 'l':
    case 'L':
        return of_integers(sizeof(long));
    case 'q':
    case 'Q':
        return of_integers(sizeof(long long));
    default:
        return nullptr;
    }
}

} // namespace einroute
