// Sums over points of linear forms of differences.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// -1 with an exception set if that fails.
int add_difference_totals(PyObject* module);

} // namespace einroute
