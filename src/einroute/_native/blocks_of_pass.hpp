// What the blocks of a pass share, and what runs one. No Python here.
#pragma once

#include "nest.hpp"

#include <atomic>

namespace einroute {

// What all blocks share.
struct Pass {
    const Nest& nest;
    const Cut cut;
    const TypeKernels& kernels;
    Transpose transpose;
    char* to;                          // the result, or the first of its parts
    std::ptrdiff_t strides[MAX_DEPTH]; // of it
    std::ptrdiff_t apart;              // bytes from one part to the next
    std::atomic<int> flags{0};
    std::atomic<bool> failed{false};
};

// Runs a block of a Pass, in any thread.
void run_pass_block(void* pass, long index);

} // namespace einroute
