// Sums and counts by label, for Python.
#pragma once

#include "label_loops.hpp"
#include "numpy_api.hpp"

namespace einroute {

// Adds a row of each place to one of `out` that its index numbers; false with an exception set.
bool add_at_labels(const Places& places, PyArrayObject* rows, PyArrayObject* out, int threads);

// How often each index below `size` occurs, as an array of a dtype that has loops; null with an exception
// set.
PyObject* count_at_labels(const Places& places, npy_intp size, char character, int threads);

// Adds the functions to the module; -1 with an exception set if that fails.
int add_label_sums(PyObject* module);

} // namespace einroute
