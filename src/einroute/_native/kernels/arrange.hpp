// Which axis of a problem runs along the lanes of vectors, and the offsets of the others.
#pragma once

#include "../problem.hpp"
#include "spans.hpp"

#include <cmath>
#include <cstddef>

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

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

// Instructions that it takes to pack or to scatter an element; to pack one whose sums follow each other; to
// gather one of a square.
constexpr double PACK = 2.5, TURN = 0.8, GATHER = 3.5;
// Lines of lanes that the first cache holds, and how much slower a block of more is; the same of one of two
// operands that both have the lanes, of which each line is used whole.
constexpr double CACHED = 500, SPILLED = 2.5, SPILLED_BOTH = 1.5;
// How much slower matrices are whose elements lie in lines that drive each other out of the first cache.
constexpr double COLLIDING = 2;
// The same where the rows of a stack share an operand, which stays in registers or next to them.
constexpr double SHARED = 0.6;
// How much less those take that wait for nothing.
constexpr double STEADY = 0.6;
// How much faster squares are whose size the compiler knows.
constexpr double UNROLLED = 0.6;

// Lines of the cache, the bytes after which they lie in the same set again, and lines of a set, in the first
// cache of most processors.
constexpr std::size_t CACHE_LINE = 64, WAY = 4096, WAYS = 8;

// Whether so many lines drive each other out of the first cache, since they lie multiples of a power of two
// apart, of which `steps` is made.
inline bool collide(std::ptrdiff_t steps, std::size_t lines) {
    const std::size_t all = static_cast<std::size_t>(steps), power = all & (~all + 1);
    if (power <= CACHE_LINE) { // no set is left out; nothing is 0 apart
        return false;
    }
    const std::size_t sets = power >= WAY ? 1 : WAY / power;
    return lines > WAYS * sets;
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

// `unit` bytes an element.
EINROUTE_APART inline void arrange_along(const Problem& p, const Choice& choice, std::ptrdiff_t unit,
                                         const Room& room, Arranged& to) {
    const int lanes = choice.lanes;
    const bool turned = choice.turned;
    to.turned = turned;
    to.size = 1;
    to.by_first = to.by_second = to.by_out = 0;
    to.loops = 0;
    to.loop = room.axes;
    to.summed = false;
    to.even = true;
    std::ptrdiff_t extents[4] = {1, 1, 1, 1}; // by role
    for (int i = 0; i < p.count; ++i) {
        if (i != lanes) {
            extents[static_cast<int>(p.axes[i].role)] *= p.axes[i].size;
        }
    }
    std::ptrdiff_t* at = room.offsets;
    const auto begin = [&](Offsets& offsets, Role role) {
        const std::ptrdiff_t size = extents[static_cast<int>(role)];
        offsets = {1, at, at + size};
        offsets.x[0] = offsets.y[0] = 0;
        at += 2 * size;
    };
    begin(to.rows, turned ? Role::Column : Role::Row);
    begin(to.columns, turned ? Role::Row : Role::Column);
    begin(to.sums, Role::Sum);
    Axis summed = {Role::Sum, 1, 0, 0, 0};
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
            if (axis.size > 1) {
                const bool on = summed.a == axis.a * axis.size && summed.b == axis.b * axis.size;
                to.even = to.even && (on || summed.size == 1);
                summed = axis;
            }
        }
    }
    if (to.size == 1) { // no stride matters
        to.by_second = to.by_out = unit;
        to.by_first = to.by_first == 0 ? 0 : unit;
    }
}

// What a kernel does at once: numbers of an element, those of a vector, elements of a block and the most that
// are done as one, and bytes of an element.
struct Lanes {
    int parts, width;
    std::ptrdiff_t block, most, unit;
};

// Vectors that so many numbers take, about.
inline int vectors_of(std::ptrdiff_t numbers, int width) {
    const std::ptrdiff_t rest = numbers % width;
    return static_cast<int>(numbers / width) + (rest == 0                                     ? 0
                                                : (rest & (rest - 1)) == 0 || numbers > width ? 1
                                                                                              : 2);
}

// How an operand's lanes come into registers, and the result's out of them.
enum class Access { Straight, Turned, Singly };

// A block of lanes: rows, columns and sums without the lanes.
struct Task {
    double rows, columns, sums;
    bool both; // operands have the lanes
    Access first, second;
    bool scatters;
    bool colliding; // lines that are not copied drive each other out of the cache
};

inline double packing(Access access, double lanes) {
    return access == Access::Straight ? 0 : lanes * (access == Access::Turned && lanes >= 4 ? TURN : PACK);
}

// About how many instructions a block of lanes takes.
inline double block_price(std::ptrdiff_t lanes, const Lanes& has, const Task& t) {
    const double vectors = vectors_of(lanes * has.parts, has.width), n = static_cast<double>(lanes);
    const bool is_complex = has.parts == 2;
    const double lines = t.columns * t.sums + (t.both ? t.rows * t.sums : 0) +
                         (t.scatters || t.rows > MAX_EXTENT ? 0 : t.rows * t.columns);
    const bool even = !t.both && !t.scatters; // the sums of several axes are few
    const double together = is_complex    ? (vectors > 2   ? 1
                                             : vectors > 1 ? 2
                                                           : 4)
                            : vectors > 2 ? 3
                            : even        ? 6
                                          : 4;
    const double groups = t.rows < together     ? 1
                          : even && !is_complex ? std::ceil(t.rows / together)
                                                : t.rows / together;
    double cost = 12 + t.columns * groups * 12;
    const double product =
        is_complex ? (t.both ? 7 * vectors : 4 * vectors + 2) : (t.both ? 3 * vectors : 2 * vectors + 1);
    cost += STEADY * t.columns * t.rows * t.sums * product + t.columns * groups * t.sums * (vectors + 2);
    cost += t.columns * t.rows * (t.scatters ? PACK * n : (is_complex ? 4 : 1) * vectors);
    const bool known = is_complex ? lanes <= 3 && t.second == Access::Straight : lanes <= 6;
    if (known && even && t.columns == 1 && t.rows == n && t.sums == n) {
        const double each = t.second == Access::Straight ? 0 : t.second == Access::Turned ? TURN : GATHER;
        return UNROLLED * cost + each * n * n;
    }
    cost += packing(t.second, n) * t.columns * t.sums + packing(t.first, n) * t.rows * t.sums;
    if (t.rows > MAX_EXTENT) {
        return SHARED * cost;
    }
    if (t.colliding) {
        cost *= COLLIDING;
    }
    const bool whole = t.both && t.first == Access::Straight && t.second == Access::Straight;
    return lines > CACHED ? (whole ? SPILLED_BOTH : SPILLED) * cost : cost;
}

EINROUTE_APART inline Choice choose(const Problem& p, const Lanes& has) {
    double extents[4] = {1, 1, 1, 1}; // by role
    std::ptrdiff_t inner_a = 0, inner_b = 0;
    int sums = 0;
    std::ptrdiff_t steps_a = 0, steps_b = 0; // of a matrix
    for (int i = 0; i < p.count; ++i) {
        if (p.axes[i].role != Role::Loop) {
            steps_a |= p.axes[i].a;
            steps_b |= p.axes[i].b;
        }
        extents[static_cast<int>(p.axes[i].role)] *= static_cast<double>(p.axes[i].size);
        if (p.axes[i].role == Role::Sum) {
            inner_a = p.axes[i].a;
            inner_b = p.axes[i].b;
            ++sums;
        }
    }
    const auto size_of = [&](Role free) {
        return static_cast<std::size_t>(extents[static_cast<int>(free)] *
                                        extents[static_cast<int>(Role::Sum)]);
    };
    const bool again =
        extents[static_cast<int>(Role::Row)] > 1 && extents[static_cast<int>(Role::Column)] > 1;
    const bool colliding =
        again && (collide(steps_a, size_of(Role::Row)) || collide(steps_b, size_of(Role::Column)));
    // The operand that has the lanes goes second; of two that have them the one with more rows goes first.
    const auto turned = [&](int lanes) {
        const Axis& axis = p.axes[lanes];
        if ((axis.a != 0) != (axis.b != 0)) {
            return axis.a != 0;
        }
        return extents[static_cast<int>(Role::Column)] > extents[static_cast<int>(Role::Row)];
    };
    const auto access = [&](const Axis& axis, std::ptrdiff_t stride, std::ptrdiff_t inner) {
        return axis.size == 1 || stride == has.unit               ? Access::Straight
               : has.parts == 1 && sums == 1 && inner == has.unit ? Access::Turned
                                                                  : Access::Singly;
    };
    Choice best = cheapest(p, [&](int i) {
        const Axis& axis = p.axes[i];
        const bool swap = turned(i), both = axis.a != 0 && axis.b != 0;
        double own[4];
        for (int role = 0; role < 4; ++role) {
            own[role] = extents[role];
        }
        own[static_cast<int>(axis.role)] /= static_cast<double>(axis.size);
        const Access a = access(axis, axis.a, inner_a), b = access(axis, axis.b, inner_b);
        double rows = own[static_cast<int>(swap ? Role::Column : Role::Row)];
        int loop = p.count - 1;
        while (loop >= 0 && (loop == i || p.axes[loop].role != Role::Loop)) {
            --loop;
        }
        if (!both && rows == 1 && loop >= 0 && (swap ? p.axes[loop].a : p.axes[loop].b) == 0) {
            rows = static_cast<double>(p.axes[loop].size); // all share the second operand
            own[static_cast<int>(Role::Loop)] /= rows;
        }
        const Task task{rows,
                        own[static_cast<int>(swap ? Role::Row : Role::Column)],
                        own[static_cast<int>(Role::Sum)],
                        both,
                        !both  ? Access::Straight
                        : swap ? b
                               : a,
                        swap ? a : b,
                        axis.size > 1 && axis.out != has.unit,
                        colliding && !both};
        const auto of = [&](std::ptrdiff_t n) { return block_price(n, has, task); };
        const std::ptrdiff_t rest = axis.size % has.block;
        const double each =
            axis.size <= has.most
                ? of(axis.size)
                : static_cast<double>(axis.size / has.block) * of(has.block) + (rest != 0 ? of(rest) : 0);
        return own[static_cast<int>(Role::Loop)] * each;
    });
    best.turned = turned(best.lanes);
    return best;
}

// Neighbouring axes along which one operand stands still become one loop, where the others walk both as one.
EINROUTE_APART inline void merge_shared(const Problem& from, Problem& to) {
    to.a = from.a;
    to.b = from.b;
    to.out = from.out;
    to.work = from.work;
    to.count = 0;
    for (int i = 0; i < from.count; ++i) {
        const Axis& axis = from.axes[i];
        if (to.count > 0 && axis.role != Role::Sum) {
            Axis& last = to.axes[to.count - 1];
            const bool loop = last.role == Role::Loop || axis.role == Role::Loop;
            const bool still = (last.a == 0 && axis.a == 0) || (last.b == 0 && axis.b == 0);
            if (last.role != Role::Sum && loop && still && last.a == axis.a * axis.size &&
                last.b == axis.b * axis.size && last.out == axis.out * axis.size) {
                last = {Role::Loop, last.size * axis.size, axis.a, axis.b, axis.out};
                continue;
            }
        }
        to.axes[to.count++] = axis;
    }
}

// Memory for what a kernel arranges by itself.
struct OwnRoom {
    Axis axes[MAX_AXES];
    std::ptrdiff_t offsets[6 * MAX_EXTENT];
};

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
