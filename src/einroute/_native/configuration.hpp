// What is in force here: the table in which calls are looked up, and whether somebody watches them.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// The table in force: a new reference, null if there is none. An exception is not set.
PyObject* table_here();

// Whether every call is Python's.
bool is_watched();

// Whether a call that begins while calls are watched is to be observed; -1 with an exception set.
int is_observed();

// Adds what sets them to the module; -1 with an exception set if that fails.
int add_configuration(PyObject* module);

} // namespace einroute
