// Large blocks of memory from the system, and a bounded pool of those that were freed. No Python here.
//
// A freed block is kept with its pages, so that who takes it next pays for no page faults. Kept blocks are
// counted against a limit, oldest out first; the system may take their pages where it is short of memory; a
// thread that sleeps gives them back for good when they were idle for a second, and ends with the last one.
// A fork gives them back before, and ends the thread, so that a child has neither.
#pragma once

#include <cstddef>

#if defined(__linux__)
#define EINROUTE_HAS_BLOCKS 1
#else
#define EINROUTE_HAS_BLOCKS 0
#endif

namespace einroute::blocks {

// Bytes from which blocks are taken from the pool. glibc's malloc gives 32 MiB and more back to the system at
// each free; and of two in turn that are a little smaller, what lies at the end of its heap.
constexpr std::size_t LARGE = std::size_t(30) << 20;

// The same for intermediates, which go soon and come again at the next call: what malloc has of them at the
// end of its heap, it may give back after every call.
constexpr std::size_t BRIEF = std::size_t(256) << 10;

struct Info {
    std::size_t count, bytes; // that are kept
    std::size_t limit;
    std::size_t reused, freed; // blocks taken from those that were kept; frees of anything
};

#if EINROUTE_HAS_BLOCKS

// As malloc, calloc, realloc and free; smaller sizes are the C library's. Aligned to 64 bytes.
void* allocate(std::size_t size);
void* allocate_block(std::size_t size); // from the pool, whatever its size
void* allocate_zeroed(std::size_t size);
void* reallocate(void* data, std::size_t size);
void release(void* data);

// The most bytes that are kept; blocks beyond go.
void limit(std::size_t bytes);
void clear();
Info info();

#endif

} // namespace einroute::blocks
