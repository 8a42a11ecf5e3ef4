// How kernels went through the arrays of the last call, for calls whose arrays have the same strides.
#pragma once

#include "problem.hpp"

#include <vector>

namespace einroute {

// What a kernel arranged, and the memory for it.
class Arrangement {
  public:
    Arranged arranged;

    // For problems of so many axes, and so many elements of rows, columns and sums together.
    void reserve(int axes, std::ptrdiff_t elements) {
        axes_.resize(static_cast<std::size_t>(axes));
        offsets_.resize(2 * static_cast<std::size_t>(elements));
    }
    Room room() { return {axes_.data(), offsets_.data()}; }

  private:
    std::vector<Axis> axes_;
    std::vector<std::ptrdiff_t> offsets_;
};

// The strides of a call's arrays.
class Strides {
  public:
    void reserve(std::size_t axes) { strides_.resize(axes); }

    // Whether arrays, one after the other, have those that the last ones had.
    bool begin() {
        at_ = 0;
        const bool known = known_;
        known_ = true;
        return known;
    }
    bool next(const std::ptrdiff_t* strides, int ndim) {
        std::ptrdiff_t* own = strides_.data() + at_;
        at_ += static_cast<std::size_t>(ndim);
        bool same = true;
        for (int d = 0; d < ndim; ++d) {
            same = same && own[d] == strides[d];
            own[d] = strides[d];
        }
        return same;
    }

  private:
    std::vector<std::ptrdiff_t> strides_;
    std::size_t at_ = 0;
    bool known_ = false;
};

} // namespace einroute
