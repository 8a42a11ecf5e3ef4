#include "elements.hpp"
#include "label_index.hpp"

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

template <class T> inline void set_to(T& number, int64_t x) {
    number = static_cast<T>(x);
}

template <class R> inline void set_to(Complex<R>& number, int64_t x) {
    number = {static_cast<R>(x), 0};
}

inline void set_to(Bool& number, int64_t x) {
    number = {x != 0};
}

// A column: neighbours go to TABLES tables in turn, and what has no class to none.
template <int TABLES, class L, class T>
void add_column(const char* index, ptrdiff_t stride, uint64_t length, ptrdiff_t n, const char* from,
                ptrdiff_t by_row, T* out, ptrdiff_t pitch, ptrdiff_t apart) {
    const auto one = [&](ptrdiff_t i, T* table) {
        const uint64_t at = as_unsigned<L>(index + i * stride);
        if (at < length) {
            add_to(table[static_cast<ptrdiff_t>(at) * pitch], load<T>(from + i * by_row));
        }
    };
    ptrdiff_t i = 0;
    if constexpr (TABLES == 4) {
        for (; i + 4 <= n; i += 4) {
            one(i, out);
            one(i + 1, out + apart);
            one(i + 2, out + 2 * apart);
            one(i + 3, out + 3 * apart);
        }
    }
    for (; i < n; ++i) {
        one(i, out);
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

template <class L, class T>
void add_rows(const char* index, ptrdiff_t stride, uint64_t length, ptrdiff_t n, const char* from,
              ptrdiff_t by_row, ptrdiff_t by_column, ptrdiff_t width, T* out, ptrdiff_t pitch) {
    constexpr ptrdiff_t ITEM = sizeof(T);
    if (by_column != ITEM) {
        for (ptrdiff_t c = 0; c < width; ++c) {
            add_column<1, L>(index, stride, length, n, from + c * by_column, by_row, out + c, pitch, 0);
        }
        return;
    }
    const auto of_width = [&](auto known) {
        const ptrdiff_t count = known == 0 ? width : known;
        for (ptrdiff_t i = 0; i < n; ++i) {
            const uint64_t at = as_unsigned<L>(index + i * stride);
            if (at < length) {
                add_row(from + i * by_row, count, out + static_cast<ptrdiff_t>(at) * pitch);
            }
        }
    };
    switch (width) {
    case 2:
        return of_width(std::integral_constant<ptrdiff_t, 2>{});
    case 3:
        return of_width(std::integral_constant<ptrdiff_t, 3>{});
    case 4:
        return of_width(std::integral_constant<ptrdiff_t, 4>{});
    case 8:
        return of_width(std::integral_constant<ptrdiff_t, 8>{});
    default:
        return of_width(std::integral_constant<ptrdiff_t, 0>{});
    }
}

template <class T>
void add(const Places& p, const Rows& rows, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t low, ptrdiff_t high,
         char* to, ptrdiff_t pitch, int tables, ptrdiff_t apart) {
    T* out = reinterpret_cast<T*>(to);
    along(p, start, stop, [&](const Stretch& s) {
        int64_t space[CHUNK];
        const char* from = rows.data + low * rows.by_column;
        for (int a = 0; a < p.ndim; ++a) {
            from += s.coords[a] * rows.strides[a];
        }
        const ptrdiff_t by_row = rows.strides[p.ndim - 1];
        with_index(p, s, space, [&](auto like, const char* index, ptrdiff_t stride, uint64_t length) {
            using L = decltype(like);
            if (high - low != 1) {
                add_rows<L>(index, stride, length, s.count, from, by_row, rows.by_column, high - low, out,
                            pitch);
            } else if (tables == 4) {
                add_column<4, L>(index, stride, length, s.count, from, by_row, out, pitch, apart);
            } else {
                add_column<1, L>(index, stride, length, s.count, from, by_row, out, pitch, 0);
            }
        });
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

template <class T> constexpr LabelLoops LOOPS = {add<T>, merge<T>, converted<T>};

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
