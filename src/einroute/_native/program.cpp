#include "program.hpp"

#include "isa.hpp"
#include "order.hpp"

#include <algorithm>
#include <cstring>

namespace einroute {

namespace {

constexpr std::ptrdiff_t ALIGNMENT = 32;
// Nanoseconds of an element that lies apart from the last one, by the cache that all of them are in.
struct Level {
    double bytes, nanoseconds;
};
constexpr Level APART[] = {{1 << 15, 0.15}, {1 << 20, 0.45}, {1 << 23, 0.8}, {1e300, 2}};
// Of a run of a sum over several axes, and of each byte of products that are written and not summed.
constexpr double RUN = 6.5, BYTE = 0.02;

bool has(Mask mask, int label) {
    return (mask >> label & 1) != 0;
}

// An operand of the contraction, or an intermediate that lies in C order of its labels.
struct Term {
    Mask labels;
    int source;
    std::ptrdiff_t offset;
    std::vector<int> order;
};

class Builder {
  public:
    Builder(const Expression& expression, Element element, Program& to)
        : e_(expression), element_(element), to_(to) {}

    bool build() {
        Mask operands[MAX_OPERANDS];
        for (int i = 0; i < e_.operands; ++i) {
            Mask all = 0;
            for (int d = 0; d < e_.ndim[i]; ++d) {
                if (e_.shape[i][d] > 1) {
                    all |= Mask{1} << e_.label[i][d];
                }
            }
            operands[i] = all;
            terms_.push_back({all, i, -1, {}});
        }
        for (int d = 0; d < e_.out_ndim; ++d) {
            const int label = e_.out[d];
            if (e_.size[label] > 1) {
                output_ |= Mask{1} << label;
            }
        }
        Order order;
        find_order(operands, e_.operands, output_, e_.size, element_, order);
        to_.scratch = 0;
        to_.arranges = false;
        to_.reorders = order.count > 1 || sums_before_products(operands);
        for (int i = 0; i < order.count; ++i) {
            if (!add(order.joint[i], i + 1 == order.count)) {
                return false;
            }
        }
        if (to_.arranges) {
            keep_axes();
        }
        to_.work = to_.scratch;
        to_.scratch += work_;
        to_.nanoseconds = 0;
        for (const Step& step : to_.steps) {
            to_.nanoseconds += step.nanoseconds;
        }
        return true;
    }

  private:
    void keep_axes() {
        std::size_t all = 0;
        for (int i = 0; i < e_.operands; ++i) {
            to_.axes.push_back(e_.ndim[i]);
            all += static_cast<std::size_t>(e_.ndim[i]);
        }
        to_.axes.push_back(e_.out_ndim);
        to_.strides.reserve(all + static_cast<std::size_t>(e_.out_ndim));
    }

    // NumPy takes a factor that stands still out of the innermost sum of a pair.
    bool sums_before_products(const Mask* operands) const {
        return e_.operands == 2 && ((operands[0] ^ operands[1]) & ~output_) != 0;
    }

    // The labels of a step's result in the order of its memory: of the result as they stand there, of an
    // intermediate as its operands have them.
    std::vector<int> order_of(Mask output, bool last) const {
        std::vector<int> order;
        if (last) {
            for (int d = 0; d < e_.out_ndim; ++d) {
                if (has(output, e_.out[d])) {
                    order.push_back(e_.out[d]);
                }
            }
        } else {
            for (int label = 0; label < e_.labels; ++label) {
                if (has(output, label)) {
                    order.push_back(label);
                }
            }
        }
        return order;
    }

    bool add(const Joint& joint, bool last) {
        std::vector<Term> chosen;
        Mask all = 0;
        for (int i = 0; i < joint.count; ++i) {
            chosen.push_back(terms_[joint.position[i]]);
            all |= chosen.back().labels;
        }
        for (int i = joint.count - 1; i >= 0; --i) {
            terms_.erase(terms_.begin() + joint.position[i]);
        }
        std::vector<int> loops = order_of(joint.output, last);
        const std::vector<int> made = loops;
        const int kept = static_cast<int>(loops.size());
        for (int label = 0; label < e_.labels; ++label) {
            if (has(all & ~joint.output, label)) {
                loops.push_back(label);
            }
        }
        if (loops.size() > MAX_LOOPS) {
            return false;
        }
        Step step{};
        step.operands = joint.count;
        step.kept = kept;
        step.loops = static_cast<int>(loops.size());
        step.summed = last ? sums() : step.loops > kept;
        step.output = joint.output;
        step.run = find_loops(element_, joint.count);
        step.element = element_;
        step.strides.assign(loops.size() * (joint.count + 1), 0);
        for (int l = 0; l < step.loops; ++l) {
            step.size[l] = e_.size[loops[l]];
        }
        for (int i = 0; i < joint.count; ++i) {
            read(chosen[i], i, loops, step);
        }
        write(made, last, step);
        use_kernel(loops, step);
        to_.steps.push_back(std::move(step));
        return true;
    }

    // The kernel of pairs, where that is faster. Rows and columns that are many are taken as a stack.
    void use_kernel(const std::vector<int>& loops, Step& step) {
        const Price price = price_of(step.inputs, step.operands, step.output, e_.size, element_);
        step.nanoseconds = price.nanoseconds;
        if (!price.vectors) {
            return;
        }
        std::ptrdiff_t extents[4] = {1, 1, 1, 1}; // by role
        for (int l = step.loops - 1; l >= 0; --l) {
            const bool a = has(step.inputs[0], loops[l]), b = has(step.inputs[1], loops[l]);
            Role role = l >= step.kept ? Role::Sum : a && b ? Role::Loop : a ? Role::Row : Role::Column;
            std::ptrdiff_t& extent = extents[static_cast<int>(role)];
            if (role != Role::Loop && extent * step.size[l] > MAX_EXTENT) {
                role = Role::Loop; // never of a sum: its price says so
            } else {
                extent *= step.size[l];
            }
            step.role[l] = role;
        }
        step.kernel = kernel_of(element_);
        const auto of = [&](Role role) { return extents[static_cast<int>(role)]; };
        step.way.reserve(step.loops + 1, of(Role::Row) + of(Role::Column) + of(Role::Sum));
        to_.arranges = true;
        work_ = std::max(
            work_, static_cast<std::ptrdiff_t>(workspace(of(Role::Row), of(Role::Column), of(Role::Sum))));
    }

    // Whether some label is summed, however short.
    bool sums() const {
        for (int label = 0; label < e_.labels; ++label) {
            if (std::find(e_.out, e_.out + e_.out_ndim, label) == e_.out + e_.out_ndim) {
                return true;
            }
        }
        return false;
    }

    void read(const Term& term, int operand, const std::vector<int>& loops, Step& step) const {
        step.source[operand] = term.source;
        step.offset[operand] = term.offset;
        step.inputs[operand] = term.labels;
        if (term.source < 0) {
            fill(term.order, operand, loops, step);
            return;
        }
        for (int d = 0; d < e_.ndim[term.source]; ++d) {
            const auto found = std::find(loops.begin(), loops.end(), int(e_.label[term.source][d]));
            if (e_.shape[term.source][d] > 1) {
                step.addends.push_back(
                    {static_cast<std::uint8_t>(found - loops.begin()), static_cast<std::uint8_t>(operand),
                     static_cast<std::uint8_t>(term.source), static_cast<std::uint8_t>(d)});
            }
        }
    }

    // Strides of labels that lie in C order.
    void fill(const std::vector<int>& order, int column, const std::vector<int>& loops, Step& step) const {
        std::ptrdiff_t reach = item_size(element_);
        for (auto label = order.rbegin(); label != order.rend(); ++label) {
            const auto loop = std::find(loops.begin(), loops.end(), *label) - loops.begin();
            step.strides[loop * (step.operands + 1) + column] = reach;
            reach *= e_.size[*label];
        }
    }

    void write(const std::vector<int>& made, bool last, Step& step) {
        if (last) {
            step.target = -1;
            for (int loop = 0; loop < step.kept; ++loop) {
                for (int d = 0; d < e_.out_ndim; ++d) {
                    if (e_.out[d] == made[loop]) {
                        step.result_axes.push_back({loop, d});
                    }
                }
            }
            return;
        }
        std::vector<int> loops = made; // the first loops of the step
        fill(made, step.operands, loops, step);
        std::ptrdiff_t bytes = item_size(element_);
        for (int label : made) {
            bytes *= e_.size[label];
        }
        step.target = to_.scratch;
        terms_.push_back({step.output, -1, to_.scratch, made});
        to_.scratch += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    const Expression& e_;
    Element element_;
    Program& to_;
    std::vector<Term> terms_;
    Mask output_ = 0;
    std::ptrdiff_t work_ = 0;
};

// Neighbouring loops that every operand and the result walks as one become one.
void merge(Walk& walk, Role* role, int first, int last, int& at) {
    const int begin = at;
    for (int l = first; l < last; ++l) {
        bool one = at > begin && role[at - 1] == role[l];
        for (int i = 0; one && i <= walk.operands; ++i) {
            one = walk.stride[at - 1][i] == walk.stride[l][i] * walk.size[l];
        }
        if (one) {
            --at;
            walk.size[at] *= walk.size[l];
        } else {
            walk.size[at] = walk.size[l];
            role[at] = role[l];
        }
        if (at != l) {
            std::memcpy(walk.stride[at], walk.stride[l], (walk.operands + 1) * sizeof(std::ptrdiff_t));
        }
        ++at;
    }
}

// The axes of a kernel's problem.
void describe(const Walk& walk, const Role* role, Problem& problem) {
    problem.count = walk.loops;
    for (int l = 0; l < walk.loops; ++l) {
        problem.axes[l] = {role[l], walk.size[l], walk.stride[l][0], walk.stride[l][1],
                           role[l] == Role::Sum ? 0 : walk.stride[l][2]};
    }
    if (walk.kept == 0) { // a dot product has an axis of length 1
        problem.axes[problem.count++] = {Role::Loop, 1, 0, 0, 0};
    }
}

// The turns of all loops, or of those by which an array moves.
double turns(const Walk& walk, int array = -1) {
    double all = 1;
    for (int l = 0; l < walk.loops; ++l) {
        all *= array < 0 || walk.stride[l][array] != 0 ? static_cast<double>(walk.size[l]) : 1;
    }
    return all;
}

// Nanoseconds more of loops whose innermost one does not follow memory, or begins anew for each run of a sum.
double across(const Walk& walk, Element element) {
    const int inner = walk.loops > walk.kept ? walk.loops - 1 : walk.kept - 1;
    if (inner < 0) {
        return 0;
    }
    const auto item = static_cast<std::ptrdiff_t>(item_size(element));
    const double all = turns(walk);
    double nanoseconds = walk.loops > walk.kept + 1 ? RUN * all / static_cast<double>(walk.size[inner]) : 0;
    for (int i = 0; i < walk.operands; ++i) {
        const std::ptrdiff_t by = walk.stride[inner][i];
        if (by != 0 && by != item) {
            const Level* level = APART;
            while (turns(walk, i) * static_cast<double>(item) >= level->bytes) {
                ++level;
            }
            nanoseconds += all * level->nanoseconds;
        }
    }
    return nanoseconds;
}

// The loops of a step over arrays of these strides.
void lay_out(const Step& step, const std::ptrdiff_t* const* strides, const std::ptrdiff_t* out_strides,
             Walk& walk, Role* role) {
    const int columns = step.operands + 1;
    const std::ptrdiff_t* known = step.strides.data();
    for (int l = 0; l < step.loops; ++l, known += columns) {
        walk.size[l] = step.size[l];
        role[l] = step.role[l];
        for (int i = 0; i < columns; ++i) {
            walk.stride[l][i] = known[i];
        }
    }
    for (const Addend& a : step.addends) {
        walk.stride[a.loop][a.operand] += strides[a.input][a.axis];
    }
    for (const auto& axis : step.result_axes) {
        walk.stride[axis.first][step.operands] = out_strides[axis.second];
    }
    walk.operands = step.operands;
    walk.summed = step.summed;
    int at = 0;
    merge(walk, role, 0, step.kept, at);
    walk.kept = at;
    merge(walk, role, step.kept, step.loops, at);
    walk.loops = at;
}

// Whether arrays have the strides of those that the steps' kernels were arranged for.
bool are_known(Program& program, const std::ptrdiff_t* const* strides, const std::ptrdiff_t* out_strides) {
    bool known = program.strides.begin();
    const std::size_t operands = program.axes.size() - 1;
    for (std::size_t i = 0; i < operands; ++i) {
        known = program.strides.next(strides[i], program.axes[i]) && known;
    }
    return program.strides.next(out_strides, program.axes[operands]) && known;
}

void arrange(Step& step, const std::ptrdiff_t* const* strides, const std::ptrdiff_t* out_strides) {
    Walk walk;
    Role role[MAX_LOOPS];
    lay_out(step, strides, out_strides, walk, role);
    Problem problem;
    describe(walk, role, problem);
    (kernels().*(step.kernel->arrange))(problem, step.way.room(), step.way.arranged);
}

} // namespace

bool make_program(const Expression& expression, Element element, Program& to) {
    return Builder(expression, element, to).build();
}

double price_program(const Program& program, const std::ptrdiff_t* const* strides,
                     const std::ptrdiff_t* out_strides) {
    double nanoseconds = 0;
    for (const Step& step : program.steps) {
        if (step.kernel == nullptr) {
            nanoseconds += step.nanoseconds;
            continue;
        }
        Walk walk;
        Role role[MAX_LOOPS];
        lay_out(step, strides, out_strides, walk, role);
        Problem problem;
        describe(walk, role, problem);
        nanoseconds += instructions_in_nanoseconds((kernels().*(step.kernel->price))(problem), step.element,
                                                   step.summed);
    }
    return nanoseconds;
}

double walking_program(const Program& program, const std::ptrdiff_t* const* strides,
                       const std::ptrdiff_t* out_strides) {
    double nanoseconds = 0;
    for (const Step& step : program.steps) {
        Walk walk;
        Role role[MAX_LOOPS];
        lay_out(step, strides, out_strides, walk, role);
        nanoseconds += step.kernel == nullptr ? across(walk, step.element)
                       : step.summed ? 0
                                     : BYTE * turns(walk) * static_cast<double>(item_size(step.element));
    }
    return nanoseconds;
}

void run_program(Program& program, const char* const* data, const std::ptrdiff_t* const* strides, char* out,
                 const std::ptrdiff_t* out_strides, char* scratch) {
    Walk walk;
    Role role[MAX_LOOPS];
    const bool known = program.arranges && are_known(program, strides, out_strides);
    for (Step& step : program.steps) {
        const auto source = [&](int i) {
            return step.source[i] < 0 ? scratch + step.offset[i] : data[step.source[i]];
        };
        char* to = step.target < 0 ? out : scratch + step.target;
        if (step.kernel != nullptr) {
            if (!known) {
                arrange(step, strides, out_strides);
            }
            (kernels().*(step.kernel->run))(step.way.arranged, source(0), source(1), to,
                                            scratch + program.work);
            continue;
        }
        lay_out(step, strides, out_strides, walk, role);
        for (int i = 0; i < step.operands; ++i) {
            walk.data[i] = source(i);
        }
        walk.out = to;
        step.run(walk);
    }
}

} // namespace einroute
