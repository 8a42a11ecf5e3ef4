// Squared forms of differences by a whole metric, of transformed points.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the function to the module; -1 with an exception set if that fails.
int add_difference_transformed(PyObject* module);

} // namespace einroute
