// The kernels of one instruction set: one of these for each set that was compiled.
#pragma once

#include "classes.hpp"

namespace einroute {

struct Kernels;
struct BoxKernels;
struct SparseTypes;
struct FormKernels;
struct PairKernels;
struct WeightKernels;
struct LinearKernels;
struct CorrelationKernels;
struct IndexLoops;
struct RowLoops;
struct SampledTypes;

struct KernelTables {
    const Kernels& products;
    const BoxKernels& boxes;
    const SparseTypes& sparse;
    const FormKernels& forms;
    const PairKernels& pairs;
    const WeightKernels& weights;
    const LinearKernels& linear_forms;
    const ClassLoop& classes;
    const CorrelationKernels& correlations;
    const IndexLoops& indices;
    const RowLoops& rows;
    const SampledTypes& sampled;
};

} // namespace einroute
