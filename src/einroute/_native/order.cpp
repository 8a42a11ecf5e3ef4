#include "order.hpp"

namespace einroute {

namespace {

// Nanoseconds that a step costs, each run of its innermost loops, each element it writes, and each product.
constexpr double STEP = 20, LINE = 3.5, WRITTEN = 1.6;

// Of a product of so many operands that is added.
double each(Element element, int operands) {
    double cost = operands <= 2 ? 0.8 : operands == 3 ? 1.1 : 0.9 * operands;
    if (element == Element::Complex64 || element == Element::Complex128) {
        cost *= 2.2;
    }
    return cost;
}

class Search {
  public:
    Search(const std::ptrdiff_t* sizes, Element element, Mask output)
        : sizes_(sizes), element_(element), output_(output) {}

    void find(const Mask* operands, int count, Order& best) {
        best.count = 0;
        best.nanoseconds = 1e300;
        best_ = &best;
        Order sofar{};
        exhaustive_ = count <= EXHAUSTIVE;
        extend(operands, count, sofar);
    }

  private:
    static constexpr int EXHAUSTIVE = 5;

    double extent(Mask labels) const {
        double size = 1;
        for (int label = 0; labels != 0; ++label, labels >>= 1) {
            if (labels & 1) {
                size *= static_cast<double>(sizes_[label]);
            }
        }
        return size;
    }

    double price(int operands, Mask all, Mask output) const {
        const double written = extent(output);
        return STEP + each(element_, operands) * extent(all) + WRITTEN * written + LINE * written / 4;
    }

    // The labels that a step over two operands must keep.
    Mask kept(const Mask* operands, int count, int i, int j) const {
        Mask others = output_;
        for (int k = 0; k < count; ++k) {
            if (k != i && k != j) {
                others |= operands[k];
            }
        }
        return (operands[i] | operands[j]) & others;
    }

    void finish(const Mask* operands, int count, Order& sofar) {
        Joint& last = sofar.joint[sofar.count];
        Mask all = 0;
        last.count = count;
        last.output = output_;
        for (int i = 0; i < count; ++i) {
            last.position[i] = i;
            all |= operands[i];
        }
        const double total = sofar.nanoseconds + price(count, all, output_);
        if (total < best_->nanoseconds) {
            *best_ = sofar;
            ++best_->count;
            best_->nanoseconds = total;
        }
    }

    // All that is left at once, and every step that may come next; of many operands the cheapest step.
    void extend(const Mask* operands, int count, Order& sofar) {
        finish(operands, count, sofar);
        if (count == 1 || sofar.count == 2 * MAX_OPERANDS - 2) {
            return;
        }
        int best_i = -1, best_j = -1;
        double least = 1e300;
        for (int i = 0; i < count; ++i) {
            for (int j = i; j < count; ++j) {
                if (i == j ? kept(operands, count, i, i) == operands[i] : count == 2) {
                    continue;
                }
                const Mask all = operands[i] | operands[j];
                const double cost = price(i == j ? 1 : 2, all, kept(operands, count, i, j));
                if (!exhaustive_) {
                    const double gained = cost - (i == j ? 0 : extent(operands[i]) + extent(operands[j]));
                    if (gained < least) {
                        least = gained;
                        best_i = i;
                        best_j = j;
                    }
                } else if (sofar.nanoseconds + cost < best_->nanoseconds) {
                    join(operands, count, i, j, cost, sofar);
                }
            }
        }
        if (!exhaustive_ && best_i >= 0) {
            const Mask all = operands[best_i] | operands[best_j];
            join(operands, count, best_i, best_j,
                 price(best_i == best_j ? 1 : 2, all, kept(operands, count, best_i, best_j)), sofar);
        }
    }

    void join(const Mask* operands, int count, int i, int j, double cost, Order& sofar) {
        Mask left[MAX_OPERANDS];
        int there = 0;
        for (int k = 0; k < count; ++k) {
            if (k != i && k != j) {
                left[there++] = operands[k];
            }
        }
        Joint& joint = sofar.joint[sofar.count++];
        joint.count = i == j ? 1 : 2;
        joint.position[0] = i;
        joint.position[1] = j;
        joint.output = left[there++] = kept(operands, count, i, j);
        sofar.nanoseconds += cost;
        extend(left, there, sofar);
        sofar.nanoseconds -= cost;
        --sofar.count;
    }

    const std::ptrdiff_t* sizes_;
    Element element_;
    Mask output_;
    bool exhaustive_ = true;
    Order* best_ = nullptr;
};

} // namespace

void find_order(const Mask* operands, int count, Mask output, const std::ptrdiff_t* sizes, Element element,
                Order& to) {
    Search(sizes, element, output).find(operands, count, to);
}

} // namespace einroute
