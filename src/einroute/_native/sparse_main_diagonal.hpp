// The entries on the main diagonal of a compressed matrix.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

int add_sparse_main_diagonal(PyObject* module);

} // namespace einroute
