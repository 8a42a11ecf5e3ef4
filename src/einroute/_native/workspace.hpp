// Memory of one run. No Python here.
#pragma once

#include "blocks.hpp"

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace einroute {

// Memory that a run takes and gives back: large ones from the pool, so that a repeated call finds its pages.
// Null where there is none.
inline void* take_memory(std::size_t size) {
#if EINROUTE_HAS_BLOCKS
    const bool pooled = size >= blocks::BRIEF && size <= blocks::info().limit;
    return pooled ? blocks::allocate_block(size) : blocks::allocate(size);
#else
    return std::malloc(size);
#endif
}

struct GiveBack {
    void operator()(void* data) const {
#if EINROUTE_HAS_BLOCKS
        blocks::release(data);
#else
        std::free(data);
#endif
    }
};

// So many numbers, not set. At least one, so that null says that there is no memory.
template <class R> using Workspace = std::unique_ptr<R[], GiveBack>;

template <class R> Workspace<R> workspace(std::ptrdiff_t count) {
    return Workspace<R>(static_cast<R*>(take_memory((static_cast<std::size_t>(count) + 1) * sizeof(R))));
}

} // namespace einroute
