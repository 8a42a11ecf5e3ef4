#include "order.hpp"

#include "problem.hpp"

namespace einroute {

namespace {

// Nanoseconds that a step costs, and each sum that it writes.
constexpr double STEP = 30, WRITTEN = 1.1;
// The same of a kernel of pairs, which has more to arrange.
constexpr double ARRANGED = 110, STORED = 0.4;
constexpr std::ptrdiff_t DOT = 16;

// Of a product of so many operands that is added; alone it is fast where all walk together.
double each(Element element, int operands, bool summed, bool together) {
    const bool is_complex = element > Element::Float64;
    if (!summed) {
        const double alone = together ? 0.2 * operands : operands <= 2 ? 1.2 : 0.8 * operands;
        return is_complex ? 2.2 * alone : alone;
    }
    if (is_complex) {
        return operands <= 2 ? 0.2 + 0.8 * operands : 1.2 * operands;
    }
    if (operands > 2) {
        return operands == 3 ? 0.75 : 0.6 * operands;
    }
    return together ? 0.25 : element < Element::Float32 ? 0.6 : 0.45;
}

double each_in_vectors(Element element) {
    switch (element) {
    case Element::Float32:
        return 0.07;
    case Element::Float64:
        return 0.12;
    case Element::Complex64:
        return 0.15;
    default:
        return 0.3;
    }
}

double extent(Mask labels, const std::ptrdiff_t* sizes) {
    double size = 1;
    for (int label = 0; labels != 0; ++label, labels >>= 1) {
        if (labels & 1) {
            size *= static_cast<double>(sizes[label]);
        }
    }
    return size;
}

} // namespace

double instructions_in_nanoseconds(double instructions, Element element, bool summed) {
    const double rate = element > Element::Float64 ? 7.5 : summed ? 6 : 4;
    return ARRANGED + instructions / rate;
}

Price price_of(const Mask* operands, int count, Mask output, const std::ptrdiff_t* sizes, Element element) {
    Mask all = 0;
    for (int i = 0; i < count; ++i) {
        all |= operands[i];
    }
    const double products = extent(all, sizes), written = extent(output, sizes);
    const bool summed = (all & ~output) != 0;
    bool together = true;
    for (int i = 1; i < count; ++i) {
        together = together && operands[i] == operands[0];
    }
    const double loops =
        STEP + each(element, count, summed, together) * products + (summed ? WRITTEN * written : 0);
    const bool is_complex = element > Element::Float64;
    // Long dot products of neighbours are no work for lanes across them.
    const bool dots = together && products >= written * static_cast<double>(DOT);
    const bool in_pairs =
        count == 2 && !dots && (summed || !is_complex) && ((operands[0] ^ operands[1]) & ~output) == 0;
    if (element < Element::Float32 || !in_pairs || products > written * static_cast<double>(MAX_EXTENT)) {
        return {loops, false};
    }
    const double vectors = ARRANGED + each_in_vectors(element) * products + STORED * written;
    return vectors < loops ? Price{vectors, true} : Price{loops, false};
}

namespace {

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

    double price(const Mask* operands, int count, Mask output) const {
        return price_of(operands, count, output, sizes_, element_).nanoseconds;
    }

    double price_of_two(const Mask* operands, int i, int j, Mask output) const {
        const Mask two[] = {operands[i], operands[j]};
        return price(two, i == j ? 1 : 2, output);
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
        last.count = count;
        last.output = output_;
        for (int i = 0; i < count; ++i) {
            last.position[i] = i;
        }
        const double total = sofar.nanoseconds + price(operands, count, output_);
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
                const double cost = price_of_two(operands, i, j, kept(operands, count, i, j));
                if (!exhaustive_) {
                    const double gained =
                        cost - (i == j ? 0 : extent(operands[i], sizes_) + extent(operands[j], sizes_));
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
            const Mask output = kept(operands, count, best_i, best_j);
            join(operands, count, best_i, best_j, price_of_two(operands, best_i, best_j, output), sofar);
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
