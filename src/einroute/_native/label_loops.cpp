#include "elements.hpp"
#include "label_index.hpp"
#include "label_rows.hpp"

#include <type_traits>

namespace einroute {

namespace {

template <class T> inline void add_to(T& sum, T x) {
    sum = static_cast<T>(sum + x);
}

template <class R> inline void add_to(Complex<R>& sum, Complex<R> x) {
    sum.re += x.re;
    sum.im += x.im;
}

inline void add_to(Bool& sum, Bool x) {
    sum.byte = sum.byte != 0 || x.byte != 0;
}

template <class T> inline T product(T x, T y) {
    return static_cast<T>(x * y);
}

template <class R> inline Complex<R> product(Complex<R> x, Complex<R> y) {
    return {x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
}

inline Bool product(Bool x, Bool y) {
    return {x.byte != 0 && y.byte != 0};
}

template <class T> inline void set_to(T& number, int64_t x) {
    number = static_cast<T>(x);
}

template <class R> inline void set_to(Complex<R>& number, int64_t x) {
    number = {static_cast<R>(x), 0};
}

inline void set_to(Bool& number, int64_t x) {
    number = {x != 0};
}

// The real numbers that a number is made of; any other is its own.
template <class T> struct Part {
    using Type = T;
};
template <class R> struct Part<Complex<R>> {
    using Type = R;
};
template <class T> using PartOf = typename Part<T>::Type;

// A column; ALL places have a class.
template <bool ALL, class T>
void add_column(const int64_t* index, ptrdiff_t n, const char* from, ptrdiff_t by_row, T* out,
                ptrdiff_t pitch) {
    [[maybe_unused]] T nowhere{};
    for (ptrdiff_t i = 0; i < n; ++i) {
        T* own = out + (ALL ? index[i] : std::max<int64_t>(index[i], 0)) * pitch;
        if constexpr (!ALL) {
            own = either(index[i] >= 0, own, &nowhere);
        }
        add_to(*own, load<T>(from + i * by_row));
    }
}

// A column whose neighbours go to four tables in turn, what has no class to the row before a table.
template <class T>
void add_in_turn(const int64_t* index, ptrdiff_t n, const char* from, ptrdiff_t by_row, T* out,
                 ptrdiff_t pitch, ptrdiff_t apart) {
    static_assert(NONE == -1);
    const auto one = [&](ptrdiff_t i, T* table) {
        add_to(table[index[i] * pitch], load<T>(from + i * by_row));
    };
    ptrdiff_t i = 0;
    for (; i + 4 <= n; i += 4) {
        one(i, out);
        one(i + 1, out + apart);
        one(i + 2, out + 2 * apart);
        one(i + 3, out + 3 * apart);
    }
    for (; i < n; ++i) {
        one(i, out);
    }
}

// A column that is added to a short total, by four tables of its own.
constexpr ptrdiff_t SHORT = 64;

template <class T>
void add_by_tables(const int64_t* index, ptrdiff_t n, const char* from, ptrdiff_t by_row, T* out,
                   ptrdiff_t length, ptrdiff_t pitch) {
    T tables[4 * (SHORT + 1)];
    const ptrdiff_t apart = length + 1;
    std::memset(tables, 0, sizeof(T) * static_cast<std::size_t>(4 * apart));
    add_in_turn(index, n, from, by_row, tables + 1, 1, apart);
    for (ptrdiff_t k = 0; k < 4; ++k) {
        for (ptrdiff_t i = 0; i < length; ++i) {
            add_to(out[i * pitch], tables[k * apart + 1 + i]);
        }
    }
}

#if defined(_MSC_VER)
#define EINROUTE_RESTRICT __restrict
#else
#define EINROUTE_RESTRICT __restrict__
#endif

template <class T>
inline void add_row(const char* EINROUTE_RESTRICT row, ptrdiff_t width, T* EINROUTE_RESTRICT to) {
    for (ptrdiff_t c = 0; c < width; ++c) {
        add_to(to[c], load<T>(row + c * static_cast<ptrdiff_t>(sizeof(T))));
    }
}

// The row of the first place of a stretch.
const char* row_at(const Rows& rows, const Stretch& s, int ndim) {
    const char* from = rows.data;
    for (int a = 0; a < ndim; ++a) {
        from += s.coords[a] * rows.strides[a];
    }
    return from;
}

// Calls body with the width of rows, a constant where it is small.
template <class Body> void with_width(ptrdiff_t width, const Body& body) {
    static_assert(NARROW == 8);
    switch (width) {
    case 1:
        return body(std::integral_constant<ptrdiff_t, 1>{});
    case 2:
        return body(std::integral_constant<ptrdiff_t, 2>{});
    case 3:
        return body(std::integral_constant<ptrdiff_t, 3>{});
    case 4:
        return body(std::integral_constant<ptrdiff_t, 4>{});
    case 8:
        return body(std::integral_constant<ptrdiff_t, 8>{});
    default:
        return body(width);
    }
}

// Rows whose numbers lie side by side.
template <class T>
void add_rows(const int64_t* index, ptrdiff_t n, const char* from, ptrdiff_t by_row, ptrdiff_t width, T* out,
              ptrdiff_t pitch) {
    if constexpr (std::is_floating_point_v<PartOf<T>> && sizeof(PartOf<T>) <= sizeof(double)) {
        using R = PartOf<T>;
        constexpr ptrdiff_t EACH = sizeof(T) / sizeof(R);
        const RowLoops& loops = row_loops();
        const auto add = [&](auto loop) {
            loop(index, n, from, by_row, width * EACH, reinterpret_cast<R*>(out), pitch * EACH);
        };
        if constexpr (sizeof(R) == sizeof(float)) {
            return add(loops.float32);
        } else {
            return add(loops.float64);
        }
    }
    for (ptrdiff_t i = 0; i < n; ++i) {
        if (index[i] >= 0) {
            add_row(from + i * by_row, width, out + index[i] * pitch);
        }
    }
}

// The same where neighbours go to four tables in turn, what has no class to the row before a table.
template <class T>
void add_rows_in_turn(const int64_t* index, ptrdiff_t n, const char* from, ptrdiff_t by_row, ptrdiff_t width,
                      T* out, ptrdiff_t apart) {
    const auto of_width = [&](auto count) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            add_row(from + i * by_row, count, out + (i % 4) * apart + index[i] * count);
        }
    };
    with_width(width, of_width);
}

template <class T>
void add(const Places& p, const Rows& rows, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t low, ptrdiff_t high,
         char* to, ptrdiff_t length, ptrdiff_t pitch, int tables, ptrdiff_t apart) {
    T* out = reinterpret_cast<T*>(to);
    along(p, start, stop, [&](const Stretch& s) {
        int64_t index[CHUNK];
        const char* from = row_at(rows, s, p.ndim) + low * rows.by_column;
        const ptrdiff_t by_row = rows.strides[p.ndim - 1];
        const bool all = find_index(p, s, index);
        if (high - low != 1 && rows.by_column == static_cast<ptrdiff_t>(sizeof(T))) {
            return tables == 4 ? add_rows_in_turn(index, s.count, from, by_row, high - low, out, apart)
                               : add_rows(index, s.count, from, by_row, high - low, out, pitch);
        }
        for (ptrdiff_t c = 0; c < high - low; ++c, from += rows.by_column) {
            if (tables == 4) {
                add_in_turn(index, s.count, from, by_row, out + c, pitch, apart);
            } else if (length <= SHORT && s.count >= 8 * length) {
                add_by_tables(index, s.count, from, by_row, out + c, length, pitch);
            } else {
                (all ? add_column<true, T> : add_column<false, T>)(index, s.count, from, by_row, out + c,
                                                                   pitch);
            }
        }
    });
}

template <class T>
inline void scale_row(const T* EINROUTE_RESTRICT row, T factor, ptrdiff_t width, T* EINROUTE_RESTRICT to) {
    for (ptrdiff_t c = 0; c < width; ++c) {
        to[c] = product(row[c], factor);
    }
}

// Numbers of a table by index, each times its factor.
template <class T>
void scale_numbers(const T* EINROUTE_RESTRICT table, const int64_t* EINROUTE_RESTRICT index,
                   const char* EINROUTE_RESTRICT factors, ptrdiff_t by, ptrdiff_t n,
                   T* EINROUTE_RESTRICT to) {
    const auto each = [&](auto apart) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            to[i] = product(table[index[i]], load<T>(factors + i * apart));
        }
    };
    if (by == static_cast<ptrdiff_t>(sizeof(T))) {
        return each(std::integral_constant<ptrdiff_t, sizeof(T)>{});
    }
    return each(by);
}

template <class T>
void take_scaled(const Places& p, const Rows& factors, ptrdiff_t start, ptrdiff_t stop, const char* table,
                 ptrdiff_t width, char* to) {
    const T* rows = reinterpret_cast<const T*>(table);
    T* out = reinterpret_cast<T*>(to);
    along(p, start, stop, [&](const Stretch& s) {
        int64_t index[CHUNK];
        const bool all = find_index(p, s, index);
        const char* from = row_at(factors, s, p.ndim);
        const ptrdiff_t by = factors.strides[p.ndim - 1];
        const auto of_width = [&](auto count) {
            for (ptrdiff_t i = 0; i < s.count; ++i) {
                T* own = out + (s.at + i) * count;
                if (index[i] >= 0) {
                    scale_row(rows + index[i] * count, load<T>(from + i * by), count, own);
                } else {
                    std::memset(own, 0, sizeof(T) * static_cast<std::size_t>(count));
                }
            }
        };
        if (all && width == 1) {
            return scale_numbers(rows, index, from, by, s.count, out + s.at);
        }
        with_width(width, of_width);
    });
}

template <class T> void merge(char* to, const char* from, ptrdiff_t count) {
    T* out = reinterpret_cast<T*>(to);
    for (ptrdiff_t i = 0; i < count; ++i) {
        add_to(out[i], load<T>(from + i * static_cast<ptrdiff_t>(sizeof(T))));
    }
}

template <class T> void converted(const int64_t* counts, char* to, ptrdiff_t count) {
    T* out = reinterpret_cast<T*>(to);
    for (ptrdiff_t i = 0; i < count; ++i) {
        set_to(out[i], counts[i]);
    }
}

template <class T> constexpr LabelLoops LOOPS = {add<T>, take_scaled<T>, merge<T>, converted<T>};

bool follows(const ptrdiff_t* strides, const ptrdiff_t* shape, int axis) {
    return strides[axis] == strides[axis + 1] * shape[axis + 1];
}

} // namespace

void simplify_places(Places& p, Rows* rows) {
    for (int a = p.ndim - 2; a >= 0; --a) {
        bool even = p.steps[a] == p.steps[a + 1] * p.shape[a + 1];
        for (int k = 0; k < p.count; ++k) {
            even = even && follows(p.labels[k].strides, p.shape, a);
        }
        even = even && (rows == nullptr || follows(rows->strides, p.shape, a));
        if (!even && p.shape[a] != 1 && p.shape[a + 1] != 1) {
            continue;
        }
        // Of an axis of length 1 nothing is left; else the second one's strides serve both.
        const int gone = p.shape[a + 1] == 1 ? a + 1 : a;
        p.shape[a + 1 - (gone - a)] = p.shape[a] * p.shape[a + 1];
        for (int b = gone; b + 1 < p.ndim; ++b) {
            p.shape[b] = p.shape[b + 1];
            p.steps[b] = p.steps[b + 1];
            for (int k = 0; k < p.count; ++k) {
                p.labels[k].strides[b] = p.labels[k].strides[b + 1];
            }
            if (rows != nullptr) {
                rows->strides[b] = rows->strides[b + 1];
            }
        }
        --p.ndim;
    }
}

const LabelLoops* label_loops(char character) {
    Element element;
    if (!element_of(character, element)) {
        return nullptr;
    }
    return with_any_element(element, [](auto tag) { return &LOOPS<typename decltype(tag)::Type>; });
}

} // namespace einroute
