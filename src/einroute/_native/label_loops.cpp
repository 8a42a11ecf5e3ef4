#include "label_loops.hpp"

#include <cstring>
#include <type_traits>

namespace einroute {

namespace {

using std::int64_t;
using std::ptrdiff_t;
using std::uint64_t;

// Places whose index is found before it is used, and the index of those that have none.
constexpr ptrdiff_t CHUNK = 1024;
constexpr int64_t NONE = -1;

template <class R> struct Complex {
    R re, im;
};

// A bool of NumPy's: any byte but 0 is true.
struct Bool {
    std::uint8_t byte;
};

template <class T> inline T load(const char* p) {
    T x;
    std::memcpy(&x, p, sizeof x);
    return x;
}

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

template <class T> inline T number(int64_t x) {
    return static_cast<T>(x);
}

template <> inline Bool number<Bool>(int64_t x) {
    return {x != 0};
}

template <> inline Complex<float> number<Complex<float>>(int64_t x) {
    return {static_cast<float>(x), 0};
}

template <> inline Complex<double> number<Complex<double>>(int64_t x) {
    return {static_cast<double>(x), 0};
}

template <> inline Complex<long double> number<Complex<long double>>(int64_t x) {
    return {static_cast<long double>(x), 0};
}

// A label as an unsigned number: negative ones are larger than any length.
template <class L> inline uint64_t as_unsigned(const char* p) {
    return static_cast<uint64_t>(static_cast<int64_t>(load<L>(p)));
}

template <> inline uint64_t as_unsigned<uint64_t>(const char* p) {
    return load<uint64_t>(p);
}

// Calls body(L{}) with the type of the labels.
template <class Body> inline void with_type(const Labels& labels, const Body& body) {
    switch (labels.size * 2 + (labels.is_signed ? 1 : 0)) {
    case 2:
        return body(std::uint8_t{});
    case 3:
        return body(std::int8_t{});
    case 4:
        return body(std::uint16_t{});
    case 5:
        return body(std::int16_t{});
    case 8:
        return body(std::uint32_t{});
    case 9:
        return body(std::int32_t{});
    case 16:
        return body(std::uint64_t{});
    default:
        return body(std::int64_t{});
    }
}

template <class L>
void first_index(const char* p, ptrdiff_t stride, ptrdiff_t n, uint64_t length, int64_t scale, int64_t base,
                 int64_t step, int64_t* to) {
    if (stride == sizeof(L) && step == 0) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            const uint64_t label = as_unsigned<L>(p + i * static_cast<ptrdiff_t>(sizeof(L)));
            to[i] = label < length ? static_cast<int64_t>(label * static_cast<uint64_t>(scale)) + base : NONE;
        }
        return;
    }
    for (ptrdiff_t i = 0; i < n; ++i) {
        const uint64_t label = as_unsigned<L>(p + i * stride);
        const int64_t own = static_cast<int64_t>(label * static_cast<uint64_t>(scale)) + base + i * step;
        to[i] = label < length ? own : NONE;
    }
}

template <class L>
void more_index(const char* p, ptrdiff_t stride, ptrdiff_t n, uint64_t length, int64_t scale, int64_t* to) {
    for (ptrdiff_t i = 0; i < n; ++i) {
        const uint64_t label = as_unsigned<L>(p + i * stride);
        const int64_t own = to[i] + static_cast<int64_t>(label * static_cast<uint64_t>(scale));
        to[i] = to[i] >= 0 && label < length ? own : NONE;
    }
}

// Where a stretch of places along the last axis begins.
struct Stretch {
    ptrdiff_t at, count; // of all places; how many there are
    const char* labels[MOST_LABELS];
    int64_t base;
    ptrdiff_t coords[MOST_PLACE_AXES];
};

// Calls body(stretch) for the places from start to before stop, in their order, at most CHUNK at a time.
template <class Body> void along(const Places& p, ptrdiff_t start, ptrdiff_t stop, const Body& body) {
    Stretch s;
    ptrdiff_t left = start;
    for (int a = p.ndim - 1; a >= 0; --a) {
        s.coords[a] = left % p.shape[a];
        left /= p.shape[a];
    }
    const int last = p.ndim - 1;
    for (s.at = start; s.at < stop; s.at += s.count) {
        s.count = p.shape[last] - s.coords[last];
        s.count = s.count > CHUNK ? CHUNK : s.count;
        s.count = s.count > stop - s.at ? stop - s.at : s.count;
        s.base = 0;
        for (int a = 0; a <= last; ++a) {
            s.base += s.coords[a] * p.steps[a];
        }
        for (int k = 0; k < p.count; ++k) {
            s.labels[k] = p.labels[k].data;
            for (int a = 0; a <= last; ++a) {
                s.labels[k] += s.coords[a] * p.labels[k].strides[a];
            }
        }
        body(s);
        s.coords[last] += s.count;
        for (int a = last; a > 0 && s.coords[a] == p.shape[a]; --a) {
            s.coords[a] = 0;
            ++s.coords[a - 1];
        }
    }
}

void find_index(const Places& p, const Stretch& s, int64_t* to) {
    const int last = p.ndim - 1;
    for (int k = 0; k < p.count; ++k) {
        const Labels& labels = p.labels[k];
        with_type(labels, [&](auto like) {
            using L = decltype(like);
            if (k == 0) {
                first_index<L>(s.labels[0], labels.strides[last], s.count, labels.length, labels.scale,
                               s.base, p.steps[last], to);
            } else {
                more_index<L>(s.labels[k], labels.strides[last], s.count, labels.length, labels.scale, to);
            }
        });
    }
}

// Calls body(L{}, first, stride, length) with where the index of each place is read: from the labels
// themselves, or from what was found of them.
template <class Body>
inline void with_index(const Places& p, const Stretch& s, int64_t* space, const Body& body) {
    const int last = p.ndim - 1;
    const Labels& labels = p.labels[0];
    if (p.count == 1 && labels.scale == 1 && s.base == 0 && p.steps[last] == 0 && labels.is_signed) {
        if (labels.size == 8) {
            return body(int64_t{}, s.labels[0], labels.strides[last], labels.length);
        }
        if (labels.size == 4) {
            return body(std::int32_t{}, s.labels[0], labels.strides[last], labels.length);
        }
    }
    find_index(p, s, space);
    body(int64_t{}, reinterpret_cast<const char*>(space), static_cast<ptrdiff_t>(sizeof(int64_t)),
         static_cast<uint64_t>(INT64_MAX));
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
        out[i] = number<T>(counts[i]);
    }
}

// Calls found(i, whether all labels are the same class) for each place of a stretch.
template <class Found> inline void compare(const Places& p, const Stretch& s, const Found& found) {
    const int last = p.ndim - 1;
    with_type(p.labels[0], [&](auto like) {
        using L = decltype(like);
        const char* first = s.labels[0];
        const ptrdiff_t stride = p.labels[0].strides[last];
        const uint64_t length = p.labels[0].length;
        if (p.count == 1 && stride == sizeof(L)) {
            for (ptrdiff_t i = 0; i < s.count; ++i) {
                found(i, as_unsigned<L>(first + i * static_cast<ptrdiff_t>(sizeof(L))) < length);
            }
            return;
        }
        std::uint8_t same[CHUNK];
        for (ptrdiff_t i = 0; i < s.count; ++i) {
            same[i] = as_unsigned<L>(first + i * stride) < length;
        }
        for (int k = 1; k < p.count; ++k) {
            with_type(p.labels[k], [&](auto other) {
                using M = decltype(other);
                const char* own = s.labels[k];
                const ptrdiff_t by = p.labels[k].strides[last];
                for (ptrdiff_t i = 0; i < s.count; ++i) {
                    // One that changes meanwhile is another class, or none: no place outside is read by it.
                    same[i] &= as_unsigned<M>(own + i * by) == as_unsigned<L>(first + i * stride);
                }
            });
        }
        for (ptrdiff_t i = 0; i < s.count; ++i) {
            found(i, same[i] != 0);
        }
    });
}

template <class T> void ones(const Places& p, ptrdiff_t start, ptrdiff_t stop, char* to) {
    const T one = number<T>(1), zero = number<T>(0);
    along(p, start, stop, [&](const Stretch& s) {
        T* out = reinterpret_cast<T*>(to) + s.at;
        compare(p, s, [&](ptrdiff_t i, bool same) { out[i] = same ? one : zero; });
    });
}

template <class T> constexpr LabelLoops LOOPS = {add<T>, merge<T>, converted<T>, ones<T>};

const LabelLoops* of_integers(std::size_t size) {
    return size == 1   ? &LOOPS<std::uint8_t>
           : size == 2 ? &LOOPS<std::uint16_t>
           : size == 4 ? &LOOPS<std::uint32_t>
                       : &LOOPS<std::uint64_t>;
}

template <class L, class U>
void take_items(const char* index, ptrdiff_t stride, uint64_t length, ptrdiff_t n, const char* table,
                char* to) {
    for (ptrdiff_t i = 0; i < n; ++i) {
        const uint64_t at = as_unsigned<L>(index + i * stride);
        char* own = to + i * static_cast<ptrdiff_t>(sizeof(U));
        if constexpr (sizeof(U) <= 16) { // in a register
            U item{};
            if (at < length) {
                std::memcpy(&item, table + at * sizeof(U), sizeof(U));
            }
            std::memcpy(own, &item, sizeof(U));
        } else if (at < length) {
            std::memcpy(own, table + at * sizeof(U), sizeof(U));
        } else {
            std::memset(own, 0, sizeof(U));
        }
    }
}

template <int COUNT> struct Words {
    uint64_t words[COUNT];
};

template <class L>
void take_any(const char* index, ptrdiff_t stride, uint64_t length, ptrdiff_t n, const char* table,
              ptrdiff_t bytes, char* to) {
    for (ptrdiff_t i = 0; i < n; ++i) {
        const uint64_t at = as_unsigned<L>(index + i * stride);
        if (at < length) {
            std::memcpy(to + i * bytes, table + static_cast<ptrdiff_t>(at) * bytes,
                        static_cast<std::size_t>(bytes));
        } else {
            std::memset(to + i * bytes, 0, static_cast<std::size_t>(bytes));
        }
    }
}

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
    switch (character) {
    case '?':
        return &LOOPS<Bool>;
    case 'f':
        return &LOOPS<float>;
    case 'd':
        return &LOOPS<double>;
    case 'g':
        return &LOOPS<long double>;
    case 'F':
        return &LOOPS<Complex<float>>;
    case 'D':
        return &LOOPS<Complex<double>>;
    case 'G':
        return &LOOPS<Complex<long double>>;
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

void count_places(const Places& p, ptrdiff_t start, ptrdiff_t stop, int64_t* counts, int tables,
                  ptrdiff_t apart) {
    along(p, start, stop, [&](const Stretch& s) {
        int64_t space[CHUNK];
        with_index(p, s, space, [&](auto like, const char* index, ptrdiff_t stride, uint64_t length) {
            using L = decltype(like);
            const auto one = [&](ptrdiff_t i, int64_t* table) {
                const uint64_t at = as_unsigned<L>(index + i * stride);
                if (at < length) {
                    ++table[at];
                }
            };
            ptrdiff_t i = 0;
            if (tables == 4) {
                for (; i + 4 <= s.count; i += 4) {
                    one(i, counts);
                    one(i + 1, counts + apart);
                    one(i + 2, counts + 2 * apart);
                    one(i + 3, counts + 3 * apart);
                }
            }
            for (; i < s.count; ++i) {
                one(i, counts);
            }
        });
    });
}

void take_rows(const Places& p, ptrdiff_t start, ptrdiff_t stop, const char* table, ptrdiff_t bytes,
               char* out) {
    along(p, start, stop, [&](const Stretch& s) {
        int64_t space[CHUNK];
        char* to = out + s.at * bytes;
        with_index(p, s, space, [&](auto like, const char* index, ptrdiff_t stride, uint64_t length) {
            using L = decltype(like);
            switch (bytes) {
            case 1:
                return take_items<L, std::uint8_t>(index, stride, length, s.count, table, to);
            case 2:
                return take_items<L, std::uint16_t>(index, stride, length, s.count, table, to);
            case 4:
                return take_items<L, std::uint32_t>(index, stride, length, s.count, table, to);
            case 8:
                return take_items<L, uint64_t>(index, stride, length, s.count, table, to);
            case 16:
                return take_items<L, Words<2>>(index, stride, length, s.count, table, to);
            case 24:
                return take_items<L, Words<3>>(index, stride, length, s.count, table, to);
            case 32:
                return take_items<L, Words<4>>(index, stride, length, s.count, table, to);
            case 64:
                return take_items<L, Words<8>>(index, stride, length, s.count, table, to);
            default:
                return take_any<L>(index, stride, length, s.count, table, bytes, to);
            }
        });
    });
}

ptrdiff_t count_equal(const Places& p, ptrdiff_t start, ptrdiff_t stop) {
    ptrdiff_t total = 0;
    along(p, start, stop, [&](const Stretch& s) {
        ptrdiff_t own = 0;
        compare(p, s, [&](ptrdiff_t, bool same) { own += same; });
        total += own;
    });
    return total;
}

} // namespace einroute
