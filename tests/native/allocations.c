// Loaded before the C library (LD_PRELOAD): counts allocations while it is armed, and lets one fail, or all from
// one on. Of glibc.

#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

static long counted, first, last; // numbers of allocations that fail; none is armed where first is 0

static int fails(void) {
    if (!__atomic_load_n(&first, __ATOMIC_RELAXED)) {
        return 0;
    }
    const long number = __atomic_add_fetch(&counted, 1, __ATOMIC_RELAXED);
    if (number < first || number > last) {
        return 0;
    }
    errno = ENOMEM;
    return 1;
}

__attribute__((visibility("default"))) void allocations_fail(long from, long to) {
    counted = 0;
    last = to;
    first = from;
}

__attribute__((visibility("default"))) long allocations_counted(void) {
    first = 0;
    return counted;
}

void* malloc(size_t size) {
    return fails() ? NULL : __libc_malloc(size);
}

void* calloc(size_t count, size_t size) {
    return fails() ? NULL : __libc_calloc(count, size);
}

void* realloc(void* data, size_t size) {
    return fails() ? NULL : __libc_realloc(data, size);
}

void* memalign(size_t alignment, size_t size) {
    return fails() ? NULL : __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) {
    return memalign(alignment, size);
}

int posix_memalign(void** to, size_t alignment, size_t size) {
    void* data = fails() ? NULL : __libc_memalign(alignment, size);
    if (data == NULL) {
        return ENOMEM;
    }
    *to = data;
    return 0;
}

void* mmap(void* address, size_t length, int protection, int flags, int file, off_t offset) {
    return fails() ? MAP_FAILED : (void*)syscall(SYS_mmap, address, length, protection, flags, file, offset);
}
