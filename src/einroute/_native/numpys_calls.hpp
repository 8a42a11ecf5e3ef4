// Calls that the core does not read, and that are NumPy's own function's to answer.
#pragma once

#include "calls.hpp"

namespace einroute {

// Whether Python would hand a call on to NumPy's function as it is, if nobody watches: a product of arrays,
// of subclasses that override nothing and of numbers, with options or with such a subclass. What is written
// down in Python is `Product.of_others`.
bool is_numpys(Form form, PyObject* const* args, Py_ssize_t given, PyObject* names);

} // namespace einroute
