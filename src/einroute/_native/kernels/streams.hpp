// Sums of rows of one operand, a few rows at a time: the result is read and written once for all of them.
#pragma once

#include "../box.hpp"
#include "lanes.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

template <class T> constexpr std::ptrdiff_t ITEM = static_cast<std::ptrdiff_t>(sizeof(T));

// Rows that are added at once: each is a stream of memory of its own.
constexpr std::ptrdiff_t STREAMS = 4;

// The elements of a row's vector, each times the row's factor where there is one.
template <class T, bool SCALED> inline Lanes<Real<T>> scaled(const char* from, const Lanes<Real<T>>& factor) {
    return SCALED ? times<T>(load<T>(from), factor) : load<T>(from);
}

template <class T, bool SCALED> inline T scaled_one(const char* from, const T& factor) {
    return SCALED ? times_one(load_one<T>(from), factor) : load_one<T>(from);
}

template <class T> Lanes<Real<T>> repeated(const T& element) {
    alignas(32) char lanes[VECTOR];
    for (std::ptrdiff_t i = 0; i < VECTOR; i += ITEM<T>) {
        store(lanes + i, element);
    }
    return load<T>(lanes);
}

// Adds rows of one operand to a result, each times an element of another where there is one; FIRST is where
// the result begins at 0.
template <class T, bool SCALED, bool FIRST, int ROWS> struct Streams {
    using V = Lanes<Real<T>>;

    static void add(const char* x, std::ptrdiff_t by, const char* factors, std::ptrdiff_t by_factor,
                    std::ptrdiff_t bytes, char* to) {
        const char* row[ROWS];
        T factor[ROWS];
        V all[ROWS];
        for (int i = 0; i < ROWS; ++i) {
            row[i] = x + i * by;
            if constexpr (SCALED) {
                factor[i] = load_one<T>(factors + i * by_factor);
                all[i] = repeated<T>(factor[i]);
            }
        }
        std::ptrdiff_t at = 0;
        for (; at + VECTOR <= bytes; at += VECTOR) {
            V x[ROWS];
            for (int i = 0; i < ROWS; ++i) {
                x[i] = scaled<T, SCALED>(row[i] + at, all[i]);
            }
            V sum = x[0];
            if constexpr (ROWS > 1) {
                sum = plus<T>(sum, x[1]);
            }
            if constexpr (ROWS > 2) {
                sum = plus<T>(sum, ROWS > 3 ? plus<T>(x[2], x[ROWS - 1]) : x[2]);
            }
            store(to + at, plus<T>(FIRST ? nothing<T>() : load<T>(to + at), sum));
        }
        for (; at < bytes; at += ITEM<T>) {
            T x[ROWS];
            for (int i = 0; i < ROWS; ++i) {
                x[i] = scaled_one<T, SCALED>(row[i] + at, factor[i]);
            }
            T sum = x[0];
            if constexpr (ROWS > 1) {
                sum = plus_one(sum, x[1]);
            }
            if constexpr (ROWS > 2) {
                sum = plus_one(sum, ROWS > 3 ? plus_one(x[2], x[ROWS - 1]) : x[2]);
            }
            store(to + at, plus_one(FIRST ? T{} : load_one<T>(to + at), sum));
        }
    }
};

// The sums of rows of one operand, a few rows at a time.
template <class T, bool SCALED>
void sums_of_streams(const char* x, std::ptrdiff_t by, const char* factors, std::ptrdiff_t by_factor,
                     std::ptrdiff_t rows, std::ptrdiff_t bytes, char* to, bool first, bool far) {
    const auto add = [&](auto of_first, auto of_others, std::ptrdiff_t r) {
        (r == 0 && first ? of_first : of_others)(x + r * by, by, factors + r * by_factor, by_factor, bytes,
                                                 to);
    };
    std::ptrdiff_t r = 0;
    if (far && by == bytes) { // one stream, as memory has it
        for (; r < rows; ++r) {
            add(Streams<T, SCALED, true, 1>::add, Streams<T, SCALED, false, 1>::add, r);
        }
    }
    for (; r + STREAMS <= rows; r += STREAMS) {
        add(Streams<T, SCALED, true, STREAMS>::add, Streams<T, SCALED, false, STREAMS>::add, r);
    }
    if (rows - r == 3) {
        add(Streams<T, SCALED, true, 3>::add, Streams<T, SCALED, false, 3>::add, r);
    } else if (rows - r == 2) {
        add(Streams<T, SCALED, true, 2>::add, Streams<T, SCALED, false, 2>::add, r);
    } else if (rows - r == 1) {
        add(Streams<T, SCALED, true, 1>::add, Streams<T, SCALED, false, 1>::add, r);
    }
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
