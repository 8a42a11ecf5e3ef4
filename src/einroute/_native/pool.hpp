// Fresh arrays for results; large ones from the pool of blocks.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// A fresh numpy.ndarray of a plain dtype, given by its number. Strides, in bytes, are those of a result that
// lies without gaps, its axes in any order; null is C order. Null with an exception set if it fails.
PyObject* empty(int type, int ndim, const npy_intp* dims, const npy_intp* strides);

// Asks how much the pool may keep, for a run that takes about so many bytes of it; false with an exception
// set if that fails. The GIL is held.
bool ready_pool(npy_intp bytes);

// Adds `empty` and what configures the pool to the module; -1 with an exception set if that fails.
int add_pool(PyObject* module);

} // namespace einroute
