// A pass over a nest: its blocks on threads.
#pragma once

#include "nest.hpp"
#include "numpy_api.hpp"

namespace einroute {

// The kernels for elements of a dtype, by its character or by the bytes of an element; null if there are
// none.
const TypeKernels* kernels_of(char character);
const TypeKernels* copies_of(std::ptrdiff_t item);

// The transpose of elements of so many bytes.
Transpose transpose_of(std::ptrdiff_t item);

// Runs a nest, which is simplified, on up to `threads` threads; the floating-point flags that were raised are
// put into `flags`, and this thread's are clean then. False with an exception set if there is no memory, or a
// signal's handler raised one: the result is incomplete then.
bool pass(Nest& nest, const TypeKernels& kernels, int threads, int& flags);

} // namespace einroute
