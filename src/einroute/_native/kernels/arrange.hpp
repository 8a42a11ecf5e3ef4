// Which axis of a problem runs along the lanes of vectors, and the offsets of the others.
#pragma once

#include "../problem.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

// Offsets in bytes of the elements of rows, columns or sums, whatever axes they are made of.
struct Offsets {
    int size;
    std::ptrdiff_t x[MAX_EXTENT], y[MAX_EXTENT];
};

// Offsets of an operand that was packed: element by element, its sums innermost.
struct Packed {
    std::ptrdiff_t outer[MAX_EXTENT], sums[MAX_EXTENT];

    void fill(int depth, std::ptrdiff_t bytes, int rows) {
        for (int k = 0; k < depth; ++k) {
            sums[k] = k * bytes;
        }
        for (int i = 0; i < rows; ++i) {
            outer[i] = i * depth * bytes;
        }
    }
};

// The problem with its lanes: `first` has the rows and `second` the columns.
struct Arranged {
    const char* first;
    const char* second;
    char* out;
    std::ptrdiff_t size, by_first, by_second, by_out; // of the lanes
    int loops;
    Axis loop[MAX_AXES];
    Offsets rows, columns, sums;
    bool summed;
};

inline std::ptrdiff_t extent(const Problem& p, Role role, int lanes) {
    std::ptrdiff_t size = 1;
    for (int i = 0; i < p.count; ++i) {
        if (i != lanes && p.axes[i].role == role) {
            size *= p.axes[i].size;
        }
    }
    return size;
}

// Instructions that it takes to pack or to scatter a complex element, and a real one.
constexpr double MOVE = 5, PACK = 2.5;
// Lines of lanes that the first cache holds, and how much slower a block of more is.
constexpr double CACHED = 500, SPILLED = 2.5;
// How much faster squares are whose size the compiler knows.
constexpr double UNROLLED = 0.5;

// About how many instructions a problem of complex numbers takes with an axis along the lanes.
inline double price(const Problem& p, int lanes, int width) {
    const Axis& v = p.axes[lanes];
    const double loops = static_cast<double>(extent(p, Role::Loop, lanes));
    const double m = static_cast<double>(extent(p, Role::Row, lanes));
    const double n = static_cast<double>(extent(p, Role::Column, lanes));
    const double k = static_cast<double>(extent(p, Role::Sum, lanes));
    const double whole = static_cast<double>(v.size / width);
    const bool rest = v.size % width != 0;
    const double product = 8 * m * n * k + 30 + 4 * n;
    const double a = MOVE * width * m * k, b = MOVE * width * k * n, out = MOVE * width * m * n;
    return loops * (whole + rest) * (product + (v.a != 0) * a + (v.b != 0) * b + out);
}

inline void append(Offsets& to, std::ptrdiff_t size, std::ptrdiff_t x, std::ptrdiff_t y) {
    // The axes are given outermost first: what is there is repeated, each time moved on.
    const int before = to.size;
    for (int i = before - 1; i >= 0; --i) {
        for (std::ptrdiff_t j = size - 1; j >= 0; --j) {
            to.x[i * size + j] = to.x[i] + j * x;
            to.y[i * size + j] = to.y[i] + j * y;
        }
    }
    to.size = static_cast<int>(before * size);
}

// An axis along the lanes, and the instructions that it takes.
struct Choice {
    int lanes;
    double cost;
    bool turned; // the second operand goes first
};

// Which axis takes the fewest, as `cost` says of each.
template <class Cost> inline Choice cheapest(const Problem& p, const Cost& cost) {
    Choice least{-1, 0, false};
    for (int i = 0; i < p.count; ++i) {
        if (p.axes[i].role != Role::Sum) {
            const double found = cost(i);
            if (least.lanes < 0 || found < least.cost) {
                least = {i, found, false};
            }
        }
    }
    return least;
}

inline void arrange_along(const Problem& p, const Choice& choice, Arranged& to) {
    const int lanes = choice.lanes;
    const bool turned = choice.turned;
    to.first = turned ? p.b : p.a;
    to.second = turned ? p.a : p.b;
    to.out = p.out;
    to.size = 1;
    to.by_first = to.by_second = to.by_out = 0;
    to.loops = 0;
    to.summed = false;
    to.rows.size = to.columns.size = to.sums.size = 1;
    to.rows.x[0] = to.rows.y[0] = to.columns.x[0] = to.columns.y[0] = to.sums.x[0] = to.sums.y[0] = 0;
    for (int i = 0; i < p.count; ++i) {
        Axis axis = p.axes[i];
        if (turned) {
            const std::ptrdiff_t a = axis.a;
            axis.a = axis.b;
            axis.b = a;
            axis.role = axis.role == Role::Row      ? Role::Column
                        : axis.role == Role::Column ? Role::Row
                                                    : axis.role;
        }
        if (i == lanes) {
            to.size = axis.size;
            to.by_first = axis.a;
            to.by_second = axis.b;
            to.by_out = axis.out;
        } else if (axis.role == Role::Loop) {
            to.loop[to.loops++] = axis;
        } else if (axis.role == Role::Row) {
            append(to.rows, axis.size, axis.a, axis.out);
        } else if (axis.role == Role::Column) {
            append(to.columns, axis.size, axis.b, axis.out);
        } else {
            append(to.sums, axis.size, axis.a, axis.b);
            to.summed = true;
        }
    }
}

inline Choice choose_complex(const Problem& p, int width) {
    Choice best = cheapest(p, [&](int i) { return price(p, i, width); });
    // Rows are blocked: the operand with more of them goes first.
    best.turned = extent(p, Role::Column, best.lanes) > extent(p, Role::Row, best.lanes);
    return best;
}

// Vectors that so many lanes take, about.
inline int vectors_of(std::ptrdiff_t lanes, int width) {
    const std::ptrdiff_t rest = lanes % width;
    return static_cast<int>(lanes / width) + (rest == 0                                   ? 0
                                              : (rest & (rest - 1)) == 0 || lanes > width ? 1
                                                                                          : 2);
}

// Instructions of one block of lanes of real numbers. The rows, columns and sums are those without the lanes.
inline double block_price(std::ptrdiff_t lanes, int width, double rows, double columns, double sums,
                          bool both, bool packs_first, bool packs_second, bool scatters) {
    const double vectors = vectors_of(lanes, width), n = static_cast<double>(lanes);
    const double lines = columns * sums + (both ? rows * sums : 0) + (scatters ? 0 : rows * columns);
    const double groups = rows >= 4 ? rows / 4 : 1;
    double cost = 12 + columns * groups * 12;
    cost += columns * rows * sums * (both ? 3 * vectors : 2 * vectors + 1) +
            columns * groups * sums * (vectors + 2);
    cost += columns * rows * (scatters ? PACK * n : vectors);
    cost += (packs_second ? PACK * n * columns * sums : 0) + (packs_first ? PACK * n * rows * sums : 0);
    if (!both && !packs_second && !scatters && columns == 1 && rows == n && sums == n && lanes <= 6) {
        return UNROLLED * cost;
    }
    return lines > CACHED ? SPILLED * cost : cost;
}

inline Choice choose_real(const Problem& p, int width, int block, int most, std::ptrdiff_t unit) {
    double extents[4] = {1, 1, 1, 1}; // by role
    for (int i = 0; i < p.count; ++i) {
        extents[static_cast<int>(p.axes[i].role)] *= static_cast<double>(p.axes[i].size);
    }
    // The operand that has the lanes goes second; of two that have them the one with more rows goes first.
    const auto turned = [&](int lanes) {
        const Axis& axis = p.axes[lanes];
        if ((axis.a != 0) != (axis.b != 0)) {
            return axis.a != 0;
        }
        return extents[static_cast<int>(Role::Column)] > extents[static_cast<int>(Role::Row)];
    };
    Choice best = cheapest(p, [&](int i) {
        const Axis& axis = p.axes[i];
        const bool swap = turned(i), both = axis.a != 0 && axis.b != 0;
        double own[4];
        for (int role = 0; role < 4; ++role) {
            own[role] = extents[role];
        }
        own[static_cast<int>(axis.role)] /= static_cast<double>(axis.size);
        const double rows = own[static_cast<int>(swap ? Role::Column : Role::Row)];
        const double columns = own[static_cast<int>(swap ? Role::Row : Role::Column)];
        const std::ptrdiff_t first = swap ? axis.b : axis.a, second = swap ? axis.a : axis.b;
        const auto of = [&](std::ptrdiff_t n) {
            return block_price(n, width, rows, columns, own[static_cast<int>(Role::Sum)], both,
                               both && first != unit, axis.size > 1 && second != unit,
                               axis.size > 1 && axis.out != unit);
        };
        const double each = axis.size <= most ? of(axis.size)
                                              : static_cast<double>(axis.size / block) * of(block) +
                                                    (axis.size % block != 0 ? of(axis.size % block) : 0);
        return own[static_cast<int>(Role::Loop)] * each;
    });
    best.turned = turned(best.lanes);
    return best;
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
