#include "network_loop.hpp"

#include "float_status.hpp"

#include <algorithm>
#include <cstring>

namespace einroute {

namespace {

// Products between two looks at what interrupts.
constexpr double UNINTERRUPTED = 2e7;

// What of a walk is asked for, without the rest of its rows.
void copy_walk(const Walk& from, Walk& to) {
    to.operands = from.operands;
    to.kept = from.kept;
    to.loops = from.loops;
    to.summed = from.summed;
    std::memcpy(to.size, from.size, from.loops * sizeof from.size[0]);
    std::memcpy(to.stride, from.stride, from.loops * sizeof from.stride[0]);
}

void run_parts(const NetworkLoop& loop, const char* data, char* out, char* work) {
    Walk walk;
    copy_walk(loop.walk, walk);
    const std::ptrdiff_t whole = walk.size[loop.split];
    for (std::ptrdiff_t p = 0; p < loop.parts; ++p) {
        const std::ptrdiff_t begin = p * loop.part;
        walk.size[loop.split] = std::min(loop.part, whole - begin);
        walk.data[0] = data + begin * walk.stride[loop.split][0];
        walk.out = work + p * loop.reach[1];
        loop.run(walk);
    }
    copy_walk(loop.together, walk);
    walk.data[0] = work;
    walk.out = out;
    loop.run(walk);
}

// One turn of the outer loops.
void run_once(const NetworkLoop& loop, const char* const* data, char* out, char* work) {
    if (loop.way == Way::Blas) {
        return multiply(loop.gemm, data[0], data[1], out);
    }
    if (loop.way == Way::Kernel) {
        Problem problem;
        problem.a = data[0];
        problem.b = data[1];
        problem.out = out;
        problem.count = loop.problem.count;
        std::memcpy(problem.axes, loop.problem.axes, problem.count * sizeof problem.axes[0]);
        problem.work = work;
        return loop.kernel(problem);
    }
    if (loop.way == Way::Parts) {
        return run_parts(loop, data[0], out, work);
    }
    Walk walk;
    copy_walk(loop.walk, walk);
    for (int i = 0; i < loop.operands; ++i) {
        walk.data[i] = data[i];
    }
    walk.out = out;
    loop.run(walk);
}

// A turn that forms many products, in pieces of a kept loop; false where it was ended.
bool run_pieces(const NetworkLoop& loop, const char* const* data, char* out, double products,
                Pauses& pauses) {
    Walk walk;
    copy_walk(loop.walk, walk);
    int longest = 0;
    for (int l = 1; l < walk.kept; ++l) {
        longest = walk.size[l] > walk.size[longest] ? l : longest;
    }
    const std::ptrdiff_t whole = walk.size[longest];
    const double each = products / static_cast<double>(whole);
    const std::ptrdiff_t piece =
        std::max<std::ptrdiff_t>(1, static_cast<std::ptrdiff_t>(UNINTERRUPTED / each));
    const std::ptrdiff_t* by = walk.stride[longest];
    for (std::ptrdiff_t from = 0; from < whole; from += piece) {
        walk.size[longest] = std::min(piece, whole - from);
        for (int i = 0; i < loop.operands; ++i) {
            walk.data[i] = data[i] + from * by[i];
        }
        walk.out = out + from * by[loop.operands];
        loop.run(walk);
        if (!pauses.formed(each * static_cast<double>(walk.size[longest]))) {
            return false;
        }
    }
    return true;
}

bool run_turn(const NetworkLoop& loop, const char* const* data, char* out, char* work, double products,
              Pauses& pauses) {
    if (loop.way == Way::Walk && loop.walk.kept > 0 && products > UNINTERRUPTED) {
        return run_pieces(loop, data, out, products, pauses);
    }
    run_once(loop, data, out, work);
    return pauses.formed(products);
}

} // namespace

bool Pauses::formed(double products) {
    since += products;
    if (since <= UNINTERRUPTED) {
        return true;
    }
    since = 0;
    flags |= read_status();
    const bool goes_on = pause(context);
    clear_status();
    return goes_on;
}

bool run_loop(const NetworkLoop& loop, const char* const* data, char* out, char* work, Pauses& pauses) {
    const int outer = static_cast<int>(loop.outer_size.size());
    if (outer == 0) {
        return run_turn(loop, data, out, work, loop.products, pauses);
    }
    double products = loop.products; // of a turn
    for (const std::ptrdiff_t size : loop.outer_size) {
        products /= static_cast<double>(size);
    }
    const int columns = loop.operands + 1;
    std::ptrdiff_t index[MAX_AXES] = {0}; // each is 2 and more, so that there are fewer
    const char* at[MAX_OPERANDS];
    std::copy(data, data + loop.operands, at);
    const auto move = [&](int l, std::ptrdiff_t times) {
        const std::ptrdiff_t* by = loop.outer_stride.data() + l * columns;
        for (int i = 0; i < loop.operands; ++i) {
            at[i] += times * by[i];
        }
        out += times * by[loop.operands];
    };
    for (;;) {
        if (!run_turn(loop, at, out, work, products, pauses)) {
            return false;
        }
        int l = outer - 1;
        for (; l >= 0; --l) {
            move(l, 1);
            if (++index[l] < loop.outer_size[l]) {
                break;
            }
            index[l] = 0;
            move(l, -loop.outer_size[l]);
        }
        if (l < 0) {
            return true;
        }
    }
}

} // namespace einroute
