// What is made of diagonals without listing their entries.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

int add_sparse_diagonals(PyObject* module);

} // namespace einroute
