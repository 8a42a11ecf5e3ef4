// Dense factors looked up at the entries of a sparse operand: sampled products (SDDMM), scalings, sums,
// diagonals, and matricised tensors times Khatri-Rao products (MTTKRP). Compiled once for each instruction
// set.
//
// Entries are taken in blocks: their coordinates are read and compared, once an axis, then their products are
// made. Each sum is that of its products in the order of the entries, or of parts of fixed size: bits do not
// depend on how work is cut. Nothing of the size of entries times the inner label is made.

#include "sampled_lines.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

constexpr ptrdiff_t BLOCK = 128;

template <class T, class I> class Entries {
  public:
    Entries(const Sampled& p, const SampledPart& part)
        : p_(p), part_(part), lines_(p, part.low, p.line < 0 ? part.low : part.high) {
        for (int f = 0; f < SAMPLED_FACTORS; ++f) {
            step_[f] = f < p.factors ? p.factor[f].inner : 0;
        }
        contiguous_ = p.summed || p.out_inner == ITEM;
        for (int f = 0; f < p.rows; ++f) {
            contiguous_ = contiguous_ && p.factor[f].inner == ITEM;
        }
    }

    bool run() {
        using W = typename Wide<T>::Type;
        W total{};
        const bool totals = p_.result == SampledResult::Total;
        if (totals && p_.factors == 0 && !p_.repeated) {
            for (ptrdiff_t low = part_.low; low < part_.high; low += BLOCK) {
                const ptrdiff_t left = part_.high - low;
                total = plus_one(total, total_of<T>(p_.data + low * ITEM, left < BLOCK ? left : BLOCK));
            }
            store_one(part_.slot, total);
            return true;
        }
        for (low_ = part_.low; low_ < part_.high; low_ += BLOCK) {
            const ptrdiff_t left = part_.high - low_;
            count_ = left < BLOCK ? left : BLOCK;
            read();
            select();
            if (p_.adds) {
                add_all();
                continue;
            }
            T* values = p_.result == SampledResult::Values ? nullptr : value_;
            multiply(values);
            if (totals) {
                total = plus_one(total, total_of<T>(reinterpret_cast<const char*>(value_), count_));
            } else if (p_.result == SampledResult::Sums) {
                scatter();
            }
        }
        if (totals) {
            store_one(part_.slot, total);
        }
        return sound_ && lines_.sound;
    }

    // Whether the sums at all entries are finite.
    bool finite() {
        for (low_ = part_.low; low_ < part_.high; low_ += BLOCK) {
            const ptrdiff_t left = part_.high - low_;
            count_ = left < BLOCK ? left : BLOCK;
            read();
            offsets(p_.out_step, place_);
            for (ptrdiff_t k = 0; k < count_; ++k) {
                for (ptrdiff_t o = 0; o < (p_.adds ? p_.outer : 1); ++o) {
                    const ptrdiff_t beyond = p_.adds ? p_.out_outer[o] : 0;
                    if (!finite_row(p_.out + place_[k] + beyond, p_.adds && !p_.summed ? p_.inner : 1)) {
                        return false;
                    }
                }
            }
        }
        return true;
    }

  private:
    static constexpr ptrdiff_t ITEM = sizeof(T);

    bool finite_row(const char* row, ptrdiff_t count) const {
        if (count == 1 || p_.out_inner == ITEM) {
            return all_finite<T>(row, count);
        }
        bool good = true;
        for (ptrdiff_t i = 0; i < count; ++i) {
            good &= all_finite<T>(row + i * p_.out_inner, 1);
        }
        return good;
    }

    // The coordinates of a block along each axis that is used.
    void read() {
        for (int axis = 0; axis < p_.axes; ++axis) {
            if (!p_.used[axis]) {
                continue;
            }
            if (axis == p_.line) {
                ptrdiff_t from, to, end = low_;
                while (lines_.next(low_ + count_, from, to)) {
                    for (ptrdiff_t k = from; k < to; ++k) {
                        at_[axis][k - low_] = lines_.line;
                    }
                    end = to;
                }
                for (; end < low_ + count_; ++end) { // pointers that lie
                    at_[axis][end - low_] = 0;
                }
            } else {
                read_axis(axis);
            }
        }
    }

    void read_axis(int axis) {
        using U = std::make_unsigned_t<I>;
        const I* index = static_cast<const I*>(p_.index[axis]) + low_;
        constexpr std::uint64_t MOST = static_cast<std::uint64_t>(static_cast<U>(-1) >> 1) + 1;
        const std::uint64_t given = static_cast<std::uint64_t>(p_.length[axis]);
        const U length = static_cast<U>(given < MOST ? given : MOST);
        ptrdiff_t* to = at_[axis];
        U bad = 0;
        for (ptrdiff_t k = 0; k < count_; ++k) {
            const U found = static_cast<U>(index[k]);
            const U out = found < length ? 0 : 1;
            bad |= out;
            to[k] = static_cast<ptrdiff_t>(out ? 0 : found);
        }
        sound_ = sound_ && bad == 0;
    }

    // Which entries count, where not all do.
    void select() {
        all_ = !p_.repeated && part_.axis < 0;
        if (all_) {
            return;
        }
        for (ptrdiff_t k = 0; k < count_; ++k) {
            keep_[k] = 1;
        }
        for (int axis = 0; axis < p_.axes; ++axis) {
            if (p_.same[axis] >= 0) {
                const ptrdiff_t *x = at_[axis], *y = at_[p_.same[axis]];
                for (ptrdiff_t k = 0; k < count_; ++k) {
                    keep_[k] &= x[k] == y[k];
                }
            }
        }
        if (part_.axis >= 0) {
            const ptrdiff_t* x = at_[part_.axis];
            for (ptrdiff_t k = 0; k < count_; ++k) {
                keep_[k] &= x[k] >= part_.from && x[k] < part_.to;
            }
        }
    }

    // Where a factor's, or the result's, elements lie.
    void offsets(const ptrdiff_t* step, ptrdiff_t* to) const {
        bool begun = false;
        for (int axis = 0; axis < p_.axes; ++axis) {
            const ptrdiff_t by = step[axis], *at = at_[axis];
            if (by == 0) {
                continue;
            }
            if (begun) {
                for (ptrdiff_t k = 0; k < count_; ++k) {
                    to[k] += at[k] * by;
                }
            } else {
                for (ptrdiff_t k = 0; k < count_; ++k) {
                    to[k] = at[k] * by;
                }
            }
            begun = true;
        }
        if (!begun) {
            std::memset(to, 0, static_cast<size_t>(count_) * sizeof *to);
        }
    }

    // The product at each entry; into the result where that is one of values.
    void multiply(T* values) {
        char* out = values == nullptr ? p_.out + low_ * ITEM : reinterpret_cast<char*>(values);
        if (p_.inner != 1 || p_.outer != 1) {
            sum_rows(out);
            return;
        }
        std::memcpy(out, p_.data + low_ * ITEM, static_cast<size_t>(count_ * ITEM));
        for (int f = 0; f < p_.factors; ++f) {
            const SampledFactor& x = p_.factor[f];
            const ptrdiff_t* at = x.only >= 0 ? at_[x.only] : offset_[0];
            const ptrdiff_t by = x.only >= 0 ? x.step[x.only] : 1;
            if (x.only < 0) {
                offsets(x.step, offset_[0]);
            }
            if (by == ITEM) {
                for (ptrdiff_t k = 0; k < count_; ++k) {
                    char* to = out + k * ITEM;
                    store_one(to, times_one(load_one<T>(to), load_one<T>(x.data + at[k] * ITEM)));
                }
            } else {
                for (ptrdiff_t k = 0; k < count_; ++k) {
                    char* to = out + k * ITEM;
                    store_one(to, times_one(load_one<T>(to), load_one<T>(x.data + at[k] * by)));
                }
            }
        }
        drop(out);
    }

    // Entries that do not count are 0.
    void drop(char* out) const {
        if (!all_) {
            for (ptrdiff_t k = 0; k < count_; ++k) {
                if (!keep_[k]) {
                    store_one(out + k * ITEM, T{});
                }
            }
        }
    }

    void begin_rows() {
        for (int f = 0; f < p_.factors; ++f) {
            offsets(p_.factor[f].step, offset_[f]);
        }
    }

    // The factors that lack the inner label, times a value.
    T times_rest(T value, ptrdiff_t k, ptrdiff_t o) const {
        for (int f = p_.rows; f < p_.factors; ++f) {
            const SampledFactor& x = p_.factor[f];
            value = times_one(value, load_one<T>(x.data + offset_[f][k] + x.outer[o]));
        }
        return value;
    }

    void place(ptrdiff_t k, ptrdiff_t o, RowsAt& rows) const {
        for (int f = 0; f < p_.rows; ++f) {
            rows.x[f] = p_.factor[f].data + offset_[f][k] + p_.factor[f].outer[o];
        }
    }

    // All labels that the sparse operand lacks are summed.
    void sum_rows(char* out) {
        begin_rows();
        if (contiguous_ && p_.rows == 2) {
            sum_rows_of<2>(out);
        } else if (contiguous_ && p_.rows == 1) {
            sum_rows_of<1>(out);
        } else {
            sum_rows_of<0>(out);
        }
    }

    template <int N> void sum_rows_of(char* out) {
        const bool plain = p_.outer == 1 && p_.factors == p_.rows;
        RowsAt rows{{}, step_, p_.rows};
        for (ptrdiff_t k = 0; k < count_; ++k) {
            T sum{};
            if (plain) {
                for (int f = 0; f < (N > 0 ? N : p_.rows); ++f) {
                    rows.x[f] = p_.factor[f].data + offset_[f][k];
                }
                sum = rows_dot<T, N>(rows, p_.inner);
            } else {
                for (ptrdiff_t o = 0; o < p_.outer; ++o) {
                    place(k, o, rows);
                    const T made = times_rest(rows_dot<T, N>(rows, p_.inner), k, o);
                    sum = o == 0 ? made : plus_one(sum, made);
                }
            }
            store_one(out + k * ITEM, times_one(load_one<T>(p_.data + (low_ + k) * ITEM), sum));
        }
        drop(out);
    }

    // Some are in the result: rows are added to it.
    void add_all() {
        begin_rows();
        offsets(p_.out_step, place_);
        if (contiguous_ && p_.rows == 2) {
            add_all_of<2>();
        } else if (contiguous_ && p_.rows == 1) {
            add_all_of<1>();
        } else {
            add_all_of<0>();
        }
    }

    template <int N> void add_all_of() {
        RowsAt rows{{}, step_, p_.rows};
        for (ptrdiff_t k = 0; k < count_; ++k) {
            if (!all_ && !keep_[k]) {
                continue;
            }
            const T value = load_one<T>(p_.data + (low_ + k) * ITEM);
            for (ptrdiff_t o = 0; o < p_.outer; ++o) {
                place(k, o, rows);
                char* out = p_.out + place_[k] + p_.out_outer[o];
                const T w = times_rest(value, k, o);
                if (p_.summed) {
                    store_one(out, plus_one(load_one<T>(out), times_one(w, rows_dot<T, N>(rows, p_.inner))));
                } else {
                    add_rows<T, N>(w, rows, p_.inner, out, p_.out_inner);
                }
            }
        }
    }

    void scatter() {
        offsets(p_.out_step, place_);
        for (ptrdiff_t k = 0; k < count_; ++k) {
            if (all_ || keep_[k]) {
                char* out = p_.out + place_[k];
                store_one(out, plus_one(load_one<T>(out), value_[k]));
                if (p_.held != nullptr) {
                    p_.held[place_[k] / ITEM] = 1;
                }
            }
        }
    }

    const Sampled& p_;
    const SampledPart& part_;
    Lines<I> lines_;
    bool sound_ = true, all_ = true, contiguous_ = false;
    ptrdiff_t low_ = 0, count_ = 0;
    ptrdiff_t step_[SAMPLED_FACTORS] = {};
    T value_[BLOCK];
    unsigned char keep_[BLOCK];
    ptrdiff_t at_[SAMPLED_AXES][BLOCK], offset_[SAMPLED_FACTORS][BLOCK], place_[BLOCK];
};

template <class T, class I> bool run_part(const Sampled& p, const SampledPart& part) {
    if (takes_lines(p, part)) {
        return sum_lines<T, I>(p, part);
    }
    if (const int across = axis_across(p, part); across >= 0) {
        return add_across<T, I>(p, part, across);
    }
    if (takes_diagonal(p, part)) {
        return add_diagonal<T, I>(p, part);
    }
    return Entries<T, I>(p, part).run();
}

template <class T, class I> bool finite(const Sampled& p) {
    if constexpr (std::is_floating_point_v<Real<T>>) {
        return Entries<T, I>(p, {0, p.entries, -1, 0, 0, nullptr}).finite();
    }
    return true;
}

// The sum of the parts' sums, pair by pair.
template <class T> void total(const char* slots, ptrdiff_t count, char* out) {
    using W = typename Wide<T>::Type;
    struct Halves {
        static W sum(const char* slots, ptrdiff_t count) {
            if (count < 3) {
                const W first = load_one<W>(slots);
                return count == 1 ? first : plus_one(first, load_one<W>(slots + SAMPLED_SLOT));
            }
            return plus_one(sum(slots, count / 2), sum(slots + count / 2 * SAMPLED_SLOT, count - count / 2));
        }
    };
    T made{};
    if (count > 0) {
        narrow_to(made, Halves::sum(slots, count));
    }
    store_one(out, made);
}

template <class T, class I> constexpr SampledKernels KERNELS_OF = {run_part<T, I>, finite<T, I>, total<T>};

} // namespace

#define EINROUTE_SAMPLED(T) {KERNELS_OF<T, std::int32_t>, KERNELS_OF<T, std::int64_t>}

extern const SampledTypes SAMPLED;
const SampledTypes SAMPLED = {
    EINROUTE_SAMPLED(std::uint8_t),   EINROUTE_SAMPLED(std::uint16_t),   EINROUTE_SAMPLED(std::uint32_t),
    EINROUTE_SAMPLED(std::uint64_t),  EINROUTE_SAMPLED(float),           EINROUTE_SAMPLED(double),
    EINROUTE_SAMPLED(Complex<float>), EINROUTE_SAMPLED(Complex<double>), EINROUTE_SAMPLED(Truth),
};

#undef EINROUTE_SAMPLED

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
