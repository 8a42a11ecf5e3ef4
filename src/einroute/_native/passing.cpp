#include "passing.hpp"

#include "elements.hpp"
#include "float_status.hpp"
#include "held.hpp"
#include "isa.hpp"
#include "threads.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Sums are added up in levels: of so many each goes to the next, so that rounding errors stay small.
constexpr int LEVELS = 8, RADIX = 8;
// Bytes of a level; of a packed operand; and of a box's result that is scattered.
constexpr ptrdiff_t LEVEL = (1 << 14) + VECTOR * 128, PACKED = 1 << 17, SCATTERED = LEVEL;
constexpr ptrdiff_t WORKSPACE = LEVELS * LEVEL + BOX_OPERANDS * PACKED + SCATTERED + 64;
// Iterations from which the GIL is released.
constexpr double RELEASED = 20000;

// Of each thread that runs blocks, kept as long as it lives. Null if there is no memory.
char* workspace() {
    thread_local Memory memory;
    if (!memory) {
        memory.reset(static_cast<char*>(std::malloc(static_cast<std::size_t>(WORKSPACE))));
    }
    const auto address = reinterpret_cast<std::uintptr_t>(memory.get());
    return memory ? memory.get() + (64 - address % 64) % 64 : nullptr;
}

// What all blocks share.
struct Pass {
    const Nest& nest;
    const Cut cut;
    const TypeKernels& kernels;
    Transpose transpose;
    char* to;                     // the result, or the first of its parts
    ptrdiff_t strides[MAX_DEPTH]; // of it
    ptrdiff_t apart;              // bytes from one part to the next
    std::atomic<int> flags{0};
    std::atomic<bool> failed{false};
};

template <class U>
void gather(const char* from, ptrdiff_t by_row, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t length, char* to,
            ptrdiff_t to_row, ptrdiff_t to_step) {
    for (ptrdiff_t r = 0; r < rows; ++r) {
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
            const ptrdiff_t part = index / cut_.blocks;
            from_[cut_.split] = part * cut_.part;
            end_[cut_.split] = least(from_[cut_.split] + cut_.part, nest_.loops[cut_.split].size);
        }
        ptrdiff_t block = index % cut_.blocks;
        if (cut_.cut >= 0) {
            const ptrdiff_t size = nest_.loops[cut_.cut].size, count = (size + cut_.step - 1) / cut_.step;
            from_[cut_.cut] = block % count * cut_.step;
            end_[cut_.cut] = least(from_[cut_.cut] + cut_.step, size);
            block /= count;
            for (int i = cut_.cut - 1; i >= 0; --i) {
                if (!nest_.loops[i].summed) {
                    from_[i] = block % nest_.loops[i].size;
                    end_[i] = from_[i] + 1;
                    block /= nest_.loops[i].size;
                }
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
            const int first = summed ? rows_ : along_, second = summed ? along_ : rows_;
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
            if (cut_.summed) {
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
        // Rows and elements that are kept are known by now.
        std::memset(state_ + levels_ * LEVEL, 0, static_cast<std::size_t>(kept()));
        counts_[levels_++] = 0;
    }

    // A level is added to the next one, and begins anew.
    void raise(int level) { pass_.kernels.add(state_ + (level + 1) * LEVEL, state_ + level * LEVEL, kept()); }

    void count() {
        for (int level = 0; ++counts_[level] == RADIX && level < LEVELS - 1; ++level) {
            if (level + 1 == levels_) {
                deepen();
            }
            raise(level);
            std::memset(state_ + level * LEVEL, 0, static_cast<std::size_t>(kept()));
            counts_[level] = 0;
        }
    }

    void finish(char* to) {
        for (int level = 0; level + 1 < levels_; ++level) {
            raise(level);
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
        const Loop &row = nest_.loops[rows_], &along = nest_.loops[along_];
        const int n = nest_.operands - 1;
        if (cut_.copied && cut_.packed[0] && !cut_.scattered) {
            pack(0, x[0], rows_now_, to, pass_.strides[rows_]);
            return;
        }
        if (cut_.copied && !cut_.packed[0] && cut_.scattered && along.x[0] == nest_.item) {
            put(x[0], row.x[0], rows_now_, to, pass_.strides[rows_], pass_.strides[along_], nest_.item);
            return;
        }
        Box box;
        box.rows = rows_now_;
        box.length = length_now_;
        for (int k = 0; k <= n; ++k) {
            box.x[k] = x[k];
            box.by_row[k] = row.x[k];
            box.step[k] = along.x[k] == 0 && along.size > 1 ? 0 : nest_.item;
            if (cut_.packed[k]) {
                char* packed = packs_ + k * PACKED;
                pack(k, x[k], row.x[k] == 0 ? 1 : rows_now_, packed, pitch());
                box.x[k] = packed;
                box.by_row[k] = row.x[k] == 0 ? 0 : pitch();
            }
        }
        const TypeKernels& kernels = pass_.kernels;
        if (!cut_.summed) {
            box.to = cut_.scattered ? scattered_ : to;
            box.to_row = cut_.scattered ? pitch() : pass_.strides[rows_];
            kernels.products[n](box);
            if (cut_.scattered) {
                put(scattered_, pitch(), rows_now_, to, pass_.strides[rows_], pass_.strides[along_],
                    nest_.item);
            }
            return;
        }
        box.to = state_;
        if (along.summed) {
            box.to_row = VECTOR;
            (row.summed ? kernels.dot : kernels.dots)[n](box);
        } else {
            box.to_row = pitch();
            (row.summed ? kernels.sums : kernels.adds)[n](box);
        }
        count();
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
    int levels_ = 0, counts_[LEVELS];
};

void run_block(void* context, long index) {
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

// A contiguous result of parts: its strides, and its bytes as a multiple of a vector's.
ptrdiff_t lay_out(const Nest& nest, ptrdiff_t (&strides)[MAX_DEPTH]) {
    ptrdiff_t bytes = nest.item;
    for (int i = nest.count - 1; i >= 0; --i) {
        strides[i] = nest.loops[i].summed ? 0 : bytes;
        bytes *= nest.loops[i].summed ? 1 : nest.loops[i].size;
    }
    return (bytes + VECTOR - 1) / VECTOR * VECTOR;
}

// Adds the parts pairwise, and copies their sum to the result.
bool put_together(Pass& pass, char* parts, int threads) {
    clear_status(); // helpers may have run all blocks
    for (long apart = 1; apart < pass.cut.splits; apart *= 2) {
        for (long i = 0; i + apart < pass.cut.splits; i += 2 * apart) {
            pass.kernels.add(parts + i * pass.apart, parts + (i + apart) * pass.apart, pass.apart);
        }
    }
    pass.flags |= read_status();
    clear_status();
    Nest copy{1, {parts}, pass.nest.out, pass.nest.item, 0, {}};
    for (int i = 0; i < pass.nest.count; ++i) {
        const Loop& loop = pass.nest.loops[i];
        if (!loop.summed) {
            copy.loops[copy.count++] = {loop.size, {pass.strides[i]}, loop.out, false};
        }
    }
    simplify(copy);
    int flags = 0;
    return einroute::pass(copy, *copies_of(copy.item), threads, flags);
}

} // namespace

const TypeKernels* kernels_of(char character) {
    Element element;
    return element_of(character, element) ? of_element(box_kernels(), element) : nullptr;
}

const TypeKernels* copies_of(std::ptrdiff_t item) {
    const BoxKernels& all = box_kernels();
    switch (item) {
    case 1:
        return &all.uint8;
    case 2:
        return &all.uint16;
    case 4:
        return &all.uint32;
    case 8:
        return &all.uint64;
    case 16:
        return &all.complex128;
    default:
        return nullptr;
    }
}

bool pass(Nest& nest, const TypeKernels& kernels, int threads, int& flags) {
    const BoxKernels& all = box_kernels();
    const Transpose transpose = nest.item == 1   ? all.transpose1
                                : nest.item == 2 ? all.transpose2
                                : nest.item == 4 ? all.transpose4
                                : nest.item == 8 ? all.transpose8
                                                 : all.transpose16;
    Pass shared{nest, cut_of(nest), kernels, transpose, nest.out, {0}, 0};
    const Cut& cut = shared.cut;
    Memory parts;
    if (cut.splits > 1) {
        shared.apart = lay_out(nest, shared.strides);
        // Zeros, since what lies between the parts is added too.
        parts.reset(static_cast<char*>(
            std::calloc(static_cast<std::size_t>(cut.splits), static_cast<std::size_t>(shared.apart))));
        shared.failed = !parts;
        shared.to = parts.get();
    } else {
        for (int i = 0; i < nest.count; ++i) {
            shared.strides[i] = nest.loops[i].out;
        }
    }
    const long count = cut.blocks * cut.splits;
    if (!shared.failed && cut.iterations < RELEASED) {
        run_block(&shared, 0);
    } else if (!shared.failed && !run_blocks(count, threads, run_block, &shared)) {
        return false;
    }
    if (shared.failed) {
        PyErr_NoMemory();
        return false;
    }
    const bool done = !parts || put_together(shared, parts.get(), threads);
    flags = shared.flags;
    return done;
}

} // namespace einroute
