// What kernels are given: a product of two operands as axes with strides. No Python here.
#pragma once

#include <cstddef>

namespace einroute {

// The most axes of a problem, and the most elements of its rows, its columns and its sums.
constexpr int MAX_AXES = 64;
constexpr std::ptrdiff_t MAX_EXTENT = 64;

// What an axis is: in both operands and the result, or in either and the result, or in both and summed.
enum class Role { Loop, Row, Column, Sum };

// Strides are in bytes; 0 where an operand lacks the axis.
struct Axis {
    Role role;
    std::ptrdiff_t size;
    std::ptrdiff_t a, b, out;
};

// out[loops, rows, columns] = sum of a[loops, rows, sums] * b[loops, sums, columns], added in the order of
// the sums. No axis has length 0.
struct Problem {
    const char* a;
    const char* b;
    char* out;
    int count;
    Axis axes[MAX_AXES];
    void* work; // of `workspace` bytes
};

// Offsets in bytes of the elements of rows, columns or sums, whatever axes they are made of.
struct Offsets {
    int size;
    std::ptrdiff_t *x, *y;
};

// The axes of a problem with that of the lanes: the first operand has the rows and the second the columns.
struct Arranged {
    bool turned;                                      // the problem's second operand is the first
    std::ptrdiff_t size, by_first, by_second, by_out; // of the lanes
    int loops;
    Axis* loop;
    Offsets rows, columns, sums;
    bool summed, even; // whether all sums are as far apart in memory as the next
};

// Memory for what is arranged: as many axes as the problem has, and two offsets for each element of its rows,
// columns and sums.
struct Room {
    Axis* axes;
    std::ptrdiff_t* offsets;
};

// Bytes that a kernel needs for the rows, columns and sums of a problem.
constexpr std::size_t workspace(std::ptrdiff_t rows, std::ptrdiff_t columns, std::ptrdiff_t sums) {
    return static_cast<std::size_t>((rows * sums + sums * columns) * 96 + 64);
}

using Kernel = void (*)(const Problem&);
// The two halves of a kernel: how it goes through axes, whatever the addresses, and going through them.
using Arranging = void (*)(const Problem&, const Room&, Arranged&);
using Run = void (*)(const Arranged&, const char* a, const char* b, char* out, void* work);
// About how many instructions a problem takes, whose addresses do not matter.
using Pricing = double (*)(const Problem&);

// The kernels of one instruction set, by dtype.
struct Kernels {
    Kernel float32, float64, complex64, complex128;
    Pricing price_float32, price_float64, price_complex64, price_complex128;
    Arranging arrange_float32, arrange_float64, arrange_complex64, arrange_complex128;
    Run run_float32, run_float64, run_complex64, run_complex128;
};

// Those of one dtype, whatever the instruction set.
struct KernelOf {
    Kernel Kernels::* whole;
    Pricing Kernels::* price;
    Arranging Kernels::* arrange;
    Run Kernels::* run;
};

} // namespace einroute
