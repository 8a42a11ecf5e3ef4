// The steps of a network as loops on one buffer, with nothing to decide in between. No Python here.
#pragma once

#include "network_loop.hpp"

namespace einroute {

// A step: which loop, and where the places of its operands and then of its result begin among all places.
struct NetworkStep {
    std::uint32_t loop, places;
};

// An array as it is seen: sizes, and strides in bytes.
struct Seen {
    int ndim;
    std::vector<std::ptrdiff_t> size, stride;
};

struct NetworkProgram {
    Element element;
    std::vector<NetworkLoop> loops;
    std::vector<NetworkStep> steps;
    // Bytes from the start of the buffer; -1 - i is operand i.
    std::vector<std::ptrdiff_t> places;
    std::vector<std::ptrdiff_t> given; // elements of each operand
    std::ptrdiff_t size;               // bytes of the buffer
    std::size_t work;                  // that any loop needs
    Seen result;
    std::ptrdiff_t result_at;
    bool direct; // the last step may write a C-ordered result itself
    double products;
};

// Checks that every place lies in what it is in, and prepares the rest. Null, or what is wrong.
const char* complete_program(NetworkProgram& program);

// Runs it on C-ordered, aligned operands. `result` takes what the last step makes, where it may; else null.
// The floating-point flags that were raised are put into `flags`. False where it was ended.
bool run_network(const NetworkProgram& program, const char* const* operands, char* buffer, char* work,
                 char* result, int& flags, Pause pause, void* context);

// Copies an array into another of the same sizes, any strides.
void copy_strided(int ndim, const std::ptrdiff_t* size, std::ptrdiff_t item, const char* from,
                  const std::ptrdiff_t* from_strides, char* to, const std::ptrdiff_t* to_strides);

} // namespace einroute
