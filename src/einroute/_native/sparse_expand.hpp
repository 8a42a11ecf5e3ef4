// Matrices of scipy.sparse that are kept as blocks, diagonals or lists; and as compressed rows of their
// entries.
#pragma once

#include "held.hpp"
#include "sparse_classes.hpp"

#include <cstddef>
#include <vector>

namespace einroute {

// `count` blocks of height by width items, in `lines` rows, each with `across` places. An index is compared
// as it is used.
struct Blocks {
    const void *indptr, *indices;
    const char* data;
    bool wide; // whether indices are 64-bit
    std::size_t count, lines, across, height, width, item;
};

struct HeldBlocks {
    Held indptr, indices, data;
    Blocks blocks{};
};

// Where the element of column 0 would be, and how far right of the rows' numbers the columns are.
struct Diagonal {
    npy_int64 offset;
    const char* data;
};

// Diagonals by their offsets, each of which comes once; columns from `width` on have no entry.
struct HeldDiagonals {
    Held data, offsets;
    std::vector<Diagonal> diagonals;
    npy_intp width = 0;
};

// Rows that were made: nobody else's, and sound; or coordinates: then `indptr` is the row of each entry.
struct ExpandedRows {
    Held indptr, indices, data;
    bool coordinates = false;
};

// These are false where the operand's arrays are not plain, do not fit its shape or name a place outside of
// it, which Python has words for; and with an exception set where there is no memory.
bool read_blocks(PyObject* operand, npy_intp rows, npy_intp columns, HeldBlocks& to);
bool read_diagonals(PyObject* operand, npy_intp columns, HeldDiagonals& to);
bool fit_diagonals(npy_intp columns, HeldDiagonals& to); // of its arrays

// Whether rows are wanted, or may be coordinates where there are far fewer entries; or whether of diagonals
// the main one is enough, by coordinates.
enum class Wanted { Rows, Any, Main };
bool take_diagonals(HeldDiagonals& held, npy_intp rows, npy_intp columns, Wanted wanted, ExpandedRows& to);
bool expand(PyObject* operand, Format format, npy_intp rows, npy_intp columns, Wanted wanted,
            ExpandedRows& to);

// What stands on the diagonals, zeros included; null without an exception where `expand` would be false.
PyObject* values_of_diagonals(PyObject* operand, npy_intp rows, npy_intp columns);

// The values of blocks, all of which are entries; null, mostly without an exception, of others.
PyObject* values_of_blocks(PyObject* operand, npy_intp rows, npy_intp columns);

} // namespace einroute
