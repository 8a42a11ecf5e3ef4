// Products and sums of products over boxes: compiled once for each instruction set, in a namespace of its
// own.
//
// A product is formed whole, in the order of the operands, before it is added. Sums are kept in as many lanes
// for every instruction set, and added in an order that follows from the lengths alone.

#include "../box.hpp"
#include "lanes.hpp"
#include "streams.hpp"
#include "transposes.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

// Vectors that are read in one turn of a loop.
constexpr int TURN = 4;
constexpr std::ptrdiff_t CHUNK = TURN * VECTOR;

// One row of all operands; one that is the same along the row is a few vectors of that element.
template <class T, int N> struct Row {
    using V = Lanes<Real<T>>;

    const char* x[N];
    std::ptrdiff_t moves[N]; // all bits set where the operand goes along
    alignas(32) char same[N][CHUNK];

    void set(const Box& box, std::ptrdiff_t row) {
        for (int k = 0; k < N; ++k) {
            const char* from = box.x[k] + row * box.by_row[k];
            moves[k] = -1;
            x[k] = from;
            if (box.step[k] == 0) {
                moves[k] = 0;
                x[k] = same[k];
                T element;
                std::memcpy(&element, from, sizeof element);
                for (std::size_t i = 0; i < CHUNK / sizeof(T); ++i) {
                    std::memcpy(same[k] + i * sizeof(T), &element, sizeof element);
                }
            }
        }
    }

    V vector(std::ptrdiff_t at) const {
        V product = load<T>(x[0] + (at & moves[0]));
        for (int k = 1; k < N; ++k) {
            product = times<T>(product, load<T>(x[k] + (at & moves[k])));
        }
        return product;
    }

    void chunk(std::ptrdiff_t at, V (&to)[TURN]) const {
        const char* y = x[0] + (at & moves[0]);
        for (int i = 0; i < TURN; ++i) {
            to[i] = load<T>(y + i * VECTOR);
        }
        for (int k = 1; k < N; ++k) {
            y = x[k] + (at & moves[k]);
            for (int i = 0; i < TURN; ++i) {
                to[i] = times<T>(to[i], load<T>(y + i * VECTOR));
            }
        }
    }

    // The product of all operands but the last, and the last.
    void factors(std::ptrdiff_t at, V (&first)[TURN], V (&last)[TURN]) const {
        const char* y = x[N - 1] + (at & moves[N - 1]);
        for (int i = 0; i < TURN; ++i) {
            last[i] = load<T>(y + i * VECTOR);
        }
        y = x[0] + (at & moves[0]);
        for (int i = 0; i < TURN; ++i) {
            first[i] = load<T>(y + i * VECTOR);
        }
        for (int k = 1; k < N - 1; ++k) {
            y = x[k] + (at & moves[k]);
            for (int i = 0; i < TURN; ++i) {
                first[i] = times<T>(first[i], load<T>(y + i * VECTOR));
            }
        }
    }

    T one(std::ptrdiff_t at) const {
        T product = load_one<T>(x[0] + (at & moves[0]));
        for (int k = 1; k < N; ++k) {
            product = times_one(product, load_one<T>(x[k] + (at & moves[k])));
        }
        return product;
    }
};

template <class T, int N, bool ADDED> void products(const Box& box) {
    using V = Lanes<Real<T>>;
    const std::ptrdiff_t bytes = box.length * ITEM<T>;
    Row<T, N> row;
    for (std::ptrdiff_t r = 0; r < box.rows; ++r) {
        row.set(box, r);
        char* to = box.to + r * box.to_row;
        std::ptrdiff_t at = 0;
        for (; at + CHUNK <= bytes; at += CHUNK) {
            V product[TURN];
            row.chunk(at, product);
            for (int i = 0; i < TURN; ++i) {
                char* p = to + at + i * VECTOR;
                store(p, ADDED ? plus<T>(load<T>(p), product[i]) : product[i]);
            }
        }
        for (; at + VECTOR <= bytes; at += VECTOR) {
            const V product = row.vector(at);
            store(to + at, ADDED ? plus<T>(load<T>(to + at), product) : product);
        }
        for (; at < bytes; at += ITEM<T>) {
            const T product = row.one(at);
            store(to + at, ADDED ? plus_one(load_one<T>(to + at), product) : product);
        }
    }
}

template <class T, int N> void sums(const Box& box) {
    const std::ptrdiff_t bytes = box.length * ITEM<T>;
    if constexpr (N == 1) {
        if (box.step[0] != 0) {
            return sums_of_streams<T, false>(box.x[0], box.by_row[0], box.x[0], 0, box.rows, bytes, box.to,
                                             box.first, box.far);
        }
    } else if constexpr (N == 2) {
        if ((box.step[0] == 0) != (box.step[1] == 0)) {
            const int x = box.step[0] == 0 ? 1 : 0;
            return sums_of_streams<T, true>(box.x[x], box.by_row[x], box.x[1 - x], box.by_row[1 - x],
                                            box.rows, bytes, box.to, box.first, box.far);
        }
    }
    if (box.first) {
        std::memset(box.to, 0, static_cast<std::size_t>(bytes));
    }
    Box all = box;
    all.to_row = 0;
    products<T, N, true>(all);
}

// Vectors that are added one after the other, in two turns of sums; more are halved.
constexpr std::ptrdiff_t LEAF = 128 * VECTOR;

// A sum of products of complex numbers: of equal parts, and of the parts crossed. They meet once, at the end.
template <class T, int N> constexpr bool CROSSED = IS_COMPLEX<T> && N > 1;

template <class T, int N> struct Sum {
    using V = Lanes<Real<T>>;
    V equal, crossed, rest; // the second of crossed products alone; the third of products that were formed

    void add(const Sum& other) {
        equal = plus<T>(equal, other.equal);
        rest = plus<T>(rest, other.rest);
        if constexpr (CROSSED<T, N>) {
            crossed = crossed + other.crossed;
        }
    }

    V total() const {
        if constexpr (CROSSED<T, N>) {
            using R = Real<T>;
            return mixed<0, R>(equal, crossed) + mixed<1, R>(equal, crossed) * alternating<R>() + rest;
        } else {
            return plus<T>(equal, rest);
        }
    }
};

template <class T, int N> Sum<T, N> leaf(const Row<T, N>& row, std::ptrdiff_t at, std::ptrdiff_t end) {
    using V = Lanes<Real<T>>;
    V first[TURN], second[TURN];
    for (int i = 0; i < TURN; ++i) {
        first[i] = second[i] = nothing<T>();
    }
    V x[TURN], y[TURN];
    const auto add = [&](std::ptrdiff_t chunk, V(&to)[TURN]) {
        if constexpr (CROSSED<T, N>) {
            row.factors(chunk, x, y);
            for (int i = 0; i < TURN; ++i) {
                first[i] = first[i] + x[i] * y[i];
                second[i] = second[i] + x[i] * paired<1, 0, Real<T>>(y[i]);
            }
        } else {
            row.chunk(chunk, x);
            for (int i = 0; i < TURN; ++i) {
                to[i] = plus<T>(to[i], x[i]);
            }
        }
    };
    for (; at + 2 * CHUNK <= end; at += 2 * CHUNK) {
        add(at, first);
        add(at + CHUNK, second);
    }
    if (at + CHUNK <= end) {
        add(at, first);
        at += CHUNK;
    }
    V rest = nothing<T>();
    for (; at + VECTOR <= end; at += VECTOR) {
        rest = plus<T>(rest, row.vector(at));
    }
    const auto joined = [](const V(&v)[TURN]) { return plus<T>(plus<T>(v[0], v[1]), plus<T>(v[2], v[3])); };
    if constexpr (CROSSED<T, N>) {
        return {joined(first), joined(second), rest};
    } else {
        return {plus<T>(joined(first), joined(second)), nothing<T>(), rest};
    }
}

template <class T, int N> Sum<T, N> halves(const Row<T, N>& row, std::ptrdiff_t at, std::ptrdiff_t end) {
    if (end - at <= LEAF) {
        return leaf(row, at, end);
    }
    const std::ptrdiff_t leaves = (end - at + LEAF - 1) / LEAF;
    const std::ptrdiff_t middle = at + (leaves + 1) / 2 * LEAF;
    auto sum = halves(row, at, middle); // in the order of memory, for its sake
    sum.add(halves(row, middle, end));
    return sum;
}

// A vector whose lanes sum to the row's sum.
template <class T, int N> Lanes<Real<T>> along(const Row<T, N>& row, std::ptrdiff_t bytes) {
    const std::ptrdiff_t whole = bytes / VECTOR * VECTOR;
    auto sum = halves(row, 0, whole).total();
    if (whole < bytes) {
        if (whole > 0) { // the last vector begins within the one before
            sum = plus<T>(sum, last_bytes<T>(row.vector(bytes - VECTOR), bytes - whole));
            return sum;
        }
        alignas(32) char rest[VECTOR] = {0};
        for (std::ptrdiff_t at = whole; at < bytes; at += ITEM<T>) {
            store(rest + (at - whole), row.one(at));
        }
        sum = plus<T>(sum, load<T>(rest));
    }
    return sum;
}

template <class T, int N> void dots(const Box& box) {
    Row<T, N> row;
    for (std::ptrdiff_t r = 0; r < box.rows; ++r) {
        row.set(box, r);
        char* to = box.to + r * box.to_row;
        store(to, plus<T>(load<T>(to), along(row, box.length * ITEM<T>)));
    }
}

template <class T, int N> Lanes<Real<T>> rows_halved(const Box& box, std::ptrdiff_t r, std::ptrdiff_t end) {
    if (end - r > 8) {
        const std::ptrdiff_t middle = r + (end - r + 15) / 16 * 8;
        const auto first = rows_halved<T, N>(box, r, middle);
        return plus<T>(first, rows_halved<T, N>(box, middle, end));
    }
    Row<T, N> row;
    auto sum = nothing<T>();
    for (; r < end; ++r) {
        row.set(box, r);
        sum = plus<T>(sum, along(row, box.length * ITEM<T>));
    }
    return sum;
}

template <class T, int N> void dot(const Box& box) {
    store(box.to, plus<T>(load<T>(box.to), rows_halved<T, N>(box, 0, box.rows)));
}

template <class T> void add(char* into, const char* from, std::ptrdiff_t bytes) {
    for (std::ptrdiff_t at = 0; at < bytes; at += VECTOR) {
        store(into + at, plus<T>(load<T>(into + at), load<T>(from + at)));
    }
}

template <class T> void across(const char* state, std::ptrdiff_t slots, char* to, std::ptrdiff_t step) {
    constexpr int COUNT = static_cast<int>(VECTOR / ITEM<T>);
    for (std::ptrdiff_t slot = 0; slot < slots; ++slot) {
        T lane[COUNT];
        for (int i = 0; i < COUNT; ++i) {
            lane[i] = load_one<T>(state + slot * VECTOR + i * ITEM<T>);
        }
        for (int half = COUNT / 2; half > 0; half /= 2) {
            for (int i = 0; i < half; ++i) {
                lane[i] = plus_one(lane[i], lane[i + half]);
            }
        }
        store(to + slot * step, lane[0]);
    }
}

template <class T>
constexpr TypeKernels KERNELS_OF = {
    {products<T, 1, false>, products<T, 2, false>, products<T, 3, false>, products<T, 4, false>},
    {products<T, 1, true>, products<T, 2, true>, products<T, 3, true>, products<T, 4, true>},
    {sums<T, 1>, sums<T, 2>, sums<T, 3>, sums<T, 4>},
    {dots<T, 1>, dots<T, 2>, dots<T, 3>, dots<T, 4>},
    {dot<T, 1>, dot<T, 2>, dot<T, 3>, dot<T, 4>},
    add<T>,
    across<T>,
};

} // namespace

extern const BoxKernels BOXES;
const BoxKernels BOXES = {
    KERNELS_OF<std::uint8_t>,   KERNELS_OF<std::uint16_t>,
    KERNELS_OF<std::uint32_t>,  KERNELS_OF<std::uint64_t>,
    KERNELS_OF<float>,          KERNELS_OF<double>,
    KERNELS_OF<Complex<float>>, KERNELS_OF<Complex<double>>,
    KERNELS_OF<Truth>,          transpose<std::uint8_t>,
    transpose<std::uint16_t>,   transpose<std::uint32_t>,
    transpose<std::uint64_t>,   transpose<Pair>,
};

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
