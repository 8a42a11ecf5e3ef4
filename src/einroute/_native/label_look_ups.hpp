// Rows taken by label, and labels compared, for Python.
#pragma once

#include "label_loops.hpp"
#include "numpy_api.hpp"

namespace einroute {

// Takes the row, of `width` numbers, of a table in C order that each place's index numbers, which is none
// beyond the table's; false with an exception set.
bool take_at_labels(const Places& places, npy_intp width, PyArrayObject* table, PyArrayObject* out,
                    int threads);

// Adds the functions to the module; -1 with an exception set if that fails.
int add_label_look_ups(PyObject* module);

} // namespace einroute
