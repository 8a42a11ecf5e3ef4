// The core's threads: blocks of one call are shared among the calling thread and helpers.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

using Block = void (*)(void* context, long index);

// Calls block(context, i) for each i from 0 to count - 1, on up to `threads` threads, the caller's included.
//
// The caller holds the GIL; blocks run without it. Which thread runs a block, and how many there are, must
// not matter. Within a block everything runs in its thread. False with an exception set if a signal's handler
// raised one between blocks: then none is running, and those that are left are not begun.
bool run_blocks(long count, int threads, Block block, void* context);

// Adds what limits the number of threads to the module; -1 with an exception set if that fails.
int add_threads(PyObject* module);

} // namespace einroute
