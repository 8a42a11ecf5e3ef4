#include "isa.hpp"

#include "forms.hpp"
#include "sparse_sampled.hpp"

#include <cstring>

namespace einroute {

namespace baseline {
extern const Kernels KERNELS;
extern const BoxKernels BOXES;
extern const SparseTypes SPARSE;
extern const FormKernels FORMS;
extern const SampledTypes SAMPLED;
} // namespace baseline
#if EINROUTE_HAS_AVX2
namespace avx2 {
extern const Kernels KERNELS;
extern const BoxKernels BOXES;
extern const SparseTypes SPARSE;
extern const FormKernels FORMS;
extern const SampledTypes SAMPLED;
} // namespace avx2
#endif

namespace {

struct Isa {
    const char* name;
    const Kernels* kernels;
    const BoxKernels* boxes;
    const SparseTypes* sparse;
    const FormKernels* forms;
    const SampledTypes* sampled;
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
    {"avx2", &avx2::KERNELS, &avx2::BOXES, &avx2::SPARSE, &avx2::FORMS, &avx2::SAMPLED, has_avx2},
#endif
    {"baseline", &baseline::KERNELS, &baseline::BOXES, &baseline::SPARSE, &baseline::FORMS,
     &baseline::SAMPLED, always},
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
    return *chosen->kernels;
}

const BoxKernels& box_kernels() {
    return *chosen->boxes;
}

const SparseTypes& sparse_kernels() {
    return *chosen->sparse;
}

const FormKernels& form_kernels() {
    return *chosen->forms;
}

const SampledTypes& sampled_kernels() {
    return *chosen->sampled;
}

const char* compiled_isa(int index) {
    return index < COUNT ? SETS[index].name : nullptr;
}

} // namespace einroute
