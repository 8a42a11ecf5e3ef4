// Quadratic forms of differences, for Python.
#pragma once

#include "numpy_api.hpp"

#include <cstddef>

namespace einroute {

// What forms are made of: points x (n, features) and y (m, features), and a matrix or its diagonal, in C
// order and of one type, and whether it is a matrix.
struct DifferenceForms {
    const char *x, *y, *s;
    std::ptrdiff_t n, m, features;
    bool whole;
};

// The form of all pairs, (n, m); false with an exception set if there is no memory, or a signal's handler
// raised.
bool fill_forms(const DifferenceForms& forms, char* out, int type, int threads);

// Adds the function to the module; -1 with an exception set if that fails.
int add_difference_forms(PyObject* module);

} // namespace einroute
