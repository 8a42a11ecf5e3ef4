// The Python types `Function` and `Ufunc`: public functions whose calls are looked up by the core.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds both types, and the functions that tell the core of the configuration; -1 with an exception set if
// that fails.
int add_dispatch(PyObject* module);

} // namespace einroute
