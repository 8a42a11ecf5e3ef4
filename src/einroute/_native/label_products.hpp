// Products of matrices by label, for Python.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the function to the module; -1 with an exception set if that fails.
int add_label_products(PyObject* module);

} // namespace einroute
