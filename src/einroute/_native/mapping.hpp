// Memory of the system's with a header before it: huge pages behind one small page, or the C library's.
#pragma once

#include "blocks.hpp"

#if EINROUTE_HAS_BLOCKS

namespace einroute::blocks {

// What the size of a mapping is rounded up to, where it is small.
constexpr std::size_t GRAIN = std::size_t(64) << 10;

// Memory that was handed out: where it begins and how much there is.
struct Mapping {
    void* data;
    std::size_t capacity;
    bool mapped; // by us, and not the C library's
};

// A mapping of at least so many bytes, and its data; null if the system has none.
void* map(std::size_t size);
// The same data where there is room for another size; null, and nothing is changed, if there is none.
void* remap(const Mapping& mapping, std::size_t size);
void unmap(const Mapping& mapping);

// The C library's, with a header.
void* small(std::size_t size);
void* small_again(void* data, std::size_t size);
void small_free(void* data);

Mapping mapping_of(void* data);

// Whether who takes it next has huge pages.
bool reusable(const Mapping& mapping);
// Lets the system take the pages of a mapping whose contents are done with.
void give_up(const Mapping& mapping);

// Tells AddressSanitizer that the data must not be used, or may be used again.
void poison(const Mapping& mapping);
void unpoison(const Mapping& mapping);

} // namespace einroute::blocks

#endif
