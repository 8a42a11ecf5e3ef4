// One loop of a network's program: what is done with operands and a result, wherever they lie. No Python
// here.
#pragma once

#include "blas.hpp"
#include "problem.hpp"
#include "walk.hpp"

#include <vector>

namespace einroute {

// Nested loops as they are asked for: kept ones first, outermost first. Strides are in bytes, none negative,
// of the operands and then of the result, a row for each loop; 0 where an array lacks it.
struct Nested {
    int operands;
    int kept;
    bool summed; // a sum begins at 0
    std::vector<std::ptrdiff_t> size, stride;
};

enum class Way { Walk, Kernel, Blas, Parts };

struct NetworkLoop {
    Way way;
    int operands;
    Walk walk; // its data is filled in for each step
    Loops run;
    Kernel kernel;
    Problem problem;  // of the kernel, without its data
    std::size_t work; // bytes that it needs while it runs
    Gemm gemm;
    // Kept loops around all of that: more than a walk holds, or matrices of a stack.
    std::vector<std::ptrdiff_t> outer_size, outer_stride;
    // A long sum of one operand: parts of so many elements along the loop, which are summed afterwards.
    int split;
    std::ptrdiff_t part, parts;
    Walk together;
    double products;                   // that it forms
    bool silent;                       // NumPy's loops in its place tell of no floating-point flags
    std::vector<std::ptrdiff_t> reach; // bytes from the first to past the last element of each array
};

// False where no loops take it: more sums than a walk holds.
bool make_loop(Nested nested, Element element, NetworkLoop& to);

// What is done between products, now and then; false ends the run.
using Pause = bool (*)(void* context);

// Counts products, and looks at what interrupts where many were formed. Floating-point flags of what came
// before are put into `flags` then.
struct Pauses {
    Pause pause;
    void* context;
    double since = 0;
    int flags = 0;

    // False where the run is ended.
    bool formed(double products);
};

// Runs it on arrays at these addresses, the result's last; `work` is aligned as operands are. False where it
// was ended.
bool run_loop(const NetworkLoop& loop, const char* const* data, char* out, char* work, Pauses& pauses);

} // namespace einroute
