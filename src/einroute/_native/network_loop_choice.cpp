// How a loop of a network is done: by BLAS, a kernel, or loops.

#include "network_loop.hpp"

#include "isa.hpp"
#include "order.hpp"

#include <algorithm>
#include <cmath>

namespace einroute {

namespace {

// Multiply-adds of a matrix from which BLAS is faster than a kernel.
constexpr double FOR_BLAS = 4096;
// Elements of a sum from which it is added in parts, whose rounding errors do not follow each other.
constexpr std::ptrdiff_t LONG_SUM = 512;

class Maker {
  public:
    Maker(Nested& nested, Element element, NetworkLoop& to)
        : n_(nested), element_(element), to_(to), columns_(nested.operands + 1) {}

    bool make() {
        measure();
        simplify();
        to_.operands = n_.operands;
        to_.run = find_loops(element_, n_.operands);
        if (n_.operands == 2 && of_floats() && (use_blas() || use_kernel())) {
            return true;
        }
        return use_walk();
    }

  private:
    bool of_floats() const { return element_ >= Element::Float32 && element_ <= Element::Complex128; }
    int count() const { return static_cast<int>(n_.size.size()); }
    std::ptrdiff_t& stride(int loop, int array) { return n_.stride[loop * columns_ + array]; }

    void measure() {
        to_.products = 1;
        to_.work = 0;
        to_.reach.assign(columns_, item_size(element_));
        for (int l = 0; l < count(); ++l) {
            to_.products *= static_cast<double>(n_.size[l]);
            for (int i = 0; i < columns_; ++i) {
                to_.reach[i] += (n_.size[l] - 1) * stride(l, i);
            }
        }
    }

    // Leaves out loops of length 1, and makes one of neighbours that every array walks as one.
    void simplify() {
        int at = 0, kept = 0;
        for (int l = 0; l < count(); ++l) {
            if (n_.size[l] == 1) {
                continue;
            }
            const bool keeps = l < n_.kept;
            bool one = at > (keeps ? 0 : kept);
            for (int i = 0; one && i < columns_; ++i) {
                one = stride(at - 1, i) == stride(l, i) * n_.size[l];
            }
            if (one) {
                --at;
                n_.size[at] *= n_.size[l];
            } else {
                n_.size[at] = n_.size[l];
            }
            for (int i = 0; i < columns_; ++i) {
                stride(at, i) = stride(l, i);
            }
            kept += keeps && !one;
            ++at;
        }
        n_.size.resize(at);
        n_.stride.resize(static_cast<std::size_t>(at) * columns_);
        n_.kept = kept;
    }

    enum class Part { Stack, Row, Column, Sum, None };

    Part part_of(int l) {
        const bool a = stride(l, 0) != 0, b = stride(l, 1) != 0;
        if (l >= n_.kept) {
            return a && b ? Part::Sum : Part::None;
        }
        return a && b ? Part::Stack : a ? Part::Row : b ? Part::Column : Part::None;
    }

    // A stack of large matrices of which either side is one dimension of memory.
    bool use_blas() {
        if (!has_blas() || n_.kept == count()) {
            return false;
        }
        int row = -1, column = -1, sum = -1;
        for (int l = 0; l < count(); ++l) {
            const Part part = part_of(l);
            int* const place = part == Part::Row      ? &row
                               : part == Part::Column ? &column
                               : part == Part::Sum    ? &sum
                                                      : nullptr;
            if (part == Part::None || (place != nullptr && *place >= 0)) {
                return false;
            }
            if (place != nullptr) {
                *place = l;
            }
        }
        if (sum < 0) {
            return false;
        }
        Gemm& g = to_.gemm;
        const auto size = [&](int l) { return l < 0 ? 1 : n_.size[l]; };
        g = {element_, false, false, size(row), size(column), size(sum), 0, 0, 0};
        const double each = static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
        if (each < FOR_BLAS || !side(row, sum, 0, g.k, g.turned_a, g.lda) ||
            !side(sum, column, 1, g.n, g.turned_b, g.ldb)) {
            return false;
        }
        bool turned;
        if (!side(row, column, 2, g.n, turned, g.ldc) || turned) {
            return false;
        }
        to_.way = Way::Blas;
        for (int l = 0; l < n_.kept; ++l) {
            if (l != row && l != column) {
                add_outer(l);
            }
        }
        return true;
    }

    // A matrix's leading dimension, and whether it lies turned: false if neither of its axes is contiguous.
    bool side(int rows, int columns, int array, std::ptrdiff_t length, bool& turned,
              std::ptrdiff_t& leading) {
        const std::ptrdiff_t item = item_size(element_);
        const std::ptrdiff_t down = rows < 0 ? 0 : stride(rows, array) / item;
        const std::ptrdiff_t along = columns < 0 ? 0 : stride(columns, array) / item;
        if (columns < 0 || along == 1) {
            turned = columns < 0 && rows >= 0 && down == 1 && array != 2;
            const std::ptrdiff_t least = turned ? n_.size[rows] : length;
            leading = turned ? least : std::max(down, least);
            return turned || rows < 0 || down >= length;
        }
        turned = true;
        const std::ptrdiff_t least = rows < 0 ? 1 : n_.size[rows];
        leading = std::max(along, least);
        return (rows < 0 || down == 1) && along >= least;
    }

    void add_outer(int l) {
        to_.outer_size.push_back(n_.size[l]);
        const auto row = n_.stride.begin() + l * columns_;
        to_.outer_stride.insert(to_.outer_stride.end(), row, row + columns_);
    }

    // The kernel of pairs, where that is faster. Rows and columns that are many are taken as a stack.
    bool use_kernel() {
        if (count() > MAX_LOOPS) {
            return false;
        }
        Mask inputs[2] = {0, 0}, output = 0;
        for (int l = 0; l < count(); ++l) {
            const Mask own = Mask{1} << l;
            inputs[0] |= stride(l, 0) != 0 ? own : 0;
            inputs[1] |= stride(l, 1) != 0 ? own : 0;
            output |= l < n_.kept ? own : 0;
            if (part_of(l) == Part::None) {
                return false;
            }
        }
        if (!price_of(inputs, 2, output, n_.size.data(), element_).vectors) {
            return false;
        }
        std::ptrdiff_t extents[4] = {1, 1, 1, 1}; // by role
        Problem& p = to_.problem;
        p.count = count();
        for (int l = count() - 1; l >= 0; --l) {
            const Part part = part_of(l);
            Role role = part == Part::Sum      ? Role::Sum
                        : part == Part::Row    ? Role::Row
                        : part == Part::Column ? Role::Column
                                               : Role::Loop;
            std::ptrdiff_t& extent = extents[static_cast<int>(role)];
            if (role != Role::Loop && extent > MAX_EXTENT / n_.size[l]) {
                if (role == Role::Sum) {
                    return false;
                }
                role = Role::Loop;
            } else {
                extent *= n_.size[l];
            }
            p.axes[l] = {role, n_.size[l], stride(l, 0), stride(l, 1), stride(l, 2)};
        }
        if (n_.kept == 0) { // a dot product has an axis of length 1
            p.axes[p.count++] = {Role::Loop, 1, 0, 0, 0};
        }
        to_.way = Way::Kernel;
        to_.kernel = kernels().*(kernel_of(element_)->whole);
        const auto of = [&](Role role) { return extents[static_cast<int>(role)]; };
        to_.work = workspace(of(Role::Row), of(Role::Column), of(Role::Sum));
        return true;
    }

    bool use_walk() {
        const int extra = count() - MAX_LOOPS;
        if (extra > n_.kept) {
            return false;
        }
        to_.way = Way::Walk;
        for (int l = 0; l < extra; ++l) {
            add_outer(l);
        }
        fill(to_.walk, std::max(extra, 0));
        if (n_.operands == 1 && element_ >= Element::Float32) {
            split_sum();
        }
        return true;
    }

    void fill(Walk& walk, int first) {
        walk.operands = n_.operands;
        walk.kept = n_.kept - first;
        walk.loops = count() - first;
        walk.summed = n_.summed;
        for (int l = 0; l < walk.loops; ++l) {
            walk.size[l] = n_.size[first + l];
            for (int i = 0; i < columns_; ++i) {
                walk.stride[l][i] = stride(first + l, i);
            }
        }
    }

    // Cuts the longest sum into parts, each of about as many elements as there are parts.
    void split_sum() {
        Walk& walk = to_.walk;
        int longest = -1;
        for (int l = walk.kept; l < walk.loops; ++l) {
            longest = longest < 0 || walk.size[l] > walk.size[longest] ? l : longest;
        }
        if (longest < 0 || walk.size[longest] < LONG_SUM || !to_.outer_size.empty()) {
            return;
        }
        to_.way = Way::Parts;
        to_.split = longest;
        to_.part = static_cast<std::ptrdiff_t>(std::sqrt(static_cast<double>(walk.size[longest])));
        to_.parts = (walk.size[longest] + to_.part - 1) / to_.part;
        // Each part's results lie as the result does, one part after the other.
        Walk& together = to_.together;
        together = walk;
        together.loops = walk.kept + 1;
        together.size[walk.kept] = to_.parts;
        for (int l = 0; l < walk.kept; ++l) {
            together.stride[l][0] = walk.stride[l][1];
        }
        together.stride[walk.kept][0] = to_.reach[1];
        together.stride[walk.kept][1] = 0;
        to_.work = static_cast<std::size_t>(to_.parts * to_.reach[1]);
    }

    Nested& n_;
    Element element_;
    NetworkLoop& to_;
    int columns_;
};

} // namespace

bool make_loop(Nested nested, Element element, NetworkLoop& to) {
    return Maker(nested, element, to).make();
}

} // namespace einroute
