// Squared forms of differences by a metric of any signs, for results in single precision.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the function to the module; -1 with an exception set if that fails.
int add_difference_expanded(PyObject* module);

} // namespace einroute
