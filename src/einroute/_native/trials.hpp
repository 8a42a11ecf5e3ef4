// What trials do in each call: count, take the time, and look at what a result is.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the type `Counted`, `timed` and `manner` to the module; -1 with an exception set if that fails.
int add_trials(PyObject* module);

} // namespace einroute
