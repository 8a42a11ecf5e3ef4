// Rows taken by label, and labels compared, for Python.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the functions to the module; -1 with an exception set if that fails.
int add_label_look_ups(PyObject* module);

} // namespace einroute
