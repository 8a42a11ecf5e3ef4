#include "nest.hpp"

#include <cstdlib>
#include <initializer_list>

namespace einroute {

namespace {

// Bytes that a box keeps of sums, and of a packed operand along either axis.
constexpr std::ptrdiff_t KEPT = 1 << 14, SIDE = 1024;
// Bytes of a row of an operand whose elements are packed one by one.
constexpr std::ptrdiff_t PACKED_ROW = KEPT / 2;
// Rows that are added at once, and vectors that they are kept in, at most.
constexpr std::ptrdiff_t ROWS = 32, SLOTS = KEPT / VECTOR;
// Bytes of an operand's row, at most, that is summed in one go.
constexpr std::ptrdiff_t SUMMED = 1 << 16;
// Iterations of a block, about; and bytes of all parts of a result that is put together, at most.
constexpr double BLOCK = 1 << 16;
constexpr double PARTS = 1 << 22;
// Iterations of a block at most, since a signal is heard between blocks: a tenth of a second where each takes
// long. Parts that a longer sum is cut into, and their bytes, at most.
constexpr double LONGEST = 1 << 24, MOST_PARTS = 1 << 20, PARTS_OF_LONG = 1 << 28;
// Terms of each sum of a part at least: the parts are memory that is written, read and added.
constexpr double LEAST = 64;
// What lengths along a row are cut to multiples of.
constexpr std::ptrdiff_t MULTIPLE = 1024;

std::ptrdiff_t least(std::ptrdiff_t x, std::ptrdiff_t y) {
    return x < y ? x : y;
}

std::ptrdiff_t most(std::ptrdiff_t x, std::ptrdiff_t y) {
    return x > y ? x : y;
}

// Whether two loops, one around the other, are one in all arrays.
bool one(const Nest& nest, const Loop& outer, const Loop& inner) {
    bool same = outer.summed == inner.summed && outer.out == inner.out * inner.size;
    for (int k = 0; k < nest.operands; ++k) {
        same = same && outer.x[k] == inner.x[k] * inner.size;
    }
    return same;
}

// Rows of so many elements that are kept at once.
std::ptrdiff_t rows_kept(const Nest& nest, std::ptrdiff_t length, std::ptrdiff_t bytes) {
    const std::ptrdiff_t pitch = (length * nest.item + VECTOR - 1) / VECTOR * VECTOR;
    return most(1, bytes / pitch);
}

// Whether an array lies across the boxes: its memory follows the rows more closely than the elements of one.
bool is_across(std::ptrdiff_t by_row, std::ptrdiff_t along) {
    return by_row != 0 && std::abs(by_row) < std::abs(along);
}

// Whether each row of a box is by itself: products whose elements follow each other everywhere.
bool is_plain(const Nest& nest, const Cut& cut) {
    bool plain = !cut.summed && !cut.scattered;
    for (int k = 0; k < nest.operands; ++k) {
        plain = plain && !cut.packed[k];
    }
    return plain;
}

void size_boxes(const Nest& nest, Cut& to) {
    const Loop &rows = nest.loops[nest.count - 2], &along = nest.loops[nest.count - 1];
    int packed = 0;
    bool across = to.scattered && is_across(rows.out, along.out);
    for (int k = 0; k < nest.operands; ++k) {
        packed += to.packed[k];
        across = across || (to.packed[k] && is_across(rows.x[k], along.x[k]));
    }
    if (packed > 0 && across) {
        // Square, so that each line of the cache is used while it is there.
        to.rows = to.length = least(128, most(32, SIDE / nest.item));
        if (to.scattered || (to.summed && !along.summed && !rows.summed)) {
            to.rows = KEPT / (to.length * nest.item);
        }
    } else if (packed > 0) {
        // Elements are taken from rows, as memory has them: of several operands, they stay at hand.
        to.length = least(along.size, (packed > 1 && !rows.summed ? SIDE : PACKED_ROW) / nest.item);
        to.rows = rows_kept(nest, to.length, packed > 1 ? 2 * SIDE : PACKED_ROW);
        to.rowwise = true;
    } else if (along.summed) {
        to.length = SUMMED / nest.item;
        to.rows = along.size > to.length ? 1 : SLOTS; // a long row is read to its end
    } else if (!to.summed && !to.scattered) {
        to.rows = rows.size;
        to.length = along.size;
    } else {
        to.length = least(along.size, KEPT / nest.item);
        to.rows = rows.summed ? ROWS : rows_kept(nest, to.length, KEPT);
    }
    to.rows = least(to.rows, rows.size);
    to.length = least(to.length, along.size);
}

// Into how many parts the sums of each element of the result are cut: so many that threads have their share,
// and so many that none takes longer than a signal may wait.
double parts_of(const Nest& nest, double kept, const Cut& to) {
    double wanted = to.iterations / BLOCK;
    int first = 0;
    while (first < nest.count - 1 && nest.loops[first].size == 1) {
        ++first;
    }
    if (!nest.loops[first].summed) { // blocks are cut along what is kept, where there is enough of it
        wanted /= kept;
    }
    const double bytes = kept * double(nest.item);
    for (const double limit : {double(MAX_SPLITS), PARTS / bytes, to.iterations / (LEAST * kept)}) {
        wanted = wanted < limit ? wanted : limit;
    }
    return wanted;
}

double parts_that_are_heard(const Nest& nest, double kept, const Cut& to) {
    double wanted = to.iterations / kept / LONGEST;
    for (const double limit : {MOST_PARTS, PARTS_OF_LONG / (kept * double(nest.item))}) {
        wanted = wanted < limit ? wanted : limit;
    }
    return wanted;
}

void split_sums(const Nest& nest, double kept, Cut& to) {
    const double least = parts_that_are_heard(nest, kept, to), shared = parts_of(nest, kept, to);
    const double wanted = shared > least ? shared : least;
    if (wanted < 2) {
        return;
    }
    // One loop is split, and all summed loops around it are, into single turns.
    int split = -1;
    double around = 1;
    for (int i = 0; i < nest.count; ++i) {
        if (nest.loops[i].summed) {
            around *= split < 0 ? 1 : double(nest.loops[split].size);
            split = i;
            if (around * double(nest.loops[i].size) >= least) {
                break;
            }
        }
    }
    const Loop& loop = nest.loops[split];
    std::ptrdiff_t part = most(1, std::ptrdiff_t(double(loop.size) * around / wanted));
    if (split == nest.count - 1) {
        part = (part + MULTIPLE - 1) / MULTIPLE * MULTIPLE;
    }
    const double splits = around * double((loop.size + part - 1) / part);
    if (splits > 1) {
        to.split = split;
        to.part = part;
        to.splits = long(splits);
    }
}

void cut_blocks(const Nest& nest, double kept, Cut& to) {
    double inside = to.iterations / kept / double(to.splits);
    int i = nest.count - 1;
    for (; i >= 0; --i) {
        const Loop& loop = nest.loops[i];
        if (loop.summed) {
            continue;
        }
        if (inside * double(loop.size) > 2 * BLOCK) {
            break;
        }
        inside *= double(loop.size);
    }
    if (i < 0) {
        return;
    }
    std::ptrdiff_t step = most(1, std::ptrdiff_t(BLOCK / inside));
    // Rows that are summed are best read whole, one after the other.
    const std::ptrdiff_t piece = nest.loops[nest.count - 2].summed ? most(to.length, MULTIPLE)
                                 : to.rows == 1                    ? MULTIPLE
                                                                   : least(to.length, MULTIPLE);
    const std::ptrdiff_t whole = i == nest.count - 1                          ? piece
                                 : i == nest.count - 2 && !is_plain(nest, to) ? least(to.rows, 128)
                                                                              : 1;
    step = (step + whole - 1) / whole * whole;
    step = least(step, most(1, std::ptrdiff_t(LONGEST / inside)));
    to.cut = i;
    to.step = step;
    double blocks = double((nest.loops[i].size + step - 1) / step);
    for (int j = 0; j < i; ++j) {
        blocks *= nest.loops[j].summed ? 1 : double(nest.loops[j].size);
    }
    to.blocks = long(blocks);
}

} // namespace

void simplify(Nest& nest) {
    int count = 0;
    for (int i = 0; i < nest.count; ++i) {
        const Loop& loop = nest.loops[i];
        if (loop.size == 1) {
            continue;
        }
        if (count > 0 && one(nest, nest.loops[count - 1], loop)) {
            const std::ptrdiff_t size = nest.loops[count - 1].size * loop.size;
            nest.loops[count - 1] = loop;
            nest.loops[count - 1].size = size;
        } else {
            nest.loops[count++] = loop;
        }
    }
    for (; count < 2; ++count) {
        for (int i = count; i > 0; --i) {
            nest.loops[i] = nest.loops[i - 1];
        }
        nest.loops[0] = {1, {0}, 0, false};
    }
    nest.count = count;
}

Cut cut_of(const Nest& nest) {
    Cut to{};
    double kept = 1;
    to.iterations = 1;
    for (int i = 0; i < nest.count; ++i) {
        to.summed = to.summed || nest.loops[i].summed;
        to.iterations *= double(nest.loops[i].size);
        kept *= nest.loops[i].summed ? 1 : double(nest.loops[i].size);
    }
    to.copied = nest.operands == 1 && !to.summed;
    const Loop& along = nest.loops[nest.count - 1];
    for (int k = 0; k < nest.operands; ++k) {
        to.packed[k] = along.size > 1 && along.x[k] != 0 && along.x[k] != nest.item;
    }
    to.scattered = !along.summed && along.size > 1 && along.out != nest.item;
    size_boxes(nest, to);
    to.cut = to.split = -1;
    to.blocks = to.splits = 1;
    if (to.iterations > 2 * BLOCK) {
        if (to.summed) {
            split_sums(nest, kept, to);
        }
        cut_blocks(nest, kept, to);
    }
    return to;
}

} // namespace einroute
