// Quadratic forms of differences: compiled once for each instruction set, in a namespace of its own.
//
// Differences first, so that nothing cancels which does not cancel in the formula. Every pair goes through
// the same operations in the same order: the form of one set of points is symmetric to the last bit.

#include "../forms.hpp"
#include "vectors.hpp"

#include <type_traits>

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using std::ptrdiff_t;

// Vectors of pairs that are summed side by side.
constexpr int SIDE = 4;
// Rows that are filled together.
constexpr ptrdiff_t NEAR = 16;

template <class R> constexpr ptrdiff_t ITEM = static_cast<ptrdiff_t>(sizeof(R));

template <class R> inline R entry(const char* p, ptrdiff_t at) {
    return load<R>(p + at * ITEM<R>);
}

template <class R> inline void put(char* p, const Vec<R>& x) {
    std::memcpy(p, &x, sizeof x);
}

// ROWS rows by N vectors of pairs, of a diagonal matrix.
template <class R, int ROWS, int N> void diagonal(const Forms& given, ptrdiff_t i, ptrdiff_t j) {
    const Forms f = given; // which nothing that is written overlaps
    Vec<R> total[ROWS][N];
    for (int r = 0; r < ROWS; ++r) {
        for (int v = 0; v < N; ++v) {
            total[r][v] = everywhere(R(0));
        }
    }
    for (ptrdiff_t start = 0; start < f.features; start += FORMS_TOGETHER) {
        const ptrdiff_t stop = start + FORMS_TOGETHER < f.features ? start + FORMS_TOGETHER : f.features;
        Vec<R> own[ROWS][N];
        for (int r = 0; r < ROWS; ++r) {
            for (int v = 0; v < N; ++v) {
                own[r][v] = everywhere(R(0));
            }
        }
        for (ptrdiff_t k = start; k < stop; ++k) {
            const Vec<R> s = everywhere(entry<R>(f.s, k));
            const char* y = f.y + (k * f.pitch + j) * ITEM<R>;
            for (int v = 0; v < N; ++v) {
                const Vec<R> other = load_vector<R>(y + v * 32);
                for (int r = 0; r < ROWS; ++r) {
                    const Vec<R> d = everywhere(entry<R>(f.x, (i + r) * f.features + k)) - other;
                    own[r][v] = own[r][v] + s * d * d;
                }
            }
        }
        for (int r = 0; r < ROWS; ++r) {
            for (int v = 0; v < N; ++v) {
                total[r][v] = total[r][v] + own[r][v];
            }
        }
    }
    for (int r = 0; r < ROWS; ++r) {
        for (int v = 0; v < N; ++v) {
            put<R>(f.out + ((i + r) * f.out_pitch + j) * ITEM<R> + v * 32, total[r][v]);
        }
    }
}

// A row of N vectors of pairs, of a whole matrix: two of its rows at a time.
template <class R, int N> void whole(const Forms& given, ptrdiff_t i, ptrdiff_t j, char* work) {
    const Forms f = given; // which nothing that is written overlaps
    for (ptrdiff_t k = 0; k < f.features; ++k) {
        const Vec<R> x = everywhere(entry<R>(f.x, i * f.features + k));
        for (int v = 0; v < N; ++v) {
            put<R>(work + (k * N + v) * 32, x - load_vector<R>(f.y + (k * f.pitch + j) * ITEM<R> + v * 32));
        }
    }
    Vec<R> total[N];
    for (int v = 0; v < N; ++v) {
        total[v] = everywhere(R(0));
    }
    ptrdiff_t k = 0;
    for (; k + 2 <= f.features; k += 2) {
        const char *upper = f.s + k * f.features * ITEM<R>, *lower = upper + f.features * ITEM<R>;
        const char* const d = work + k * N * 32;
        Vec<R> first[N], second[N];
        for (int v = 0; v < N; ++v) {
            const Vec<R> own = load_vector<R>(d + v * 32), next = load_vector<R>(d + (N + v) * 32);
            first[v] = everywhere(entry<R>(upper, k)) * own + everywhere(entry<R>(upper, k + 1)) * next;
            second[v] = everywhere(entry<R>(lower, k + 1)) * next;
        }
        for (ptrdiff_t l = k + 2; l < f.features; ++l) {
            const Vec<R> s = everywhere(entry<R>(upper, l)), t = everywhere(entry<R>(lower, l));
            for (int v = 0; v < N; ++v) {
                const Vec<R> other = load_vector<R>(work + (l * N + v) * 32);
                first[v] = first[v] + s * other;
                second[v] = second[v] + t * other;
            }
        }
        for (int v = 0; v < N; ++v) {
            total[v] = total[v] + first[v] * load_vector<R>(d + v * 32);
            total[v] = total[v] + second[v] * load_vector<R>(d + (N + v) * 32);
        }
    }
    for (int v = 0; v < N && k < f.features; ++v) {
        const Vec<R> d = load_vector<R>(work + (k * N + v) * 32);
        total[v] = total[v] + everywhere(entry<R>(f.s, k * f.features + k)) * d * d;
    }
    for (int v = 0; v < N; ++v) {
        put<R>(f.out + (i * f.out_pitch + j) * ITEM<R> + v * 32, total[v]);
    }
}

template <class R, int N>
void strip(const Forms& f, ptrdiff_t first, ptrdiff_t last, ptrdiff_t j, char* work) {
    ptrdiff_t i = first;
    if (f.whole) {
        for (; i < last; ++i) {
            whole<R, N>(f, i, j, work);
        }
        return;
    }
    for (; i + 2 <= last; i += 2) {
        diagonal<R, 2, N>(f, i, j);
    }
    for (; i < last; ++i) {
        diagonal<R, 1, N>(f, i, j);
    }
}

// One pair at a time, where a row has fewer than a vector.
template <class R> void few(const Forms& f, ptrdiff_t first, ptrdiff_t last, char* work) {
    constexpr ptrdiff_t lanes = LANES<R>;
    alignas(32) char narrow[32];
    for (ptrdiff_t i = first; i < last; ++i) {
        for (ptrdiff_t k = 0; k < f.features; ++k) {
            std::memset(narrow, 0, sizeof narrow);
            std::memcpy(narrow, f.y + k * f.pitch * ITEM<R>, static_cast<std::size_t>(f.m * ITEM<R>));
            std::memcpy(work + k * 32, narrow, 32);
        }
        alignas(32) char made[32];
        Forms one{f.x + i * f.features * ITEM<R>, work, f.s, made, lanes, f.features, f.whole, lanes, lanes};
        strip<R, 1>(one, 0, 1, 0, work + f.features * 32);
        std::memcpy(f.out + i * f.out_pitch * ITEM<R>, made, static_cast<std::size_t>(f.m * ITEM<R>));
    }
}

template <class R> void forms(const Forms& f, ptrdiff_t first, ptrdiff_t last, char* work) {
    constexpr ptrdiff_t lanes = LANES<R>, wide = SIDE * lanes;
    if (f.m < lanes) {
        few<R>(f, first, last, work);
        return;
    }
    for (ptrdiff_t i = first; i < last; i += NEAR) { // a few rows at a time: their pages are few
        const ptrdiff_t stop = i + NEAR < last ? i + NEAR : last;
        ptrdiff_t j = 0;
        for (; j + wide <= f.m; j += wide) {
            strip<R, SIDE>(f, i, stop, j, work);
        }
        for (; j + lanes <= f.m; j += lanes) {
            strip<R, 1>(f, i, stop, j, work);
        }
        if (j < f.m) { // the last vector begins within the one before
            strip<R, 1>(f, i, stop, f.m - lanes, work);
        }
    }
}

// A number in every lane, or by itself.
template <class V, class R> inline V same(R x) {
    if constexpr (std::is_same_v<V, R>) {
        return x;
    } else {
        return everywhere(x);
    }
}

// As many pairs as V has lanes, of complex numbers and a diagonal matrix.
template <class R, class V> void complex_pairs(const Forms& f, ptrdiff_t i, ptrdiff_t j) {
    const auto number = [](const char* p) {
        V x;
        std::memcpy(&x, p, sizeof x);
        return x;
    };
    V re = same<V, R>(0), im = re;
    for (ptrdiff_t start = 0; start < f.features; start += FORMS_TOGETHER) {
        const ptrdiff_t stop = start + FORMS_TOGETHER < f.features ? start + FORMS_TOGETHER : f.features;
        V own_re = same<V, R>(0), own_im = own_re;
        for (ptrdiff_t k = start; k < stop; ++k) {
            const char *x = f.x + (i * f.features + k) * 2 * ITEM<R>,
                       *y = f.y + (2 * k * f.pitch + j) * ITEM<R>;
            const V a = same<V, R>(entry<R>(x, 0)) - number(y),
                    b = same<V, R>(entry<R>(x, 1)) - number(y + f.pitch * ITEM<R>);
            const V s = same<V, R>(entry<R>(f.s, 2 * k)), t = same<V, R>(entry<R>(f.s, 2 * k + 1));
            const V square = a * a - b * b, half = a * b, crossed = half + half;
            own_re = own_re + (s * square - t * crossed);
            own_im = own_im + (s * crossed + t * square);
        }
        re = re + own_re;
        im = im + own_im;
    }
    R parts[2][sizeof(V) / sizeof(R)];
    std::memcpy(parts[0], &re, sizeof re);
    std::memcpy(parts[1], &im, sizeof im);
    for (std::size_t lane = 0; lane < sizeof(V) / sizeof(R); ++lane) {
        const R pair[2] = {parts[0][lane], parts[1][lane]};
        std::memcpy(f.out + (i * f.out_pitch + j + static_cast<ptrdiff_t>(lane)) * 2 * ITEM<R>, pair,
                    sizeof pair);
    }
}

template <class R> void complex_forms(const Forms& f, ptrdiff_t first, ptrdiff_t last, char*) {
    for (ptrdiff_t i = first; i < last; ++i) {
        ptrdiff_t j = 0;
        for (; j + LANES<R> <= f.m; j += LANES<R>) {
            complex_pairs<R, Vec<R>>(f, i, j);
        }
        for (; j < f.m; ++j) {
            complex_pairs<R, R>(f, i, j);
        }
    }
}

} // namespace

extern const FormKernels FORMS;
const FormKernels FORMS = {forms<float>, forms<double>, complex_forms<float>, complex_forms<double>};

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
