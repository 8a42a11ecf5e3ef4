// The Python type `OnePass`, and copies that change the order of the axes.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the type and `copy` to the module; -1 with an exception set if that fails.
int add_one_pass(PyObject* module);

} // namespace einroute
