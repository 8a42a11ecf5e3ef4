// The Python type `Sampled`: a sparse operand with dense ones that are looked up at its entries.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the type to the module; -1 with an exception set if that fails.
int add_sampled(PyObject* module);

} // namespace einroute
