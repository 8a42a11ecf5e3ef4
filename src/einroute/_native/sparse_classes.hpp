// The classes of sparse operands that the core knows: told by Python, and kept as long as the process.
#pragma once

#include "numpy_api.hpp"

namespace einroute {

// How the entries of a class are kept; no loops read blocks and diagonals, which are expanded into rows.
// Lists hold the entries of each row, keys all by their indices, as a dictionary of pydata/sparse does. A
// table holds the coordinates of all axes; gcxs are rows or columns, as the operand says.
enum class Format {
    Unknown,
    Rows,
    Columns,
    Entries,
    Blocks,
    Diagonals,
    Lists,
    Keys,
    Table,
    Gcxs,
    Dictionary
};

Format format_of(PyObject* operand);

// Adds `know_sparse` to the module; -1 with an exception set if that fails.
int add_sparse_classes(PyObject* module);

} // namespace einroute
