// The table that leads from what calls are known by to what runs them.
#pragma once

#include "key.hpp"

namespace einroute {

// What runs the calls of a key: a borrowed reference, null if there is none.
PyObject* find(PyObject* table, const Key& key);

// Keeps what runs the calls of a key; -1 with an exception set if there is no memory.
int keep(PyObject* table, const Key& key, PyObject* run);

// Whether small calls may be answered by the core without Python being asked.
bool answers_small(PyObject* table);

// Whether calls that are left to NumPy's functions may have to be refused, which Python knows.
bool is_strict(PyObject* table);

bool is_table(PyObject* object);

// Adds the type `Table` to the module; -1 with an exception set if that fails.
int add_table(PyObject* module);

} // namespace einroute
