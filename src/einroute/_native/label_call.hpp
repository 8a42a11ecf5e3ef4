// The Python type `LabelCall`: a count, sums of rows or a look-up by one vector of labels, as a whole call.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the type to the module; -1 with an exception set if that fails.
int add_label_call(PyObject* module);

} // namespace einroute
