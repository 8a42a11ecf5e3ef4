// Structured operands made of plain arguments, without a constructor in Python.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds `one_hot_of` and `rolled_of` to the module; -1 with an exception set if that fails.
int add_structured_operands(PyObject* module);

} // namespace einroute
