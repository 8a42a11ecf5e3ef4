// Classes of operands that are known by a few attributes: told by Python, and kept as long as the process.
#pragma once

#include "table.hpp"

namespace einroute {

bool is_described(PyObject* operand);

// Adds the facts of a described operand: of each attribute of its class that an array's are, a number, or a
// dtype's; false, without an exception, where one is nothing of this, or the key is full.
bool add_described(Key& key, PyObject* operand);

// Adds, for each described operand behind the first, which of those before it stands for the same tensor
// whatever its arrays hold: one of the same facts, in the same memory. False if the key is full.
//
// `starts` are the words where the facts of the operands begin; one more says where those of the last end.
bool add_aliases(Key& key, PyObject* const* operands, Py_ssize_t count, const int* starts);

// Adds `know_operands` to the module; -1 with an exception set if that fails.
int add_described_classes(PyObject* module);

} // namespace einroute
