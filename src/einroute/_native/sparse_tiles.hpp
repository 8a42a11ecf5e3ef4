// Tiles of a sparse by a dense product: vectors side by side, as many as a line holds, whatever their layout.
#pragma once

#include "box.hpp"
#include "sparse_dense.hpp"

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

namespace einroute {

// Work on some of the tiles, in one thread.
class SparseTiles {
  public:
    // `used`: the columns that have entries, where those are few and rows are compressed; else null.
    SparseTiles(const SparseDense& product, const SparseKernels& kernels, Transpose transpose,
                std::ptrdiff_t item, std::ptrdiff_t width, const std::vector<std::ptrdiff_t>* used);

    // Whether there is memory.
    bool ready() const { return tile_.data != nullptr && strip_.data != nullptr; }
    // Tiles first to last; false where an index is out of range.
    bool run(std::ptrdiff_t first, std::ptrdiff_t last);

  private:
    struct Freed {
        void operator()(char* p) const { std::free(p); }
    };

    // Memory whose first line is aligned.
    struct Lines {
        std::unique_ptr<char, Freed> memory;
        char* data = nullptr;

        explicit Lines(std::ptrdiff_t bytes);
    };

    void find_lanes(std::ptrdiff_t first);
    void load(std::ptrdiff_t low, std::ptrdiff_t high, char* to) const;
    void load_used();
    bool is_empty(std::ptrdiff_t low, std::ptrdiff_t high) const;
    void clear_lanes();
    void store(std::ptrdiff_t low, std::ptrdiff_t high, const char* from) const;
    bool gather();
    bool scatter();

    const SparseDense& p_;
    const SparseKernels& kernels_;
    const Transpose transpose_;
    const std::ptrdiff_t item_, width_;
    const std::vector<std::ptrdiff_t>* const used_;
    Lines tile_, strip_;
    std::ptrdiff_t lanes_ = 0, line_ = TILE_LINE; // of this tile, and the bytes of a line
    // Where each lane's vector begins; and how far they are apart, where that is the same for all.
    std::ptrdiff_t x_at_[TILE_LINE], y_at_[TILE_LINE], x_apart_ = 0, y_apart_ = 0;
    bool x_even_ = true, y_even_ = true;
};

} // namespace einroute
