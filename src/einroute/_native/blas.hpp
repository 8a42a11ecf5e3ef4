// NumPy's own BLAS, by its symbols: matrices in memory are multiplied without arrays and without the GIL.
#pragma once

#include "walk.hpp"

namespace einroute {

// c = a b of row-major matrices, (m, k) by (k, n), of floats or complex numbers; a turned one lies the other
// way round. Leading dimensions are in elements, and as BLAS asks for them.
struct Gemm {
    Element element;
    bool turned_a, turned_b;
    std::ptrdiff_t m, n, k, lda, ldb, ldc;
};

// Looks for BLAS in the library that NumPy's extension module, given by its path, is linked to. False where
// it is not there under a name that tells how wide its integers are.
bool find_blas(const char* module);

bool has_blas();

// Only where `has_blas`.
void multiply(const Gemm& gemm, const char* a, const char* b, char* c);

} // namespace einroute
