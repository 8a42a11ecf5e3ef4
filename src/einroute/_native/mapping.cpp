#include "mapping.hpp"

#if EINROUTE_HAS_BLOCKS

#include <cstdint>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EINROUTE_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define EINROUTE_ASAN 1
#endif
#ifdef EINROUTE_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace einroute::blocks {

namespace {

// Bytes of a huge page where pages are of 4 KiB; elsewhere this is an alignment like another.
constexpr std::size_t HUGE_PAGE = std::size_t(2) << 20;
constexpr std::size_t BEFORE = 64; // of the header, which keeps the alignment

struct Header {
    std::size_t capacity;
    bool mapped;
};

static_assert(sizeof(Header) <= BEFORE);

Header* header_of(void* data) {
    return reinterpret_cast<Header*>(static_cast<char*>(data) - BEFORE);
}

std::size_t page() {
    static const std::size_t size = std::size_t(sysconf(_SC_PAGESIZE));
    return size;
}

// Huge pages are asked for where NumPy asks for them.
bool huge() {
    static const bool wanted = [] {
        const char* said = std::getenv("NUMPY_MADVISE_HUGEPAGE");
        return said == nullptr || *said != '0';
    }();
    return wanted;
}

std::size_t rounded(std::size_t size, std::size_t to = HUGE_PAGE) {
    return (size + to - 1) / to * to;
}

std::size_t capacity_for(std::size_t size) {
    return rounded(size, size >= LARGE ? HUGE_PAGE : GRAIN);
}

} // namespace

void* map(std::size_t size) {
    const std::size_t capacity = capacity_for(size), total = page() + capacity + HUGE_PAGE;
    if (capacity < size || total < capacity) {
        return nullptr;
    }
    void* mapped = mmap(nullptr, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
        return nullptr;
    }
    char* first = static_cast<char*>(mapped);
    char* data = reinterpret_cast<char*>(rounded(reinterpret_cast<std::uintptr_t>(first) + page()));
    char *begin = data - page(), *end = data + capacity;
    if (begin > first) {
        munmap(first, std::size_t(begin - first));
    }
    if (first + total > end) {
        munmap(end, std::size_t(first + total - end));
    }
#ifdef MADV_HUGEPAGE
    if (huge()) {
        madvise(begin, page() + capacity, MADV_HUGEPAGE);
    }
#endif
    *header_of(data) = {capacity, true};
    return data;
}

void* remap(const Mapping& mapping, std::size_t size) {
    const std::size_t capacity = capacity_for(size);
    if (capacity < size || capacity + page() < capacity) {
        return nullptr;
    }
    if (capacity == mapping.capacity) {
        return mapping.data;
    }
    void* begin = static_cast<char*>(mapping.data) - page();
    void* moved = mremap(begin, page() + mapping.capacity, page() + capacity, MREMAP_MAYMOVE);
    if (moved == MAP_FAILED) {
        return nullptr;
    }
    void* data = static_cast<char*>(moved) + page();
    header_of(data)->capacity = capacity;
    return data;
}

void unmap(const Mapping& mapping) {
    unpoison(mapping);
    munmap(static_cast<char*>(mapping.data) - page(), page() + mapping.capacity);
}

void* small(std::size_t size) {
    return small_again(nullptr, size);
}

void* small_again(void* data, std::size_t size) {
    if (size > SIZE_MAX - BEFORE) {
        return nullptr;
    }
    void* before = data == nullptr ? nullptr : static_cast<char*>(data) - BEFORE;
    void* memory = std::realloc(before, BEFORE + size);
    if (memory == nullptr) {
        return nullptr;
    }
    data = static_cast<char*>(memory) + BEFORE;
    *header_of(data) = {size, false};
    return data;
}

void small_free(void* data) {
    std::free(static_cast<char*>(data) - BEFORE);
}

Mapping mapping_of(void* data) {
    const Header* header = header_of(data);
    return {data, header->capacity, header->mapped};
}

bool reusable(const Mapping& mapping) {
    return reinterpret_cast<std::uintptr_t>(mapping.data) % HUGE_PAGE == 0;
}

void give_up(const Mapping& mapping) {
#ifdef MADV_FREE
    madvise(mapping.data, mapping.capacity, MADV_FREE);
#else
    (void)mapping;
#endif
}

void poison(const Mapping& mapping) {
#ifdef EINROUTE_ASAN
    ASAN_POISON_MEMORY_REGION(mapping.data, mapping.capacity);
#else
    (void)mapping;
#endif
}

void unpoison(const Mapping& mapping) {
#ifdef EINROUTE_ASAN
    ASAN_UNPOISON_MEMORY_REGION(mapping.data, mapping.capacity);
#else
    (void)mapping;
#endif
}

} // namespace einroute::blocks

#endif
