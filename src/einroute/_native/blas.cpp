#include "blas.hpp"

#include <cstdint>
#include <cstdio>

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

namespace einroute {

namespace {

constexpr int ROW_MAJOR = 101, AS_IT_IS = 111, TURNED = 112;

// cblas_?gemm with integers of 64 bits: numbers by value, complex ones by address.
template <class R>
using OfReals = void (*)(int, int, int, std::int64_t, std::int64_t, std::int64_t, R, const void*,
                         std::int64_t, const void*, std::int64_t, R, void*, std::int64_t);
using OfComplex = void (*)(int, int, int, std::int64_t, std::int64_t, std::int64_t, const void*, const void*,
                           std::int64_t, const void*, std::int64_t, const void*, void*, std::int64_t);

OfReals<float> single = nullptr;
OfReals<double> twice = nullptr;
OfComplex complex_single = nullptr, complex_double = nullptr;

#if !defined(_WIN32)

// The names under which NumPy's wheels have it: of scipy-openblas, of OpenBLAS built so, and of Accelerate.
constexpr const char* NAMES[] = {"scipy_cblas_%cgemm64_", "cblas_%cgemm64_", "cblas_%cgemm$NEWLAPACK$ILP64"};

template <class Function> bool find(void* library, const char* pattern, char letter, Function& to) {
    char name[64];
    std::snprintf(name, sizeof name, pattern, letter);
    to = reinterpret_cast<Function>(dlsym(library, name));
    return to != nullptr;
}

#endif

template <class Function, class Number>
void call(Function function, const Gemm& g, Number one, Number zero, const char* a, const char* b, char* c) {
    function(ROW_MAJOR, g.turned_a ? TURNED : AS_IT_IS, g.turned_b ? TURNED : AS_IT_IS, g.m, g.n, g.k, one, a,
             g.lda, b, g.ldb, zero, c, g.ldc);
}

} // namespace

bool find_blas([[maybe_unused]] const char* module) {
#if !defined(_WIN32)
    if (has_blas()) {
        return true;
    }
    void* library = dlopen(module, RTLD_LAZY | RTLD_NOLOAD);
    if (library == nullptr) {
        return false;
    }
    for (const char* pattern : NAMES) {
        if (find(library, pattern, 's', single) && find(library, pattern, 'c', complex_single) &&
            find(library, pattern, 'z', complex_double) && find(library, pattern, 'd', twice)) {
            break;
        }
    }
    dlclose(library); // NumPy holds it
#endif
    return has_blas();
}

bool has_blas() {
    return twice != nullptr; // found last, when all others were
}

void multiply(const Gemm& gemm, const char* a, const char* b, char* c) {
    static constexpr double ONE[] = {1, 0}, ZERO[] = {0, 0};
    static constexpr float SINGLE_ONE[] = {1, 0}, SINGLE_ZERO[] = {0, 0};
    switch (gemm.element) {
    case Element::Float32:
        return call(single, gemm, 1.0f, 0.0f, a, b, c);
    case Element::Float64:
        return call(twice, gemm, 1.0, 0.0, a, b, c);
    case Element::Complex64:
        return call(complex_single, gemm, static_cast<const void*>(SINGLE_ONE),
                    static_cast<const void*>(SINGLE_ZERO), a, b, c);
    default:
        return call(complex_double, gemm, static_cast<const void*>(ONE), static_cast<const void*>(ZERO), a, b,
                    c);
    }
}

} // namespace einroute
