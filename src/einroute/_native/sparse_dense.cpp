#include "sparse_dense.hpp"

#include "elements.hpp"
#include "float_status.hpp"
#include "held.hpp"
#include "isa.hpp"
#include "passing.hpp"
#include "sparse_axes.hpp"
#include "sparse_singly.hpp"
#include "sparse_tiles.hpp"
#include "threads.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <new>
#include <vector>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Multiply-adds, or elements moved, below which the GIL is kept; and those of a block, at least.
constexpr double RELEASED = 1 << 14, BLOCK_WORK = 1 << 17;
// Blocks that work is cut into at most: enough that threads end together.
constexpr ptrdiff_t BLOCKS = 64;
// Multiply-adds of a block at most, since a signal is heard between blocks.
constexpr double LONGEST = 1 << 26;
// Vectors of one pass over few entries.
constexpr ptrdiff_t PASSED = 128;
// Bytes of a stretch of vectors at least, and of all rows of one at most; entries for each column at most.
constexpr ptrdiff_t LEAST_OF_STRIPS = 512, BYTES_OF_STRIPS = 1 << 17, MOST_OF_STRIPS = 4;
// Vectors and rows that are turned at once.
constexpr ptrdiff_t TURNED = 16, TURNED_ROWS = 64;
// Columns for each entry from which those that have some are looked for.
constexpr ptrdiff_t FEW = 2;
// Bytes of a contiguous row from which it is taken as it lies even where a tile could be filled.
constexpr ptrdiff_t IN_ROWS = 16;
// And from which all others wait until it is summed, however few entries there are.
constexpr ptrdiff_t WHOLE_ROWS = 64;

// The kernels of a dtype; null where it has none.
const SparseKernels* kernels_for(char character, bool wide) {
    Element element;
    const auto* found = element_of(character, element) ? of_element(sparse_kernels(), element) : nullptr;
    return found == nullptr ? nullptr : &(*found)[wide];
}

ptrdiff_t item_of(char character) {
    Element element = Element::Bool;
    element_of(character, element);
    return item_size(element);
}

ptrdiff_t pointer(const SparseDense& p, ptrdiff_t line) {
    return p.wide ? static_cast<ptrdiff_t>(static_cast<const std::int64_t*>(p.a.indptr)[line])
                  : static_cast<ptrdiff_t>(static_cast<const std::int32_t*>(p.a.indptr)[line]);
}

// Where part `index` of `parts` of the lines begins: parts have about as many entries and lines.
ptrdiff_t cut(const SparseDense& p, ptrdiff_t lines, ptrdiff_t index, ptrdiff_t parts) {
    if (index == 0 || index == parts) {
        return index == 0 ? 0 : lines;
    }
    const double target =
        static_cast<double>(p.a.entries + lines) * static_cast<double>(index) / static_cast<double>(parts);
    ptrdiff_t low = 0, high = lines;
    while (low < high) {
        const ptrdiff_t middle = low + (high - low) / 2;
        if (static_cast<double>(pointer(p, middle)) + static_cast<double>(middle) < target) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// One product being made: its blocks, and what became of them.
class Pass {
  public:
    Pass(const SparseDense& p, ptrdiff_t width)
        : p_(p), kernels_(*kernels_for(p.character, p.wide)), item_(item_of(p.character)),
          transpose_(transpose_of(item_)), width_(width), lines_(p.by_rows ? p.rows : p.columns) {
        choose();
        const bool floating =
            p.character == 'f' || p.character == 'd' || p.character == 'F' || p.character == 'D';
        // Of sums that few entries make all others are zeros.
        watched_ =
            floating && (way_ == Way::Rows ? p.by_rows : way_ == Way::Singly && p.a.entries < p.rows / 4);
    }

    Multiplied run(int threads) {
        const double work = static_cast<double>(p_.a.entries) * static_cast<double>(width_) +
                            static_cast<double>(p_.rows + p_.columns) * static_cast<double>(width_);
        blocks_wanted_ = static_cast<ptrdiff_t>(work / BLOCK_WORK) + 1;
        blocks_wanted_ = blocks_wanted_ > BLOCKS ? BLOCKS : blocks_wanted_;
        blocks_wanted_ = blocks_wanted_ > heard(work) ? blocks_wanted_ : heard(work);
        lay_out(threads > 0 ? threads : 1, work);
        if (way_ == Way::Singly && p_.by_rows && !p_.cleared && !clears_vectors()) {
            clear(p_, item_);
        }
        if (work < RELEASED) {
            for (ptrdiff_t i = 0; i < blocks_; ++i) {
                block(i);
            }
        } else if (!run_blocks(static_cast<long>(blocks_), threads, run_block, this)) {
            return Multiplied::Failed;
        }
        clear_status();
        if (failed_) {
            PyErr_NoMemory();
            return Multiplied::Failed;
        }
        return !sound_ ? Multiplied::Unsound : watched_ && finite_ ? Multiplied::Finite : Multiplied::Done;
    }

  private:
    enum class Way { Rows, Tiles, Strips, Singly };

    // Rows where vectors of the dense arrays lie side by side, else tiles if there are entries to fill them
    // for.
    void choose() {
        inner_ = -1;
        for (int i = 0; i < p_.free; ++i) {
            if (p_.x_step[i] == item_ && p_.y_step[i] == item_) {
                inner_ = i;
            }
        }
        const ptrdiff_t row = width_ == 1 ? item_ : inner_ < 0 ? 0 : p_.size[inner_] * item_;
        const bool along = p_.x_by == item_ || p_.y_by == item_;
        const bool alone = width_ == 1 || row == width_ * item_ || row >= WHOLE_ROWS;
        if (!alone && is_worth_passes(p_, item_) && list_places(p_, item_, places_)) {
            way_ = Way::Singly;
            inner_ = axis_of_passes(p_);
        } else {
            way_ = alone || row >= IN_ROWS || (row > 0 && !along) ? Way::Rows : Way::Tiles;
        }
        if (way_ == Way::Tiles && find_strips()) {
            way_ = Way::Strips;
        }
        few_ = way_ == Way::Tiles && p_.by_rows && p_.a.entries < p_.columns / FEW && find_used();
    }

    // Whether vectors lie side by side in x in long stretches, but rows in the result: those are made of a
    // stretch as they are, and then turned, where entries are too few to bring columns into tiles for.
    bool find_strips() {
        if (!p_.by_rows || p_.y_by != item_ || p_.a.entries > MOST_OF_STRIPS * p_.columns) {
            return false;
        }
        for (int i = 0; i < p_.free; ++i) {
            if (p_.x_step[i] == item_ && p_.size[i] * item_ >= LEAST_OF_STRIPS) {
                inner_ = i;
                return true;
            }
        }
        return false;
    }

    // The columns that have entries; false where there is no memory, or an index is out of range.
    bool find_used() {
        try {
            used_.reserve(static_cast<std::size_t>(p_.a.entries));
            for (ptrdiff_t k = 0; k < p_.a.entries; ++k) {
                const auto index =
                    p_.wide ? static_cast<std::uint64_t>(static_cast<const std::int64_t*>(p_.a.indices)[k])
                            : static_cast<std::uint64_t>(static_cast<const std::int32_t*>(p_.a.indices)[k]);
                if (index >= static_cast<std::uint64_t>(p_.columns)) {
                    return false;
                }
                used_.push_back(static_cast<ptrdiff_t>(index));
            }
        } catch (const std::bad_alloc&) {
            return false;
        }
        std::sort(used_.begin(), used_.end());
        used_.erase(std::unique(used_.begin(), used_.end()), used_.end());
        return true;
    }

    // Blocks from which each is short enough.
    static ptrdiff_t heard(double work) { return static_cast<ptrdiff_t>(work / LONGEST) + 1; }

    ptrdiff_t strip_of(ptrdiff_t share) const { return 64 / item_ > share ? 64 / item_ : share; }

    void lay_out(int threads, double work) {
        lanes_ = TILE_LINE / item_;
        if (way_ == Way::Tiles) {
            tiles_ = (width_ + lanes_ - 1) / lanes_;
            blocks_ = tiles_ < blocks_wanted_ ? tiles_ : blocks_wanted_;
            return;
        }
        vectors_ = inner_ < 0 ? 1 : p_.size[inner_];
        outer_ = width_ / vectors_;
        strip_ = vectors_;
        if (way_ == Way::Singly) {
            strip_ = PASSED < vectors_ ? PASSED : vectors_;
        }
        if (way_ == Way::Strips) {
            const ptrdiff_t most = BYTES_OF_STRIPS / (p_.rows * item_) / TURNED * TURNED;
            strip_ = most > LEAST_OF_STRIPS / item_ ? most : LEAST_OF_STRIPS / item_;
            strip_ = strip_ < vectors_ ? strip_ : vectors_;
        }
        const bool rows = way_ == Way::Rows && p_.by_rows;
        if (way_ == Way::Rows && !rows) { // lines of entries cannot be shared, vectors can
            const ptrdiff_t wanted = heard(work) > threads ? heard(work) : threads;
            strip_ = strip_of(width_ / (wanted < blocks_wanted_ ? wanted : blocks_wanted_));
        }
        if (rows && lines_ < heard(work)) { // no line is shared, so that vectors are
            strip_ = strip_of(vectors_ / (heard(work) / lines_ + 1));
        }
        strips_ = strip_ >= vectors_ ? 1 : vectors_ / strip_;
        parts_ = 1;
        if (rows) {
            parts_ = blocks_wanted_ / (outer_ * strips_) + 1;
            parts_ = parts_ > lines_ ? lines_ : parts_;
        }
        blocks_ = outer_ * strips_ * parts_;
    }

    static void run_block(void* context, long index) {
        static_cast<Pass*>(context)->block(index);
        clear_status();
    }

    void block(ptrdiff_t index) {
        if (way_ == Way::Tiles) {
            const ptrdiff_t first = tiles_ * index / blocks_, last = tiles_ * (index + 1) / blocks_;
            SparseTiles work(p_, kernels_, transpose_, item_, width_, few_ ? &used_ : nullptr);
            failed_ = failed_ || !work.ready();
            if (work.ready() && !work.run(first, last)) {
                sound_ = false;
            }
            return;
        }
        const ptrdiff_t part = index % parts_, strip = index / parts_ % strips_,
                        outer = index / parts_ / strips_;
        ptrdiff_t x, y;
        offsets(outer * vectors_, inner_, x, y);
        const ptrdiff_t low = strip * strip_, high = strip + 1 == strips_ ? vectors_ : low + strip_;
        if (way_ == Way::Singly) {
            singly(p_.x + x + low * p_.x_step[inner_], p_.y + y + low * p_.y_step[inner_], high - low);
            return;
        }
        x += low * item_;
        y += low * item_;
        if (way_ == Way::Strips) {
            turned(p_.x + x, p_.y + y + low * (p_.y_step[inner_] - item_), high - low);
            return;
        }
        bool finite = true;
        const SparseSpan span{p_.a,
                              cut(p_, lines_, part, parts_),
                              cut(p_, lines_, part + 1, parts_),
                              p_.x + x,
                              p_.x_by,
                              p_.y + y,
                              p_.y_by,
                              high - low,
                              watched_ ? &finite : nullptr};
        if (!(p_.by_rows && p_.cleared ? rows_with_entries(span)
                                       : (p_.by_rows ? kernels_.rows : kernels_.columns)(span))) {
            sound_ = false;
        }
        if (!finite) {
            finite_ = false;
        }
    }

    // Rows that have entries, of a result of zeros; those between hold what they should.
    bool rows_with_entries(SparseSpan span) const {
        const ptrdiff_t end = span.last;
        bool sound = true, finite = true;
        for (span.last = span.first; span.last < end;) {
            for (span.first = span.last; span.first < end && is_empty(span.first);) {
                ++span.first;
            }
            for (span.last = span.first; span.last < end && !is_empty(span.last);) {
                ++span.last;
            }
            sound = (span.first == span.last || kernels_.rows(span)) && sound;
            finite = finite && (span.finite == nullptr || *span.finite);
        }
        if (span.finite != nullptr) {
            *span.finite = finite;
        }
        return sound;
    }

    bool is_empty(ptrdiff_t line) const { return pointer(p_, line) == pointer(p_, line + 1); }

    // All rows by a stretch of vectors, turned.
    void turned(const char* x, char* y, ptrdiff_t count) {
        const ptrdiff_t bytes = count * item_;
        const Memory rows(static_cast<char*>(std::malloc(static_cast<std::size_t>(p_.rows * bytes))));
        if (!rows) {
            failed_ = true;
            return;
        }
        if (!kernels_.rows({p_.a, 0, p_.rows, x, p_.x_by, rows.get(), bytes, count, nullptr})) {
            sound_ = false;
        }
        const ptrdiff_t step = p_.y_step[inner_];
        for (ptrdiff_t v = 0; v < count; v += TURNED) {
            const ptrdiff_t vectors = v + TURNED < count ? TURNED : count - v;
            for (ptrdiff_t i = 0; i < p_.rows; i += TURNED_ROWS) {
                const ptrdiff_t length = i + TURNED_ROWS < p_.rows ? TURNED_ROWS : p_.rows - i;
                transpose_(rows.get() + i * bytes + v * item_, bytes, vectors, length,
                           y + v * step + i * item_, step);
            }
        }
    }

    // Offsets of a vector; of those along one axis the first where that is to be passed over.
    void offsets(ptrdiff_t vector, int without, ptrdiff_t& x, ptrdiff_t& y) const {
        x = y = 0;
        if (without >= 0) {
            vector /= p_.size[without];
        }
        for (int i = p_.free - 1; i >= 0; --i) {
            if (i == without) {
                continue;
            }
            const ptrdiff_t at = vector % p_.size[i];
            vector /= p_.size[i];
            x += at * p_.x_step[i];
            y += at * p_.y_step[i];
        }
    }

    // Whether rows are written to that need not be zeros, those of each vector side by side.
    bool clears_vectors() const { return p_.by_rows && !p_.cleared && p_.y_by == item_; }

    // Entry by entry, some vectors along one axis.
    void singly(const char* x, char* y, ptrdiff_t vectors) {
        const ptrdiff_t y_step = p_.y_step[inner_];
        if (clears_vectors()) {
            const ptrdiff_t bytes = p_.rows * item_;
            const ptrdiff_t runs = y_step == bytes ? 1 : vectors; // one after the other
            for (ptrdiff_t v = 0; v < runs; ++v) {
                std::memset(y + v * y_step, 0, static_cast<std::size_t>(bytes * (vectors / runs)));
            }
        }
        if (!find_sparse_add(p_.character)(
                {places_, p_.a.data, x, p_.x_step[inner_], y, y_step, vectors, watched_})) {
            finite_ = false;
        }
    }

    const SparseDense& p_;
    const SparseKernels& kernels_;
    const ptrdiff_t item_;
    const Transpose transpose_;
    const ptrdiff_t width_, lines_;
    Way way_ = Way::Rows;
    int inner_ = -1;
    ptrdiff_t lanes_ = 0, tiles_ = 0;
    ptrdiff_t vectors_ = 1, outer_ = 1, strip_ = 1, strips_ = 1, parts_ = 1;
    ptrdiff_t blocks_wanted_ = 1, blocks_ = 1;
    bool watched_ = false, few_ = false;
    std::vector<ptrdiff_t> used_;
    std::vector<SparsePlace> places_;
    std::atomic<bool> sound_{true}, failed_{false}, finite_{true};
};

} // namespace

bool has_sparse_kernels(char character) {
    return kernels_for(character, false) != nullptr;
}

Multiplied multiply(SparseDense& product, int threads) {
    if (pointer(product, 0) != 0) {
        return Multiplied::Unsound;
    }
    const ptrdiff_t width = simplify_free(product, item_of(product.character));
    if (width == 0 || product.rows == 0) {
        return Multiplied::Done;
    }
    return Pass(product, width).run(threads);
}

} // namespace einroute
