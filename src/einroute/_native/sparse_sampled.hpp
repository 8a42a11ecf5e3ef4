// What the kernels of sampled products are given: dense factors that are looked up where a sparse operand has
// entries. No Python here.
#pragma once

#include <cstddef>

namespace einroute {

constexpr int SAMPLED_AXES = 32, SAMPLED_FACTORS = 8;
// Entries whose products are summed by themselves, however many threads there are.
constexpr std::ptrdiff_t SAMPLED_PART = 1 << 14;
// Bytes of the sum of a part.
constexpr std::ptrdiff_t SAMPLED_SLOT = 16;

// A dense operand: its element at an entry lies at `data` plus the steps of the entry's coordinates. Labels
// that the sparse operand lacks are one inner one and those that `outer` has offsets for.
struct SampledFactor {
    const char* data;
    std::ptrdiff_t step[SAMPLED_AXES];
    int only; // the one axis whose step is not 0; -1 where there are none or several
    std::ptrdiff_t inner;
    const std::ptrdiff_t* outer;
};

enum class SampledResult {
    Values, // out[k]: one for each entry
    Total,  // one sum for each part, in its slot
    Sums,   // added at `out` plus the steps of the coordinates; out holds zeros
};

struct Sampled {
    // The entries. Coordinates are compared, as they are used, with `length`; one that is out of range stands
    // for 0. Those of the compressed axis follow from the pointers.
    int axes;
    const void* index[SAMPLED_AXES];
    std::ptrdiff_t length[SAMPLED_AXES];
    int same[SAMPLED_AXES]; // an axis before whose coordinate is to be the same, or -1
    bool used[SAMPLED_AXES], repeated;
    const void* indptr;
    std::ptrdiff_t lines;
    int line; // the compressed axis, or -1
    const char* data;
    std::ptrdiff_t entries;
    // The dense operands; those before `rows` have the inner label.
    int factors, rows;
    SampledFactor factor[SAMPLED_FACTORS];
    std::ptrdiff_t inner, outer; // extents: 1 where there are none
    bool summed;                 // whether the inner label is summed
    bool adds;                   // whether labels that the sparse operand lacks are in the result
    SampledResult result;
    char* out;
    std::ptrdiff_t out_step[SAMPLED_AXES], out_inner;
    const std::ptrdiff_t* out_outer;
    unsigned char* held; // of sums that lie side by side: set where there is an entry; or null
};

// Entries low to high; only those whose coordinate along an axis is in a range, unless that is -1.
struct SampledPart {
    std::ptrdiff_t low, high;
    int axis;
    std::ptrdiff_t from, to;
    char* slot;
};

// The kernels of a dtype and an index type.
struct SampledKernels {
    bool (*part)(const Sampled&, const SampledPart&); // whether all indices were in range
    bool (*finite)(const Sampled&);                   // whether sums are where there are entries
    void (*total)(const char* slots, std::ptrdiff_t count, char* out);
};

// The kernels of an instruction set: of 32-bit indices, and of 64-bit ones.
struct SampledTypes {
    SampledKernels uint8[2], uint16[2], uint32[2], uint64[2], float32[2], float64[2], complex64[2],
        complex128[2], truth[2];
};

const SampledTypes& sampled_kernels();

} // namespace einroute
