#include "blocks.hpp"

#if EINROUTE_HAS_BLOCKS

#include "mapping.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <pthread.h>
#include <signal.h>

namespace einroute::blocks {

namespace {

// The most blocks that are kept, the seconds after which an idle one goes, and which part of a block may
// remain unused.
constexpr int MOST = 64;
constexpr double IDLE = 1.0;
constexpr std::size_t UNUSED = 8;
// What the thread that waits needs, and what the C library puts there for each thread.
constexpr std::size_t STACK = std::size_t(256) << 10;

struct Kept {
    Mapping mapping;
    timespec since;
};

// All of it lives as long as the process, and none of it has a destructor: the thread may outlast `exit`.
struct Pool {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t wake;
    Kept kept[MOST]; // oldest first
    int count = 0;
    std::size_t bytes = 0, limit = 0, reused = 0, freed = 0;
    pthread_t thread;
    bool running = false, ready = false;
    unsigned generation = 0; // of the thread: one that is of another ends
};

Pool pool;

struct Lock {
    Lock() { pthread_mutex_lock(&pool.mutex); }
    ~Lock() { pthread_mutex_unlock(&pool.mutex); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
};

double seconds_since(const timespec& then) {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return double(now.tv_sec - then.tv_sec) + 1e-9 * double(now.tv_nsec - then.tv_nsec);
}

// Takes a kept block out of the list.
Mapping taken(int at) {
    const Mapping mapping = pool.kept[at].mapping;
    pool.bytes -= mapping.capacity;
    --pool.count;
    std::memmove(pool.kept + at, pool.kept + at + 1, sizeof(Kept) * std::size_t(pool.count - at));
    return mapping;
}

// Gives back what is kept beyond some bytes and blocks. The pool is locked.
void shrink(std::size_t bytes, int count) {
    while (pool.count > count || (pool.count > 0 && pool.bytes > bytes)) {
        unmap(taken(0));
    }
}

// What the thread does: gives back what has been idle, until nothing is kept.
void* sweep(void* argument) {
    const unsigned generation = unsigned(reinterpret_cast<std::uintptr_t>(argument));
    Lock lock;
    while (pool.generation == generation && pool.count > 0) {
        if (seconds_since(pool.kept[0].since) >= IDLE) {
            unmap(taken(0));
            continue;
        }
        timespec until = pool.kept[0].since;
        until.tv_sec += time_t(IDLE);
        until.tv_nsec += 1000000;
        if (until.tv_nsec >= 1000000000) {
            ++until.tv_sec;
            until.tv_nsec -= 1000000000;
        }
        pthread_cond_timedwait(&pool.wake, &pool.mutex, &until);
    }
    if (pool.generation == generation) {
        pool.running = false;
        pthread_detach(pthread_self());
    }
    return nullptr;
}

// Starts the thread; signals are for others. False if there is none. The pool is locked.
bool start() {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    pthread_attr_setstacksize(&attributes, STACK);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    void* generation = reinterpret_cast<void*>(std::uintptr_t(pool.generation));
    pool.running = pthread_create(&pool.thread, &attributes, sweep, generation) == 0;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    return pool.running;
}

void before_fork() {
    pthread_mutex_lock(&pool.mutex);
    if (pool.running) {
        pool.running = false;
        ++pool.generation;
        const pthread_t thread = pool.thread;
        pthread_cond_broadcast(&pool.wake);
        pthread_mutex_unlock(&pool.mutex);
        pthread_join(thread, nullptr);
        pthread_mutex_lock(&pool.mutex);
    }
    shrink(0, 0);
}

void after_fork() {
    pthread_mutex_unlock(&pool.mutex);
}

// In a child: a thread that another one started while the first waited for the fork is not here.
void in_child() {
    pool.running = false;
    ++pool.generation;
    pthread_mutex_unlock(&pool.mutex);
}

// What is done once in a process. False if it cannot be. The pool is locked.
bool prepare() {
    if (!pool.ready) {
        pthread_condattr_t attributes;
        if (pthread_condattr_init(&attributes) != 0) {
            return false;
        }
        const bool made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                          pthread_cond_init(&pool.wake, &attributes) == 0;
        pthread_condattr_destroy(&attributes);
        pool.ready = made && pthread_atfork(before_fork, after_fork, in_child) == 0;
    }
    return pool.ready;
}

// The smallest kept block that a size fills well; -1 if there is none. The pool is locked.
int best(std::size_t size) {
    int found = -1;
    for (int i = pool.count - 1; i >= 0; --i) {
        const std::size_t capacity = pool.kept[i].mapping.capacity;
        if (capacity >= size && capacity - size <= size / UNUSED + GRAIN &&
            (found < 0 || capacity < pool.kept[found].mapping.capacity)) {
            found = i;
        }
    }
    return found;
}

} // namespace

void* allocate_block(std::size_t size) {
    {
        Lock lock;
        const int at = best(size);
        if (at >= 0) {
            ++pool.reused;
            const Mapping mapping = taken(at);
            unpoison(mapping);
            return mapping.data;
        }
    }
    void* data = map(size);
    if (data == nullptr) { // what is kept may be what is missing
        clear();
        data = map(size);
    }
    return data;
}

namespace {

// Keeps a block, or gives it back.
void put(const Mapping& mapping) {
    {
        Lock lock;
        if (mapping.capacity <= pool.limit && reusable(mapping)) {
            shrink(pool.limit - mapping.capacity, MOST - 1);
            Kept& kept = pool.kept[pool.count];
            kept.mapping = mapping;
            clock_gettime(CLOCK_MONOTONIC, &kept.since);
            if (pool.running || start()) {
                poison(mapping);
                if (mapping.capacity >= LARGE) {
                    give_up(mapping);
                }
                ++pool.count;
                pool.bytes += mapping.capacity;
                return;
            }
        }
    }
    unmap(mapping);
}

} // namespace

void* allocate(std::size_t size) {
    return size >= LARGE ? allocate_block(size) : small(size);
}

void* allocate_zeroed(std::size_t size) {
    void* data = allocate(size);
    if (data != nullptr) {
        std::memset(data, 0, size);
    }
    return data;
}

void* reallocate(void* data, std::size_t size) {
    if (data == nullptr) {
        return allocate(size);
    }
    const Mapping mapping = mapping_of(data);
    if (mapping.mapped == (size >= LARGE)) {
        return mapping.mapped ? remap(mapping, size) : small_again(data, size);
    }
    void* moved = allocate(size);
    if (moved != nullptr) {
        std::memcpy(moved, data, size < mapping.capacity ? size : mapping.capacity);
        release(data);
    }
    return moved;
}

void release(void* data) {
    if (data == nullptr) {
        return;
    }
    const Mapping mapping = mapping_of(data);
    if (mapping.mapped) {
        put(mapping);
    } else {
        small_free(data);
    }
    __atomic_fetch_add(&pool.freed, 1, __ATOMIC_RELAXED);
}

void limit(std::size_t bytes) {
    Lock lock;
    pool.limit = prepare() ? bytes : 0;
    shrink(pool.limit, MOST);
}

void clear() {
    Lock lock;
    pool.reused = 0;
    shrink(0, 0);
}

Info info() {
    Lock lock;
    return {std::size_t(pool.count), pool.bytes, pool.limit, pool.reused,
            __atomic_load_n(&pool.freed, __ATOMIC_RELAXED)};
}

} // namespace einroute::blocks

#endif
