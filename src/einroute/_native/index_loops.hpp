// Labels read and made indices, a stretch at a time. No Python here.
#pragma once

#include "label_loops.hpp"

namespace einroute {

// What labels that lie below a length, which is not 0, count in an index; and what the coordinate counts.
struct Scaled {
    std::uint64_t length, scale;
    std::int64_t base, step;
};

struct IndexLoops {
    // Reads labels that are `stride` bytes apart, each once; whether all lie within their length, which is
    // not 0.
    bool (*read)(const Labels& labels, const char* from, std::ptrdiff_t stride, std::ptrdiff_t count,
                 std::int64_t* to);
    // Makes labels that were read indices; -1 where one is no class, unless all are `good`.
    void (*scale)(const Scaled& scaled, bool good, std::ptrdiff_t count, std::int64_t* labels);
    // Adds what other labels count to indices; -1 where either is none, unless all are `good`.
    void (*add)(const Scaled& scaled, bool good, const std::int64_t* labels, std::ptrdiff_t count,
                std::int64_t* index);
    // Makes indices -1 where other labels are not the same.
    void (*match)(const std::int64_t* labels, std::ptrdiff_t count, std::int64_t* index);
};

// Those of the instruction set that runs.
const IndexLoops& index_loops();

} // namespace einroute
