#include "threads.hpp"

#include <atomic>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#define EINROUTE_EXPORT __attribute__((visibility("default")))
#else
#define EINROUTE_EXPORT __declspec(dllexport)
#endif

namespace einroute {

namespace {

using Clock = std::chrono::steady_clock;

// How long blocks run before the calling thread looks whether a signal came.
constexpr std::chrono::milliseconds HEARD{50};
// Among how many the blocks of a job are shared out, at most.
constexpr int SHARES = 64;

// Blocks of a job that one thread begins with. Others take of them when their own are done.
struct alignas(64) Share {
    std::atomic<long> next;
    long end;
};

// Each thread has blocks that follow each other, the same ones at every call: what it wrote or read lies in
// its own core's cache, from where another core gets it in several times the time.
struct Job {
    Block block;
    void* context;
    int count; // of shares
    Share shares[SHARES];
    std::atomic<bool> stopped; // no further block is to be begun
    // How many helpers may come, and how many there are, and whose shares are taken; under the pool's mutex,
    // as is the list.
    int places, active;
    unsigned long long taken;
    Job* following;

    Job(long blocks, int threads, Block block, void* context)
        : block(block), context(context), count(threads < 1        ? 1
                                                : threads < SHARES ? threads
                                                                   : SHARES),
          stopped(false), places(0), active(0), taken(0), following(nullptr) {
        for (int i = 0; i < count; ++i) {
            shares[i].next.store(blocks / count * i + blocks % count * i / count);
            shares[i].end = blocks / count * (i + 1) + blocks % count * (i + 1) / count;
        }
    }

    bool has_more() const {
        for (int i = 0; i < count; ++i) {
            if (shares[i].next.load() < shares[i].end) {
                return true;
            }
        }
        return false;
    }

    // The next block, of one's own share first; -1 if there is none.
    long next(int own) {
        for (int i = 0; i < count && !stopped.load(); ++i) {
            Share& share = shares[(own + i) % count];
            if (share.next.load() < share.end) {
                const long found = share.next.fetch_add(1);
                if (found < share.end) {
                    return found;
                }
            }
        }
        return -1;
    }

    // The share of a helper, the same one at every call where no other has it.
    int share_of(int helper) {
        int own = helper % count;
        for (int i = 0; i < count && (taken >> own & 1); ++i) {
            own = (own + 1) % count;
        }
        taken |= 1ull << own;
        return own;
    }
};

struct Pool {
    std::mutex mutex;
    std::condition_variable wake, idle;
    Job* first = nullptr;
    int helpers = 0;
};

// A pool is never destroyed: helpers sleep in it until the process ends. A child of a fork begins its own.
std::atomic<Pool*> current{nullptr};
std::atomic<int> most{INT_MAX};
thread_local bool inside = false;

#ifndef _WIN32
void forget() {
    current.store(nullptr);
}
#endif

Pool* pool() {
    Pool* there = current.load();
    if (there == nullptr) {
        Pool* made = new (std::nothrow) Pool;
        if (made == nullptr || current.compare_exchange_strong(there, made)) {
            return made;
        }
        delete made;
    }
    return there;
}

void take_part(Job& job, int own) {
    for (long i; (i = job.next(own)) >= 0;) {
        job.block(job.context, i);
    }
}

Job* wanted(const Pool& pool) {
    Job* job = pool.first;
    while (job != nullptr && (job->places == 0 || job->stopped.load() || !job->has_more())) {
        job = job->following;
    }
    return job;
}

void serve(Pool* pool, int helper) {
    inside = true;
    std::unique_lock<std::mutex> lock(pool->mutex);
    for (;;) {
        Job* job = wanted(*pool);
        if (job == nullptr) {
            pool->wake.wait(lock);
            continue;
        }
        --job->places;
        ++job->active;
        const int own = job->share_of(helper);
        lock.unlock();
        take_part(*job, own);
        lock.lock();
        if (--job->active == 0) {
            pool->idle.notify_all();
        }
    }
}

// Starts helpers until there are as many as wanted, or no more are to be had. Signals are not for them.
void start(Pool& pool, int helpers) {
#ifndef _WIN32
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
#endif
    try {
        for (; pool.helpers < helpers; ++pool.helpers) {
            std::thread(serve, &pool, pool.helpers + 1).detach();
        }
    } catch (const std::system_error&) {
    } catch (const std::bad_alloc&) {
    }
#ifndef _WIN32
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
#endif
}

void offer(Pool& pool, Job& job, int helpers) {
    {
        const std::lock_guard<std::mutex> lock(pool.mutex);
        if (pool.helpers < helpers) {
            start(pool, helpers);
        }
        job.places = helpers;
        job.active = 0;
        job.taken = 1; // the caller's
        job.following = pool.first;
        pool.first = &job;
    }
    for (int i = 0; i < helpers; ++i) {
        pool.wake.notify_one();
    }
}

// Takes the job from the list and waits until no helper is at work on it.
void withdraw(Pool& pool, Job& job) {
    std::unique_lock<std::mutex> lock(pool.mutex);
    Job** place = &pool.first;
    while (*place != &job) {
        place = &(*place)->following;
    }
    *place = job.following;
    while (job.active != 0) {
        pool.idle.wait(lock);
    }
}

// Runs blocks for a while, until none is being run; false if some are left.
bool spell(Job& job, int helpers) {
    Pool* shared = helpers > 0 ? pool() : nullptr;
    job.stopped.store(false);
    if (shared != nullptr) {
        offer(*shared, job, helpers);
    }
    const Clock::time_point end = Clock::now() + HEARD;
    inside = true;
    for (long i; (i = job.next(0)) >= 0;) {
        job.block(job.context, i);
        if (Clock::now() > end) {
            job.stopped.store(true);
        }
    }
    inside = false;
    if (shared != nullptr) {
        withdraw(*shared, job);
    }
    return !job.has_more();
}

PyObject* limit(PyObject*, PyObject* given) {
    const long threads = PyLong_AsLong(given);
    if (threads == -1 && PyErr_Occurred()) {
        return nullptr;
    }
    if (threads < 1) {
        PyErr_Format(PyExc_ValueError, "threads is %ld; expected 1 or more", threads);
        return nullptr;
    }
    most.store(threads > INT_MAX ? INT_MAX : static_cast<int>(threads));
    Py_RETURN_NONE;
}

PyObject* limited(PyObject*, PyObject*) {
    return PyLong_FromLong(most.load());
}

PyMethodDef methods[] = {
    {"limit_threads", limit, METH_O,
     "limit_threads(threads, /)\n--\n\nLet no call of the core take more threads than this."},
    {"thread_limit", limited, METH_NOARGS, "thread_limit()\n--\n\nThe most threads that a call may take."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

bool run_blocks(long count, int threads, Block block, void* context) {
    if (threads > most.load()) {
        threads = most.load();
    }
    if (threads > count) {
        threads = static_cast<int>(count);
    }
    if (inside) { // the caller of a block looks for signals
        for (long i = 0; i < count; ++i) {
            block(context, i);
        }
        return true;
    }
    Job job(count, threads, block, context);
    PyThreadState* state = PyEval_SaveThread();
    while (!spell(job, threads - 1)) {
        // No helper has the job now: a handler may fork, and the child's helpers may go on with it.
        PyEval_RestoreThread(state);
        if (PyErr_CheckSignals() < 0) {
            return false;
        }
        state = PyEval_SaveThread();
    }
    PyEval_RestoreThread(state);
    return true;
}

int add_threads(PyObject* module) {
#ifndef _WIN32
    static const bool told = pthread_atfork(nullptr, nullptr, forget) == 0;
    (void)told;
#endif
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute

// For threadpoolctl, which looks for functions of these names.
extern "C" EINROUTE_EXPORT int einroute_get_num_threads() {
    const int most = einroute::most.load(), there = static_cast<int>(std::thread::hardware_concurrency());
    return most < there ? most : there > 0 ? there : 1;
}

extern "C" EINROUTE_EXPORT void einroute_set_num_threads(int threads) {
    einroute::most.store(threads > 0 ? threads : INT_MAX);
}
