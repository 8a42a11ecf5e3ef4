// Sampled products over threads.
#pragma once

#include "numpy_api.hpp"
#include "sparse_sampled.hpp"

namespace einroute {

enum class SampledOutcome {
    Done,
    Unsound, // an index is out of range, or pointers decrease
    Failed,  // with an exception: no memory, or a signal's handler raised one
};

// Whether there are kernels for a dtype.
bool has_sampled_kernels(char character);

// The GIL is released where there is much to do. The bits of the result do not depend on the number of
// threads.
SampledOutcome run_sampled(const Sampled& p, char character, bool wide, int threads);

// Whether all sums of a product that was made are finite: only those are read where there are entries.
bool finite_sums(const Sampled& p, char character, bool wide);

} // namespace einroute
