// Sums and counts by label, for Python.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the functions to the module; -1 with an exception set if that fails.
int add_label_sums(PyObject* module);

} // namespace einroute
