// Views of bases that are lengthened by what comes round again, for Python.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// Adds the function to the module; -1 with an exception set if that fails.
int add_lengthened(PyObject* module);

} // namespace einroute
