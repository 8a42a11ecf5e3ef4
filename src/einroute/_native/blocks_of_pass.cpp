#include "blocks_of_pass.hpp"

#include "float_status.hpp"
#include "held.hpp"

#include <cstdint>
#include <cstring>
#include <initializer_list>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Sums are added up in levels: of so many each goes to the next, so that rounding errors stay small.
constexpr int LEVELS = 8, RADIX = 8;
// Bytes of a level; of a packed operand; and of a box's result that is scattered.
constexpr ptrdiff_t LEVEL = (1 << 14) + VECTOR * 128, PACKED = 1 << 17, SCATTERED = LEVEL;
constexpr ptrdiff_t WORKSPACE = LEVELS * LEVEL + BOX_OPERANDS * PACKED + SCATTERED + 64;
// Bytes of an operand that comes from memory.
constexpr double FAR = 3 << 23;
// Of each thread that runs blocks, kept as long as it lives. Null if there is no memory.
char* workspace() {
    thread_local Memory memory;
    if (!memory) {
        memory.reset(static_cast<char*>(std::malloc(static_cast<std::size_t>(WORKSPACE))));
    }
    const auto address = reinterpret_cast<std::uintptr_t>(memory.get());
    return memory ? memory.get() + (64 - address % 64) % 64 : nullptr;
}

// Elements a step apart, to elements that follow each other. Of every second one, as of real parts and of
// [::2], the compiler makes vectors where it knows the step.
template <class U>
void gather_row(const char* __restrict from, ptrdiff_t step, ptrdiff_t length, char* __restrict to) {
    constexpr ptrdiff_t ITEM = sizeof(U);
    if (step == 2 * ITEM) {
        for (ptrdiff_t i = 0; i < length; ++i) {
            std::memcpy(to + i * ITEM, from + 2 * i * ITEM, sizeof(U));
        }
        return;
    }
    ptrdiff_t i = 0;
    for (; i + 4 <= length; i += 4, from += 4 * step) {
        U four[4];
        std::memcpy(four, from, sizeof(U));
        std::memcpy(four + 1, from + step, sizeof(U));
        std::memcpy(four + 2, from + 2 * step, sizeof(U));
        std::memcpy(four + 3, from + 3 * step, sizeof(U));
        std::memcpy(to + i * ITEM, four, sizeof(four));
    }
    for (; i < length; ++i, from += step) {
        std::memcpy(to + i * ITEM, from, sizeof(U));
    }
}

template <class U>
void gather(const char* from, ptrdiff_t by_row, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t length, char* to,
            ptrdiff_t to_row, ptrdiff_t to_step) {
    for (ptrdiff_t r = 0; r < rows; ++r) {
        if (to_step == ptrdiff_t(sizeof(U))) {
            gather_row<U>(from + r * by_row, step, length, to + r * to_row);
            continue;
        }
        for (ptrdiff_t i = 0; i < length; ++i) {
            std::memcpy(to + r * to_row + i * to_step, from + r * by_row + i * step, sizeof(U));
        }
    }
}

struct Sixteen {
    char bytes[16];
};

void move(ptrdiff_t item, const char* from, ptrdiff_t by_row, ptrdiff_t step, ptrdiff_t rows,
          ptrdiff_t length, char* to, ptrdiff_t to_row, ptrdiff_t to_step) {
    (item == 1   ? gather<std::uint8_t>
     : item == 2 ? gather<std::uint16_t>
     : item == 4 ? gather<std::uint32_t>
     : item == 8 ? gather<std::uint64_t>
                 : gather<Sixteen>)(from, by_row, step, rows, length, to, to_row, to_step);
}

// One block: loops over boxes, what is kept around what is summed.
class Walk {
  public:
    Walk(Pass& pass, char* work)
        : pass_(pass), nest_(pass.nest), cut_(pass.cut), state_(work), packs_(work + LEVELS * LEVEL),
          scattered_(work + LEVELS * LEVEL + BOX_OPERANDS * PACKED), rows_(nest_.count - 2),
          along_(nest_.count - 1) {
        for (int i = 0; i < nest_.count; ++i) {
            from_[i] = 0;
            end_[i] = nest_.loops[i].size;
        }
    }

    void run(long index) {
        take(index);
        order();
        by_rows_ = cut_.summed && nest_.loops[rows_].summed && !nest_.loops[along_].summed;
        direct_ = by_rows_ && !cut_.scattered && end_[rows_] - from_[rows_] <= cut_.rows;
        for (int i = 0; i < rows_; ++i) {
            direct_ = direct_ && (!nest_.loops[i].summed || end_[i] - from_[i] == 1);
        }
        const char* x[BOX_OPERANDS];
        for (int k = 0; k < nest_.operands; ++k) {
            x[k] = nest_.x[k];
        }
        char* to = pass_.to + (index / cut_.blocks) * pass_.apart;
        for (int i = 0; i < nest_.count; ++i) {
            for (int k = 0; k < nest_.operands; ++k) {
                x[k] += from_[i] * nest_.loops[i].x[k];
            }
            to += from_[i] * pass_.strides[i];
        }
        walk(0, x, to);
    }

  private:
    // The ranges of a block.
    void take(long index) {
        if (cut_.split >= 0) {
            const ptrdiff_t size = nest_.loops[cut_.split].size, count = (size + cut_.part - 1) / cut_.part;
            ptrdiff_t part = index / cut_.blocks;
            from_[cut_.split] = part % count * cut_.part;
            end_[cut_.split] = least(from_[cut_.split] + cut_.part, size);
            part /= count;
            take_singly(true, cut_.split, part);
        }
        ptrdiff_t block = index % cut_.blocks;
        if (cut_.cut >= 0) {
            const ptrdiff_t size = nest_.loops[cut_.cut].size, count = (size + cut_.step - 1) / cut_.step;
            from_[cut_.cut] = block % count * cut_.step;
            end_[cut_.cut] = least(from_[cut_.cut] + cut_.step, size);
            block /= count;
            take_singly(false, cut_.cut, block);
        }
    }

    // One turn of each loop around another that is summed, or kept.
    void take_singly(bool summed, int within, ptrdiff_t turn) {
        for (int i = within - 1; i >= 0; --i) {
            const Loop& loop = nest_.loops[i];
            if (loop.summed == summed) {
                from_[i] = turn % loop.size;
                end_[i] = from_[i] + 1;
                turn /= loop.size;
            }
        }
    }

    static ptrdiff_t least(ptrdiff_t x, ptrdiff_t y) { return x < y ? x : y; }

    void order() {
        int at = 0;
        for (const bool summed : {false, true}) {
            for (int i = 0; i < rows_; ++i) {
                if (nest_.loops[i].summed == summed) {
                    order_[at++] = i;
                }
            }
            // Elements around rows where they are kept: a result's rows stay at hand.
            const bool by_rows = summed || cut_.rowwise;
            const int first = by_rows ? rows_ : along_, second = by_rows ? along_ : rows_;
            for (const int i : {first, second}) {
                if (nest_.loops[i].summed == summed) {
                    order_[at++] = i;
                }
            }
            kept_ = summed ? kept_ : at;
        }
    }

    void walk(int depth, const char* const* x, char* to) {
        if (depth == kept_) {
            if (cut_.summed && !direct_) {
                begin();
                around(depth, x, to);
                finish(to);
                return;
            }
        }
        around(depth, x, to);
    }

    void around(int depth, const char* const* x, char* to) {
        if (depth == nest_.count) {
            box(x, to);
            return;
        }
        const int axis = order_[depth];
        const Loop& loop = nest_.loops[axis];
        const ptrdiff_t step = axis == rows_ ? cut_.rows : axis == along_ ? cut_.length : 1;
        const char* at[BOX_OPERANDS];
        for (int k = 0; k < nest_.operands; ++k) {
            at[k] = x[k];
        }
        for (ptrdiff_t i = from_[axis]; i < end_[axis]; i += step) {
            if (axis == rows_) {
                rows_now_ = least(step, end_[axis] - i);
            } else if (axis == along_) {
                length_now_ = least(step, end_[axis] - i);
            }
            walk(depth + 1, at, to);
            for (int k = 0; k < nest_.operands; ++k) {
                at[k] += step * loop.x[k];
            }
            to += step * pass_.strides[axis];
        }
    }

    ptrdiff_t pitch() const { return (length_now_ * nest_.item + VECTOR - 1) / VECTOR * VECTOR; }

    // Bytes of what is summed in one go.
    ptrdiff_t kept() const {
        if (nest_.loops[along_].summed) {
            return nest_.loops[rows_].summed ? VECTOR : rows_now_ * VECTOR;
        }
        return nest_.loops[rows_].summed ? pitch() : rows_now_ * pitch();
    }

    void begin() {
        levels_ = 0;
        deepen();
    }

    void deepen() {
        clear(levels_);
        counts_[levels_++] = 0;
    }

    // What `sums` begins with is not read. Rows and elements that are kept are known by now.
    void clear(int level) {
        if (level > 0 || !by_rows_) {
            std::memset(state_ + level * LEVEL, 0, static_cast<std::size_t>(kept()));
        } else { // but for what lies behind a row in its last vector, which is added as well
            std::memset(state_ + pitch() - VECTOR, 0, VECTOR);
        }
    }

    // A level is added to the next one, and begins anew.
    void raise(int level) { pass_.kernels.add(state_ + (level + 1) * LEVEL, state_ + level * LEVEL, kept()); }

    void count() {
        for (int level = 0; ++counts_[level] == RADIX && level < LEVELS - 1; ++level) {
            if (level + 1 == levels_) {
                deepen();
            }
            raise(level);
            clear(level);
            counts_[level] = 0;
        }
    }

    void finish(char* to) {
        for (int level = 0; level + 1 < levels_; ++level) {
            if (level > 0 || !by_rows_ || counts_[0] > 0) { // else there is nothing in it
                raise(level);
            }
        }
        const char* sums = state_ + (levels_ - 1) * LEVEL;
        const ptrdiff_t by_row = pass_.strides[rows_], step = pass_.strides[along_], item = nest_.item;
        if (nest_.loops[along_].summed) {
            pass_.kernels.across(sums, nest_.loops[rows_].summed ? 1 : rows_now_, to, by_row);
            return;
        }
        const ptrdiff_t rows = nest_.loops[rows_].summed ? 1 : rows_now_;
        put(sums, pitch(), rows, to, by_row, step, item);
    }

    void put(const char* from, ptrdiff_t from_row, ptrdiff_t rows, char* to, ptrdiff_t by_row, ptrdiff_t step,
             ptrdiff_t item) const {
        if (step != item) {
            move(item, from, from_row, item, rows, length_now_, to, by_row, step);
            return;
        }
        for (ptrdiff_t r = 0; r < rows; ++r) {
            std::memcpy(to + r * by_row, from + r * from_row, static_cast<std::size_t>(length_now_ * item));
        }
    }

    void pack(int k, const char* from, ptrdiff_t rows, char* to, ptrdiff_t to_row) const {
        const Loop &row = nest_.loops[rows_], &along = nest_.loops[along_];
        if (row.x[k] == nest_.item) {
            pass_.transpose(from, along.x[k], rows, length_now_, to, to_row);
        } else {
            move(nest_.item, from, row.x[k], along.x[k], rows, length_now_, to, to_row, nest_.item);
        }
    }

    void box(const char* const* x, char* to) {
        if (cut_.copied && copy(x[0], to)) {
            return;
        }
        Box box;
        box.rows = rows_now_;
        box.length = length_now_;
        for (int k = 0; k < nest_.operands; ++k) {
            take_operand(box, k, x[k]);
        }
        if (cut_.summed) {
            add(box, to);
        } else {
            multiply(box, to);
        }
    }

    // Copies from operand to result, where no copy in between is needed.
    bool copy(const char* from, char* to) {
        const Loop &row = nest_.loops[rows_], &along = nest_.loops[along_];
        if (cut_.packed[0] && !cut_.scattered) {
            pack(0, from, rows_now_, to, pass_.strides[rows_]);
            return true;
        }
        if (!cut_.packed[0] && cut_.scattered && along.x[0] == nest_.item) {
            put(from, row.x[0], rows_now_, to, pass_.strides[rows_], pass_.strides[along_], nest_.item);
            return true;
        }
        return false;
    }

    void take_operand(Box& box, int k, const char* x) {
        const Loop &row = nest_.loops[rows_], &along = nest_.loops[along_];
        box.x[k] = x;
        box.by_row[k] = row.x[k];
        box.step[k] = along.x[k] == 0 && along.size > 1 ? 0 : nest_.item;
        if (cut_.packed[k]) {
            char* packed = packs_ + k * PACKED;
            pack(k, x, row.x[k] == 0 ? 1 : rows_now_, packed, pitch());
            box.x[k] = packed;
            box.by_row[k] = row.x[k] == 0 ? 0 : pitch();
        }
    }

    void multiply(Box& box, char* to) {
        box.to = cut_.scattered ? scattered_ : to;
        box.to_row = cut_.scattered ? pitch() : pass_.strides[rows_];
        pass_.kernels.products[nest_.operands - 1](box);
        if (cut_.scattered) {
            put(scattered_, pitch(), rows_now_, to, pass_.strides[rows_], pass_.strides[along_], nest_.item);
        }
    }

    void add(Box& box, char* to) {
        const TypeKernels& kernels = pass_.kernels;
        const int n = nest_.operands - 1;
        const bool row_summed = nest_.loops[rows_].summed;
        box.to = direct_ ? to : state_;
        box.first = direct_ || counts_[0] == 0;
        box.far = cut_.iterations * double(nest_.item) >= FAR;
        if (nest_.loops[along_].summed) {
            box.to_row = VECTOR;
            (row_summed ? kernels.dot : kernels.dots)[n](box);
        } else {
            box.to_row = pitch();
            (row_summed ? kernels.sums : kernels.adds)[n](box);
        }
        if (!direct_) {
            count();
        }
    }

    Pass& pass_;
    const Nest& nest_;
    const Cut& cut_;
    char *state_, *packs_, *scattered_;
    const int rows_, along_; // which loops those are
    ptrdiff_t from_[MAX_DEPTH], end_[MAX_DEPTH];
    int order_[MAX_DEPTH];
    int kept_ = 0;
    ptrdiff_t rows_now_ = 1, length_now_ = 1;
    bool by_rows_ = false; // rows are summed, and what lies along them is kept
    bool direct_ = false;  // and all at once: straight into the result
    int levels_ = 0, counts_[LEVELS];
};

} // namespace

void run_pass_block(void* context, long index) {
    Pass& pass = *static_cast<Pass*>(context);
    char* work = workspace();
    if (work == nullptr) {
        pass.failed = true;
        return;
    }
    clear_status();
    Walk(pass, work).run(index);
    pass.flags |= read_status();
    clear_status();
}

} // namespace einroute
