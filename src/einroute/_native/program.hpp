// The steps in which a contraction is done, and the order of its operands. No Python here.
#pragma once

#include "arrangement.hpp"
#include "labels.hpp"
#include "problem.hpp"
#include "walk.hpp"

#include <vector>

namespace einroute {

// An axis of an operand whose stride is one of a loop's: a column of the walk's strides.
struct Addend {
    std::uint8_t loop, operand, input, axis;
};

// A contraction of operands and intermediates by one nest of loops.
struct Step {
    int operands;
    int kept, loops;
    bool summed;
    std::ptrdiff_t size[MAX_LOOPS];
    // Which operand of the contraction, or 8 and more: which intermediate. The last writes the result.
    int source[MAX_OPERANDS];
    std::ptrdiff_t target;                        // where the intermediate lies; -1: it is the result
    std::ptrdiff_t offset[MAX_OPERANDS];          // of operands that are intermediates; -1: of no such
    std::vector<std::ptrdiff_t> strides;          // of intermediates, loops x (operands + 1)
    std::vector<Addend> addends;                  // strides of the contraction's own operands
    std::vector<std::pair<int, int>> result_axes; // loop, axis of the result
    Loops run;
    Element element;
    double nanoseconds;                // about, by sizes alone
    const KernelOf* kernel;            // of pairs, instead of loops; null: none
    Arrangement way;                   // how that goes through arrays of the program's strides
    Role role[MAX_LOOPS];              // of the loops, for the kernel
    Mask inputs[MAX_OPERANDS], output; // labels, to be told
};

struct Program {
    std::vector<Step> steps;
    std::ptrdiff_t scratch; // bytes of the intermediates, and then of what kernels need
    std::ptrdiff_t work;    // where that begins
    bool arranges;          // whether steps have kernels, which are arranged for strides
    Strides strides;        // of the last operands and the last result
    std::vector<int> axes;  // of these
    bool reorders;          // NumPy's order may stay finite where this one does not
    double nanoseconds;     // about, by sizes alone
};

// False where it has more loops than a walk holds.
bool make_program(const Expression& expression, Element element, Program& to);

// Nanoseconds of it on arrays of these strides.
double price_program(const Program& program, const std::ptrdiff_t* const* strides,
                     const std::ptrdiff_t* out_strides);

// Nanoseconds more that it takes where memory is not walked as it lies, or results are more than caches hold.
double walking_program(const Program& program, const std::ptrdiff_t* const* strides,
                       const std::ptrdiff_t* out_strides);

// Runs it on arrays given by their addresses and strides; `scratch` is aligned as operands are. One at a
// time: who calls it holds the GIL, or has a program of its own.
void run_program(Program& program, const char* const* data, const std::ptrdiff_t* const* strides, char* out,
                 const std::ptrdiff_t* out_strides, char* scratch);

} // namespace einroute
