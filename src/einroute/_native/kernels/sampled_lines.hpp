// Sums of the entries of compressed lines that need no coordinates but one: of matrices, by a vector or none.
#pragma once

#include "sampled_elements.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

// The compressed lines that entries lie in, one after the other; pointers are compared as they are used.
template <class I> class Lines {
  public:
    Lines(const Sampled& p, ptrdiff_t low, ptrdiff_t high)
        : indptr_(static_cast<const I*>(p.indptr)), lines_(p.lines), at_(low), high_(high) {
        ptrdiff_t first = 0, last = lines_; // the last line that begins at low or before
        while (last - first > 1) {
            const ptrdiff_t middle = first + (last - first) / 2;
            if (static_cast<ptrdiff_t>(indptr_[middle]) <= low) {
                first = middle;
            } else {
                last = middle;
            }
        }
        line = first;
        end_ = lines_ > 0 ? static_cast<ptrdiff_t>(indptr_[line + 1]) : low;
    }

    // The next entries of one line, at most up to `limit`; false behind the last one.
    bool next(ptrdiff_t limit, ptrdiff_t& from, ptrdiff_t& to) {
        limit = limit < high_ ? limit : high_;
        if (at_ >= limit) {
            return false;
        }
        while (end_ <= at_) {
            sound = sound && end_ == at_;
            if (line + 1 >= lines_) {
                sound = false;
                at_ = high_;
                return false;
            }
            ++line;
            end_ = static_cast<ptrdiff_t>(indptr_[line + 1]);
        }
        from = at_;
        to = end_ < limit ? end_ : limit;
        at_ = to;
        return true;
    }

    ptrdiff_t line;
    bool sound = true;

  private:
    const I* indptr_;
    ptrdiff_t lines_, at_, high_, end_ = 0;
};

// The product of the factors that have the line's label alone, at a line.
template <class T> inline T line_factor(const Sampled& p, int beside, ptrdiff_t line, bool& any) {
    T product{};
    any = false;
    for (int f = 0; f < p.factors; ++f) {
        if (f != beside) {
            const T found = load_one<T>(p.factor[f].data + line * p.factor[f].step[p.line]);
            product = any ? times_one(product, found) : found;
            any = true;
        }
    }
    return product;
}

// The one factor with the other axis of a matrix; -1 if there is none, -2 if factors are not so.
inline int factor_beside(const Sampled& p) {
    int beside = -1;
    for (int f = 0; f < p.factors; ++f) {
        const SampledFactor& x = p.factor[f];
        const bool by_line = x.step[1 - p.line] == 0;
        if (!by_line && (x.step[p.line] != 0 || beside >= 0)) {
            return -2;
        }
        if (!by_line) {
            beside = f;
        }
    }
    return beside;
}

inline bool takes_lines(const Sampled& p, const SampledPart& part) {
    return p.line >= 0 && p.axes == 2 && !p.repeated && p.inner == 1 && p.outer == 1 && !p.adds &&
           part.axis < 0 && p.held == nullptr && p.result != SampledResult::Values &&
           (p.result == SampledResult::Total || p.out_step[1 - p.line] == 0) && factor_beside(p) != -2;
}

template <class T, class I, bool APART> bool lines_summed(const Sampled& p, const SampledPart& part) {
    using W = typename Wide<T>::Type;
    constexpr ptrdiff_t ITEM = sizeof(T), GROUP = 64;
    const int beside = factor_beside(p), other = 1 - p.line;
    const I* index = static_cast<const I*>(p.index[other]);
    const size_t length = static_cast<size_t>(p.length[other]);
    const char* x = beside < 0 ? nullptr : p.factor[beside].data;
    const ptrdiff_t by = APART ? p.factor[beside].step[other] : ITEM;
    const bool totals = p.result == SampledResult::Total;
    Lines<I> lines(p, part.low, part.high);
    bool sound = true;
    W total{}, group{};
    ptrdiff_t from, to, grouped = 0;
    while (lines.next(part.high, from, to)) {
        T even{}, odd{};
        if (beside < 0) {
            W sum{};
            if (to - from > 16) {
                sum = total_of<T>(p.data + from * ITEM, to - from);
            } else {
                for (ptrdiff_t k = from; k < to; ++k) {
                    sum = plus_one(sum, widened(load_one<T>(p.data + k * ITEM)));
                }
            }
            narrow_to(even, sum);
        } else {
            const auto term = [&](ptrdiff_t k) {
                size_t given = static_cast<size_t>(static_cast<std::int64_t>(index[k]));
                if (given >= length) {
                    given = 0;
                    sound = false;
                }
                const ptrdiff_t at = static_cast<ptrdiff_t>(given);
                return times_one(load_one<T>(p.data + k * ITEM), load_one<T>(x + at * by));
            };
            ptrdiff_t k = from;
            for (; k + 1 < to; k += 2) {
                even = plus_one(even, term(k));
                odd = plus_one(odd, term(k + 1));
            }
            if (k < to) {
                even = plus_one(even, term(k));
            }
            even = plus_one(even, odd);
        }
        bool any;
        const T factor = line_factor<T>(p, beside, lines.line, any);
        const T made = any ? times_one(even, factor) : even;
        if (totals) {
            group = plus_one(group, widened(made));
            if (++grouped == GROUP) {
                total = plus_one(total, group);
                group = W{};
                grouped = 0;
            }
        } else {
            char* out = p.out + lines.line * p.out_step[p.line];
            store_one(out, plus_one(load_one<T>(out), made));
        }
    }
    if (totals) {
        store_one(part.slot, plus_one(total, group));
    }
    return sound && lines.sound;
}

template <class T, class I> bool sum_lines(const Sampled& p, const SampledPart& part) {
    const int beside = factor_beside(p);
    const bool apart = beside >= 0 && p.factor[beside].step[1 - p.line] != static_cast<ptrdiff_t>(sizeof(T));
    return apart ? lines_summed<T, I, true>(p, part) : lines_summed<T, I, false>(p, part);
}

// The one axis of coordinates that a result of sums alone has; -1 where it is not so.
inline int axis_across(const Sampled& p, const SampledPart& part) {
    int found = -1;
    for (int axis = 0; axis < p.axes; ++axis) {
        if (p.out_step[axis] != 0) {
            if (found >= 0) {
                return -1;
            }
            found = axis;
        }
    }
    const bool alone = p.factors == 0 && !p.repeated && part.axis < 0 && p.result == SampledResult::Sums;
    return alone && found >= 0 && found != p.line ? found : -1;
}

template <class T, class I> bool add_across(const Sampled& p, const SampledPart& part, int axis) {
    constexpr ptrdiff_t ITEM = sizeof(T);
    const I* index = static_cast<const I*>(p.index[axis]);
    const size_t length = static_cast<size_t>(p.length[axis]);
    const ptrdiff_t step = p.out_step[axis];
    bool sound = true;
    for (ptrdiff_t k = part.low; k < part.high; ++k) {
        const size_t given = static_cast<size_t>(static_cast<std::int64_t>(index[k]));
        if (given >= length) {
            sound = false;
            continue;
        }
        const ptrdiff_t at = static_cast<ptrdiff_t>(given);
        char* out = p.out + at * step;
        store_one(out, plus_one(load_one<T>(out), load_one<T>(p.data + k * ITEM)));
        if (p.held != nullptr) {
            p.held[at] = 1;
        }
    }
    return sound;
}

// Whether a result is the diagonal of a compressed matrix, or its sum.
inline bool takes_diagonal(const Sampled& p, const SampledPart& part) {
    return p.axes == 2 && p.repeated && p.factors == 0 && part.axis < 0 && p.result != SampledResult::Values;
}

template <class T> class Diagonal {
  public:
    explicit Diagonal(const Sampled& p)
        : p_(p), step_(p.out_step[0] + p.out_step[1]), totals_(p.result == SampledResult::Total) {}

    void add(ptrdiff_t at, const char* from) {
        const T value = load_one<T>(from);
        if (totals_) {
            found_[count_++] = value;
            if (count_ == GROUP) {
                sum();
            }
            return;
        }
        char* out = p_.out + at * step_;
        store_one(out, plus_one(load_one<T>(out), value));
        if (p_.held != nullptr) {
            p_.held[at] = 1;
        }
    }

    void end(char* slot) {
        if (totals_) {
            sum();
            store_one(slot, total_);
        }
    }

  private:
    static constexpr ptrdiff_t GROUP = 128;

    void sum() {
        total_ = plus_one(total_, total_of<T>(reinterpret_cast<const char*>(found_), count_));
        count_ = 0;
    }

    const Sampled& p_;
    ptrdiff_t step_, count_ = 0; // the step of one of both axes
    bool totals_;
    typename Wide<T>::Type total_{};
    T found_[GROUP];
};

template <class T, class I> bool add_diagonal(const Sampled& p, const SampledPart& part) {
    constexpr ptrdiff_t ITEM = sizeof(T);
    Diagonal<T> diagonal(p);
    bool sound = true;
    if (p.line < 0) {
        const I *rows = static_cast<const I*>(p.index[0]), *columns = static_cast<const I*>(p.index[1]);
        const size_t length = static_cast<size_t>(p.length[0]);
        for (ptrdiff_t k = part.low; k < part.high; ++k) {
            const I row = rows[k];
            if (row == columns[k]) {
                const size_t at = static_cast<size_t>(static_cast<std::int64_t>(row));
                if (at < length) {
                    diagonal.add(static_cast<ptrdiff_t>(at), p.data + k * ITEM);
                } else {
                    sound = false;
                }
            }
        }
    } else {
        const I* index = static_cast<const I*>(p.index[1 - p.line]);
        Lines<I> lines(p, part.low, part.high);
        ptrdiff_t from, to;
        while (lines.next(part.high, from, to)) {
            const I wanted = static_cast<I>(lines.line);
            for (ptrdiff_t k = from; k < to; ++k) {
                if (index[k] == wanted) {
                    diagonal.add(lines.line, p.data + k * ITEM);
                }
            }
        }
        sound = lines.sound;
    }
    diagonal.end(part.slot);
    return sound;
}

} // namespace
} // namespace EINROUTE_ISA_NAME
} // namespace einroute
