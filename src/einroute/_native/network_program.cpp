#include "network_program.hpp"

#include "float_status.hpp"

#include <algorithm>
#include <cstring>

namespace einroute {

namespace {

// Whether an array lies in C order without gaps.
bool is_c_ordered(const Seen& seen, std::ptrdiff_t item) {
    std::ptrdiff_t reach = item;
    for (int d = seen.ndim - 1; d >= 0; --d) {
        if (seen.size[d] != 1 && seen.stride[d] != reach) {
            return false;
        }
        reach *= seen.size[d];
    }
    return true;
}

bool lies_within(const NetworkProgram& program, std::ptrdiff_t place, std::ptrdiff_t reach, bool written) {
    if (place >= 0) {
        return place <= program.size && reach <= program.size - place;
    }
    const std::size_t operand = static_cast<std::size_t>(-1 - place);
    return !written && operand < program.given.size() &&
           reach <= program.given[operand] * item_size(program.element);
}

} // namespace

const char* complete_program(NetworkProgram& program) {
    program.work = 0;
    program.products = 0;
    for (const NetworkStep& step : program.steps) {
        const NetworkLoop& loop = program.loops[step.loop];
        for (int i = 0; i <= loop.operands; ++i) {
            if (!lies_within(program, program.places[step.places + i], loop.reach[i], i == loop.operands)) {
                return "a step reaches beyond the buffer or an operand";
            }
        }
        program.work = std::max(program.work, loop.work);
        program.products += loop.products;
    }
    std::ptrdiff_t reach = item_size(program.element);
    for (int d = 0; d < program.result.ndim; ++d) {
        reach += (program.result.size[d] - 1) * program.result.stride[d];
    }
    if (!lies_within(program, program.result_at, reach, false)) {
        return "the result lies beyond the buffer or an operand";
    }
    program.direct = false;
    if (!program.steps.empty() && is_c_ordered(program.result, item_size(program.element))) {
        const NetworkStep& last = program.steps.back();
        program.direct = program.places[last.places + program.loops[last.loop].operands] == program.result_at;
    }
    return nullptr;
}

bool run_network(const NetworkProgram& program, const char* const* operands, char* buffer, char* work,
                 char* result, int& flags, Pause pause, void* context) {
    Pauses pauses{pause, context};
    clear_status();
    const NetworkStep* const end = program.steps.data() + program.steps.size();
    for (const NetworkStep* step = program.steps.data(); step != end; ++step) {
        const NetworkLoop& loop = program.loops[step->loop];
        const std::ptrdiff_t* places = program.places.data() + step->places;
        const char* data[MAX_OPERANDS];
        for (int i = 0; i < loop.operands; ++i) {
            data[i] = places[i] < 0 ? operands[-1 - places[i]] : buffer + places[i];
        }
        char* out = result != nullptr && step + 1 == end ? result : buffer + places[loop.operands];
        if (loop.silent) { // its own flags are not told
            pauses.flags |= read_status();
        }
        const int before = pauses.flags;
        if (!run_loop(loop, data, out, work, pauses)) {
            return false;
        }
        if (loop.silent) {
            clear_status();
            pauses.flags = before;
        }
    }
    flags = pauses.flags | read_status();
    return true;
}

void copy_strided(int ndim, const std::ptrdiff_t* size, std::ptrdiff_t item, const char* from,
                  const std::ptrdiff_t* from_strides, char* to, const std::ptrdiff_t* to_strides) {
    if (ndim == 0) {
        std::memcpy(to, from, item);
        return;
    }
    const std::ptrdiff_t by = *from_strides, by_out = *to_strides;
    if (ndim == 1 && by == item && by_out == item) {
        std::memcpy(to, from, item * *size);
        return;
    }
    if (ndim == 1 && item == 8) {
        for (std::ptrdiff_t i = 0; i < *size; ++i, from += by, to += by_out) {
            std::memcpy(to, from, 8);
        }
        return;
    }
    for (std::ptrdiff_t i = 0; i < *size; ++i, from += by, to += by_out) {
        copy_strided(ndim - 1, size + 1, item, from, from_strides + 1, to, to_strides + 1);
    }
}

} // namespace einroute
