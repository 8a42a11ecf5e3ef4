#include "sparse_sampled_run.hpp"

#include "elements.hpp"
#include "float_status.hpp"
#include "threads.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Elements read below which the GIL is kept; and those of a block, at least, and at most, since a signal is
// heard between blocks.
constexpr double RELEASED = 1 << 14, BLOCK_WORK = 1 << 16, LONGEST = 1 << 26;
constexpr ptrdiff_t BLOCKS = 64;

// The kernels of a dtype; null where it has none.
const SampledKernels* kernels_for(char character, bool wide) {
    Element element;
    const auto* found = element_of(character, element) ? of_element(sampled_kernels(), element) : nullptr;
    return found == nullptr ? nullptr : &(*found)[wide];
}

ptrdiff_t pointer(const Sampled& p, bool wide, ptrdiff_t line) {
    return wide ? static_cast<ptrdiff_t>(static_cast<const std::int64_t*>(p.indptr)[line])
                : static_cast<ptrdiff_t>(static_cast<const std::int32_t*>(p.indptr)[line]);
}

// One product being made: its parts, and what became of them.
class Pass {
  public:
    Pass(const Sampled& p, const SampledKernels& kernels, bool wide, int threads)
        : p_(p), kernels_(kernels), wide_(wide), threads_(threads > 0 ? threads : 1), high_(p.entries) {
        const double each = static_cast<double>(p.inner) * static_cast<double>(p.outer) * p.factors + p.axes;
        work_ = static_cast<double>(p.entries) * each;
        const double most = LONGEST / (each > 1 ? each : 1);
        longest_ = most > 1 ? static_cast<ptrdiff_t>(most) : 1;
    }

    SampledOutcome run() {
        if (p_.result == SampledResult::Total) {
            const ptrdiff_t size = SAMPLED_PART < longest_ ? SAMPLED_PART : longest_;
            cut_entries((p_.entries + size - 1) / size, size);
        } else if (p_.result == SampledResult::Values) {
            const ptrdiff_t wanted = blocks();
            ptrdiff_t size = ((p_.entries + wanted - 1) / wanted + 127) / 128 * 128;
            size = size < longest_ ? size : longest_;
            cut_entries(size > 0 ? (p_.entries + size - 1) / size : 0, size);
        } else {
            cut_sums();
        }
        if (count_ == 0) {
            if (p_.result == SampledResult::Total) {
                kernels_.total(nullptr, 0, p_.out);
            }
            return SampledOutcome::Done;
        }
        if (p_.result == SampledResult::Total) {
            slots_.reset(new (std::nothrow) char[static_cast<std::size_t>(count_ * SAMPLED_SLOT)]);
            if (!slots_) {
                PyErr_NoMemory();
                return SampledOutcome::Failed;
            }
        }
        if (work_ < RELEASED) {
            for (ptrdiff_t i = 0; i < count_; ++i) {
                part(i);
            }
        } else if (!run_all()) {
            return SampledOutcome::Failed;
        }
        if (p_.result == SampledResult::Total) {
            kernels_.total(slots_.get(), count_, p_.out);
        }
        clear_status();
        return sound_ ? SampledOutcome::Done : SampledOutcome::Unsound;
    }

  private:
    // Sums that are cut neither by entries nor by lines take a stretch of the entries at a time.
    bool run_all() {
        const bool stretched = !by_lines_ && size_ == 0;
        high_ = stretched && longest_ < p_.entries ? longest_ : p_.entries;
        while (run_blocks(static_cast<long>(count_), threads_, run_part, this)) {
            if (high_ == p_.entries) {
                return true;
            }
            if (PyErr_CheckSignals() < 0) {
                return false;
            }
            low_ = high_;
            high_ = p_.entries - low_ > longest_ ? low_ + longest_ : p_.entries;
        }
        return false;
    }

    ptrdiff_t blocks() const {
        const double wanted = work_ / BLOCK_WORK + 1;
        return wanted > static_cast<double>(BLOCKS) ? BLOCKS : static_cast<ptrdiff_t>(wanted);
    }

    void cut_entries(ptrdiff_t count, ptrdiff_t size) {
        count_ = count;
        size_ = size;
    }

    // Lines where sums are of one each; else ranges along the longest axis of the result, for each of which
    // all entries are read, and those of others left out.
    void cut_sums() {
        count_ = 1;
        if (p_.entries == 0 || blocks() == 1) {
            return;
        }
        if (p_.line >= 0 && p_.out_step[p_.line] != 0 && !p_.repeated) {
            by_lines_ = true;
            const ptrdiff_t heard = p_.entries / longest_;
            count_ = blocks() > heard ? blocks() : heard;
            return;
        }
        for (int axis = 0; axis < p_.axes; ++axis) {
            if (p_.out_step[axis] != 0 && p_.used[axis] && p_.same[axis] < 0 &&
                (axis_ < 0 || p_.length[axis] > p_.length[axis_])) {
                axis_ = axis;
            }
        }
        if (axis_ >= 0 && p_.inner * p_.outer > 1 && threads_ > 1) {
            count_ = threads_ < p_.length[axis_] ? threads_ : p_.length[axis_];
            count_ = count_ > 0 ? count_ : 1;
        }
        if (count_ == 1) {
            axis_ = -1;
        }
    }

    // The first line of a part: parts have about as many entries and lines.
    ptrdiff_t line(ptrdiff_t index) const {
        if (index == 0 || index == count_) {
            return index == 0 ? 0 : p_.lines;
        }
        const double target = static_cast<double>(p_.entries + p_.lines) * static_cast<double>(index) /
                              static_cast<double>(count_);
        ptrdiff_t low = 0, high = p_.lines;
        while (low < high) {
            const ptrdiff_t middle = low + (high - low) / 2;
            if (static_cast<double>(pointer(p_, wide_, middle)) + static_cast<double>(middle) < target) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    // Where a line's entries begin, within what there is.
    ptrdiff_t begin(ptrdiff_t line) const {
        if (line == p_.lines) {
            return p_.entries;
        }
        const ptrdiff_t found = pointer(p_, wide_, line);
        return found < 0 ? 0 : found > p_.entries ? p_.entries : found;
    }

    void part(ptrdiff_t index) {
        SampledPart part{low_, high_, -1, 0, 0, nullptr};
        if (by_lines_) {
            part.low = begin(line(index));
            part.high = begin(line(index + 1));
        } else if (axis_ >= 0) {
            const double length = static_cast<double>(p_.length[axis_]), count = static_cast<double>(count_);
            part.axis = axis_;
            part.from = static_cast<ptrdiff_t>(length * static_cast<double>(index) / count);
            part.to = index + 1 == count_
                          ? p_.length[axis_]
                          : static_cast<ptrdiff_t>(length * static_cast<double>(index + 1) / count);
        } else if (size_ > 0) {
            part.low = index * size_;
            part.high = part.low + size_ < p_.entries ? part.low + size_ : p_.entries;
            part.slot = slots_ ? slots_.get() + index * SAMPLED_SLOT : nullptr;
        }
        if (!kernels_.part(p_, part)) {
            sound_ = false;
        }
    }

    static void run_part(void* context, long index) { static_cast<Pass*>(context)->part(index); }

    const Sampled& p_;
    const SampledKernels& kernels_;
    bool wide_, by_lines_ = false;
    int threads_, axis_ = -1;
    double work_;
    ptrdiff_t longest_; // entries of a block at most
    ptrdiff_t count_ = 1, size_ = 0, low_ = 0, high_;
    std::unique_ptr<char[]> slots_;
    std::atomic<bool> sound_{true};
};

} // namespace

bool has_sampled_kernels(char character) {
    return kernels_for(character, false) != nullptr;
}

SampledOutcome run_sampled(const Sampled& p, char character, bool wide, int threads) {
    return Pass(p, *kernels_for(character, wide), wide, threads).run();
}

bool finite_sums(const Sampled& p, char character, bool wide) {
    return kernels_for(character, wide)->finite(p);
}

} // namespace einroute
