#include "isa.hpp"

#include "classes.hpp"
#include "correlation.hpp"
#include "forms.hpp"
#include "index_loops.hpp"
#include "label_rows.hpp"
#include "linear_forms.hpp"
#include "pair_sums.hpp"
#include "pair_weights.hpp"
#include "sparse_sampled.hpp"
#include "tables.hpp"

#include <cstring>

namespace einroute {

namespace baseline {
extern const KernelTables TABLES;
}
#if EINROUTE_HAS_AVX2
namespace avx2 {
extern const KernelTables TABLES;
}
#endif

namespace {

struct Isa {
    const char* name;
    const KernelTables& tables;
    bool (*supported)();
};

bool always() {
    return true;
}

#if EINROUTE_HAS_AVX2
bool has_avx2() {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") != 0;
}
#endif

const Isa SETS[] = {
#if EINROUTE_HAS_AVX2
    {"avx2", avx2::TABLES, has_avx2},
#endif
    {"baseline", baseline::TABLES, always},
};
constexpr int COUNT = sizeof SETS / sizeof SETS[0];

const Isa* chosen = &SETS[COUNT - 1];

} // namespace

bool choose_isa(const char* cap) {
    int first = 0;
    if (*cap) {
        while (first < COUNT && std::strcmp(SETS[first].name, cap) != 0) {
            ++first;
        }
        if (first == COUNT) {
            return false;
        }
    }
    while (!SETS[first].supported()) {
        ++first; // the last is always supported
    }
    chosen = &SETS[first];
    return true;
}

const char* isa_name() {
    return chosen->name;
}

const Kernels& kernels() {
    return chosen->tables.products;
}

const KernelOf* kernel_of(Element element) {
#define EINROUTE_KERNEL(name)                                                                                \
    {                                                                                                        \
        &Kernels::name, &Kernels::price_##name, &Kernels::arrange_##name, &Kernels::run_##name               \
    }
    static constexpr KernelOf KERNELS[] = {EINROUTE_KERNEL(float32), EINROUTE_KERNEL(float64),
                                           EINROUTE_KERNEL(complex64), EINROUTE_KERNEL(complex128)};
#undef EINROUTE_KERNEL
    const bool there = element >= Element::Float32 && element <= Element::Complex128;
    return there ? &KERNELS[static_cast<int>(element) - static_cast<int>(Element::Float32)] : nullptr;
}

const BoxKernels& box_kernels() {
    return chosen->tables.boxes;
}

const SparseTypes& sparse_kernels() {
    return chosen->tables.sparse;
}

const FormKernels& form_kernels() {
    return chosen->tables.forms;
}

const PairKernels& pair_kernels() {
    return chosen->tables.pairs;
}

const WeightKernels& weight_kernels() {
    return chosen->tables.weights;
}

const LinearKernels& linear_kernels() {
    return chosen->tables.linear_forms;
}

const CorrelationKernels& correlation_kernels() {
    return chosen->tables.correlations;
}

const SampledTypes& sampled_kernels() {
    return chosen->tables.sampled;
}

const IndexLoops& index_loops() {
    return chosen->tables.indices;
}

const RowLoops& row_loops() {
    return chosen->tables.rows;
}

ClassLoop class_loop() {
    return chosen->tables.classes;
}

const char* compiled_isa(int index) {
    return index < COUNT ? SETS[index].name : nullptr;
}

} // namespace einroute
