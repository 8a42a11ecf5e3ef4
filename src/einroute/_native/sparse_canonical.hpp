// Conversions to compressed rows that are sorted and have each place once.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds `canonical_rows` to the module; -1 with an exception set if that fails.
int add_sparse_canonical(PyObject* module);

} // namespace einroute
