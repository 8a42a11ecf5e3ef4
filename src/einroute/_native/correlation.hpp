// Circular correlations: sums along windows of a ring. No Python here.
#pragma once

#include <cstddef>

namespace einroute {

// out[i] = sum over j of factors[j] * ring[(first + i + step * j) mod length].
//
// Terms are added in their order, 32 at a time, 32 such sums at a time: each sum's bits depend on nothing but
// its terms. The ring lies without gaps, as does the result; a bool is any byte but 0.
struct Correlation {
    const char* ring;
    std::ptrdiff_t length, first, step; // all in elements; first from 0, step from -length, to before length
    const char* factors;
    std::ptrdiff_t terms, by_term; // the latter in bytes
    char* out;
};

// Results first to before last. Where one begins does not matter to the others.
using Correlate = void (*)(const Correlation& correlation, std::ptrdiff_t first, std::ptrdiff_t last);

// The loops of one instruction set: the same bits for all of them. Integers wrap, so a sign does not matter.
struct CorrelationKernels {
    Correlate single, twice, complex_single, complex_twice, int8, int16, int32, int64, truth;
};

const CorrelationKernels& correlation_kernels();

} // namespace einroute
