// Quadratic forms of the differences of all pairs of points. No Python here.
#pragma once

#include <cstddef>

namespace einroute {

// out[i, j] = sum over k <= l of d[k] s[k, l] d[l] with d[k] = x[i, k] - y[k, j]. All in C order, none
// overlaps another: x (n, features), y (features, m), out (n, m); s is (features, features), or its diagonal.
// Rows first to before last, and of their columns m, which a row of y may have more of, `pitch`, and one of
// out, `out_pitch`.
// Of complex numbers s is the diagonal, and the real parts of a feature of y are a row, the imaginary ones
// the next.
struct Forms {
    const char *x, *y, *s;
    char* out;
    std::ptrdiff_t m, features;
    bool whole;
    std::ptrdiff_t pitch, out_pitch;
};

// The loops of one instruction set: the same bits for all of them.
struct FormKernels {
    void (*single)(const Forms& forms, std::ptrdiff_t first, std::ptrdiff_t last, char* work);
    void (*twice)(const Forms& forms, std::ptrdiff_t first, std::ptrdiff_t last,
                  char* work); // double precision
    void (*complex_single)(const Forms& forms, std::ptrdiff_t first, std::ptrdiff_t last, char* work);
    void (*complex_twice)(const Forms& forms, std::ptrdiff_t first, std::ptrdiff_t last, char* work);
};

// Features whose products with a diagonal are summed by themselves.
constexpr std::ptrdiff_t FORMS_TOGETHER = 16;

// Bytes of `work`, for so many features.
constexpr std::ptrdiff_t form_work(std::ptrdiff_t features) {
    return features * 160 + 64;
}

const FormKernels& form_kernels();

} // namespace einroute
