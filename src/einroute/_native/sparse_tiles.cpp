#include "sparse_tiles.hpp"

#include <cstdint>
#include <cstring>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Lines of a tile that are brought from, or to, the dense arrays at once.
constexpr ptrdiff_t STRIP = 16;

// Copies one element, whose size is a power of two up to 16.
inline void copy_item(char* to, const char* from, ptrdiff_t item) {
    switch (item) {
    case 1:
        *to = *from;
        break;
    case 2:
        std::memcpy(to, from, 2);
        break;
    case 4:
        std::memcpy(to, from, 4);
        break;
    case 8:
        std::memcpy(to, from, 8);
        break;
    default:
        std::memcpy(to, from, 16);
    }
}

// Whether numbers rise by the same step.
bool evenly(const ptrdiff_t* at, ptrdiff_t count, ptrdiff_t& apart) {
    apart = count > 1 ? at[1] - at[0] : 0;
    for (ptrdiff_t i = 2; i < count; ++i) {
        if (at[i] - at[i - 1] != apart) {
            return false;
        }
    }
    return true;
}

// Whether numbers first to last, that one too, are the same.
template <class I> bool are_equal(const I* numbers, ptrdiff_t first, ptrdiff_t last) {
    I others = 0;
    for (ptrdiff_t i = first + 1; i <= last; ++i) {
        others = static_cast<I>(others | (numbers[i] ^ numbers[first]));
    }
    return others == 0;
}

// Of a tile of so many vectors, or of the first of several.
ptrdiff_t bytes_of_line(ptrdiff_t vectors, ptrdiff_t item) {
    const ptrdiff_t bytes = vectors * item;
    return bytes <= VECTOR ? VECTOR : bytes <= 2 * VECTOR ? 2 * VECTOR : TILE_LINE;
}

} // namespace

SparseTiles::Lines::Lines(ptrdiff_t bytes)
    : memory(static_cast<char*>(std::calloc(static_cast<std::size_t>(bytes + TILE_LINE), 1))) {
    if (memory) {
        const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(memory.get());
        data = memory.get() + (TILE_LINE - at % TILE_LINE) % TILE_LINE;
    }
}

SparseTiles::SparseTiles(const SparseDense& product, const SparseKernels& kernels, Transpose transpose,
                         ptrdiff_t item, ptrdiff_t width, const std::vector<ptrdiff_t>* used)
    : p_(product), kernels_(kernels), transpose_(transpose), item_(item), width_(width), used_(used),
      tile_((product.by_rows ? product.columns : product.rows) * bytes_of_line(width, item)),
      strip_(STRIP * TILE_LINE) {}

void SparseTiles::find_lanes(ptrdiff_t first) {
    const ptrdiff_t whole = TILE_LINE / item_;
    lanes_ = width_ - first < whole ? width_ - first : whole;
    line_ = bytes_of_line(width_ - first, item_);
    if (lanes_ == 0) {
        return;
    }
    ptrdiff_t at[SPARSE_FREE], vector = first, x = 0, y = 0;
    for (int i = p_.free - 1; i >= 0; --i) {
        at[i] = vector % p_.size[i];
        vector /= p_.size[i];
        x += at[i] * p_.x_step[i];
        y += at[i] * p_.y_step[i];
    }
    const int last = p_.free - 1;
    if (last >= 0 && at[last] + lanes_ <= p_.size[last]) { // all along the innermost axis
        x_apart_ = p_.x_step[last];
        y_apart_ = p_.y_step[last];
        x_even_ = y_even_ = true;
        for (ptrdiff_t lane = 0; lane < lanes_; ++lane) {
            x_at_[lane] = x + lane * x_apart_;
            y_at_[lane] = y + lane * y_apart_;
        }
        return;
    }
    for (ptrdiff_t lane = 0;;) {
        x_at_[lane] = x;
        y_at_[lane] = y;
        if (++lane == lanes_) {
            break;
        }
        for (int i = p_.free - 1; i >= 0; --i) { // one further, as an odometer is
            x += p_.x_step[i];
            y += p_.y_step[i];
            if (++at[i] < p_.size[i]) {
                break;
            }
            x -= at[i] * p_.x_step[i];
            y -= at[i] * p_.y_step[i];
            at[i] = 0;
        }
    }
    x_even_ = evenly(x_at_, lanes_, x_apart_);
    y_even_ = evenly(y_at_, lanes_, y_apart_);
}

// Elements low to high of each lane's vector, as lines.
void SparseTiles::load(ptrdiff_t low, ptrdiff_t high, char* to) const {
    const char* x = p_.x + low * p_.x_by;
    if (x_even_ && x_apart_ == item_) {
        for (ptrdiff_t i = 0; i < high - low; ++i) {
            std::memcpy(to + i * line_, x + x_at_[0] + i * p_.x_by, static_cast<std::size_t>(lanes_ * item_));
        }
        return;
    }
    if (x_even_ && p_.x_by == item_) {
        transpose_(x + x_at_[0], x_apart_, high - low, lanes_, to, line_);
        return;
    }
    for (ptrdiff_t lane = 0; lane < lanes_; ++lane) {
        for (ptrdiff_t i = 0; i < high - low; ++i) {
            copy_item(to + i * line_ + lane * item_, x + x_at_[lane] + i * p_.x_by, item_);
        }
    }
}

// The same of the columns that have entries, each where it belongs.
void SparseTiles::load_used() {
    const char* const x = p_.x;
    for (ptrdiff_t lane = 0; lane < lanes_; ++lane) {
        for (const ptrdiff_t column : *used_) {
            copy_item(tile_.data + column * line_ + lane * item_, x + x_at_[lane] + column * p_.x_by, item_);
        }
    }
}

// Whether compressed lines low to high have no entry: all their pointers are compared, not the ends alone.
bool SparseTiles::is_empty(ptrdiff_t low, ptrdiff_t high) const {
    return p_.wide ? are_equal(static_cast<const std::int64_t*>(p_.a.indptr), low, high)
                   : are_equal(static_cast<const std::int32_t*>(p_.a.indptr), low, high);
}

void SparseTiles::store(ptrdiff_t low, ptrdiff_t high, const char* from) const {
    char* y = p_.y + low * p_.y_by;
    if (y_even_ && y_apart_ == item_) {
        for (ptrdiff_t i = 0; i < high - low; ++i) {
            std::memcpy(y + y_at_[0] + i * p_.y_by, from + i * line_,
                        static_cast<std::size_t>(lanes_ * item_));
        }
        return;
    }
    if (y_even_ && p_.y_by == item_) {
        transpose_(from, line_, lanes_, high - low, y + y_at_[0], y_apart_);
        return;
    }
    for (ptrdiff_t lane = 0; lane < lanes_; ++lane) {
        for (ptrdiff_t i = 0; i < high - low; ++i) {
            copy_item(y + y_at_[lane] + i * p_.y_by, from + i * line_ + lane * item_, item_);
        }
    }
}

bool SparseTiles::gather() {
    if (used_ != nullptr) {
        load_used();
    } else {
        load(0, p_.columns, tile_.data);
    }
    bool sound = true;
    for (ptrdiff_t low = 0; low < p_.rows; low += STRIP) {
        const ptrdiff_t high = low + STRIP < p_.rows ? low + STRIP : p_.rows;
        sound &=
            kernels_.gather({p_.a, static_cast<int>(line_ / VECTOR), low, high, tile_.data, strip_.data});
        store(low, high, strip_.data);
    }
    return sound;
}

bool SparseTiles::scatter() {
    std::memset(tile_.data, 0, static_cast<std::size_t>(p_.rows * line_));
    bool sound = true;
    for (ptrdiff_t low = 0; low < p_.columns; low += STRIP) {
        const ptrdiff_t high = low + STRIP < p_.columns ? low + STRIP : p_.columns;
        if (is_empty(low, high)) {
            continue;
        }
        load(low, high, strip_.data);
        sound &=
            kernels_.scatter({p_.a, static_cast<int>(line_ / VECTOR), low, high, strip_.data, tile_.data});
    }
    store(0, p_.rows, tile_.data);
    return sound;
}

// Lanes that are not used hold numbers all the same.
void SparseTiles::clear_lanes() {
    std::memset(strip_.data, 0, static_cast<std::size_t>(STRIP * line_));
    if (used_ == nullptr) {
        const ptrdiff_t length = p_.by_rows ? p_.columns : p_.rows;
        std::memset(tile_.data, 0, static_cast<std::size_t>(length * line_));
        return;
    }
    for (const ptrdiff_t column : *used_) {
        std::memset(tile_.data + column * line_, 0, static_cast<std::size_t>(line_));
    }
}

bool SparseTiles::run(ptrdiff_t first, ptrdiff_t last) {
    bool sound = true;
    for (ptrdiff_t i = first; i < last; ++i) {
        find_lanes(i * (TILE_LINE / item_));
        if (lanes_ * item_ < line_) {
            clear_lanes();
        }
        sound &= p_.by_rows ? gather() : scatter();
    }
    return sound;
}

} // namespace einroute
