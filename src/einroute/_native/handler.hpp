// Arrays that own a block of the pool: as NumPy's own, but for the memory handler they name (NEP 49).
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Why there are none here; null where there are. Found at the first call by trying, and the same ever after.
const char* handler_fault();

// Whether the memory of new arrays comes from where NumPy gets it if nobody says otherwise.
bool handler_is_numpys();

// An array that owns a block of so many bytes; the descriptor is stolen. Null without an exception where
// there is no memory, and then the descriptor is the caller's.
PyObject* pooled_array(PyArray_Descr* descr, int ndim, const npy_intp* dims, const npy_intp* strides,
                       bool fortran, std::size_t bytes);

} // namespace einroute
