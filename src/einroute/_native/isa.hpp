// Which instruction set's kernels run: chosen once, when the module is loaded.
#pragma once

#include "box.hpp"
#include "elements.hpp"
#include "problem.hpp"
#include "sparse_box.hpp"

namespace einroute {

// The best set that this machine has, none above `cap` (empty: no cap). False if `cap` names none.
bool choose_isa(const char* cap);

const char* isa_name();
const Kernels& kernels();
// Those of a dtype; null where there are none.
const KernelOf* kernel_of(Element element);
const BoxKernels& box_kernels();
const SparseTypes& sparse_kernels();

// The names of the sets that were compiled, best first, as far as `index` goes; null after the last.
const char* compiled_isa(int index);

} // namespace einroute
