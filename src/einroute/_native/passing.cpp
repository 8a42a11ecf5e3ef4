#include "passing.hpp"

#include "blocks_of_pass.hpp"
#include "elements.hpp"
#include "float_status.hpp"
#include "held.hpp"
#include "isa.hpp"
#include "threads.hpp"

#include <cstdlib>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Iterations from which the GIL is released.
constexpr double RELEASED = 20000;

// A contiguous result of parts: its strides, and its bytes as a multiple of a vector's.
ptrdiff_t lay_out(const Nest& nest, ptrdiff_t (&strides)[MAX_DEPTH]) {
    ptrdiff_t bytes = nest.item;
    for (int i = nest.count - 1; i >= 0; --i) {
        strides[i] = nest.loops[i].summed ? 0 : bytes;
        bytes *= nest.loops[i].summed ? 1 : nest.loops[i].size;
    }
    return (bytes + VECTOR - 1) / VECTOR * VECTOR;
}

// Adds the parts pairwise, and copies their sum to the result.
bool put_together(Pass& pass, char* parts, int threads) {
    clear_status(); // helpers may have run all blocks
    for (long apart = 1; apart < pass.cut.splits; apart *= 2) {
        for (long i = 0; i + apart < pass.cut.splits; i += 2 * apart) {
            pass.kernels.add(parts + i * pass.apart, parts + (i + apart) * pass.apart, pass.apart);
        }
    }
    pass.flags |= read_status();
    clear_status();
    Nest copy{1, {parts}, pass.nest.out, pass.nest.item, 0, {}};
    for (int i = 0; i < pass.nest.count; ++i) {
        const Loop& loop = pass.nest.loops[i];
        if (!loop.summed) {
            copy.loops[copy.count++] = {loop.size, {pass.strides[i]}, loop.out, false};
        }
    }
    simplify(copy);
    int flags = 0;
    return einroute::pass(copy, *copies_of(copy.item), threads, flags);
}

} // namespace

const TypeKernels* kernels_of(char character) {
    Element element;
    return element_of(character, element) ? of_element(box_kernels(), element) : nullptr;
}

const TypeKernels* copies_of(std::ptrdiff_t item) {
    const BoxKernels& all = box_kernels();
    switch (item) {
    case 1:
        return &all.uint8;
    case 2:
        return &all.uint16;
    case 4:
        return &all.uint32;
    case 8:
        return &all.uint64;
    case 16:
        return &all.complex128;
    default:
        return nullptr;
    }
}

Transpose transpose_of(std::ptrdiff_t item) {
    const BoxKernels& all = box_kernels();
    return item == 1   ? all.transpose1
           : item == 2 ? all.transpose2
           : item == 4 ? all.transpose4
           : item == 8 ? all.transpose8
                       : all.transpose16;
}

bool pass(Nest& nest, const TypeKernels& kernels, int threads, int& flags) {
    Pass shared{nest, cut_of(nest), kernels, transpose_of(nest.item), nest.out, {0}, 0};
    const Cut& cut = shared.cut;
    Memory parts;
    if (cut.splits > 1) {
        shared.apart = lay_out(nest, shared.strides);
        // Zeros, since what lies between the parts is added too.
        parts.reset(static_cast<char*>(
            std::calloc(static_cast<std::size_t>(cut.splits), static_cast<std::size_t>(shared.apart))));
        shared.failed = !parts;
        shared.to = parts.get();
    } else {
        for (int i = 0; i < nest.count; ++i) {
            shared.strides[i] = nest.loops[i].out;
        }
    }
    const long count = cut.blocks * cut.splits;
    if (!shared.failed && cut.iterations < RELEASED) {
        run_pass_block(&shared, 0);
    } else if (!shared.failed && !run_blocks(count, threads, run_pass_block, &shared)) {
        return false;
    }
    if (shared.failed) {
        PyErr_NoMemory();
        return false;
    }
    const bool done = !parts || put_together(shared, parts.get(), threads);
    flags = shared.flags;
    return done;
}

} // namespace einroute
