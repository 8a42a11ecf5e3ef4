// Matrices of scipy.sparse that are kept as lists of the entries of each row, and arrays of scipy.sparse and
// pydata/sparse that are kept by their indices in a dictionary: as vectors of the same entries.
#pragma once

#include "held.hpp"
#include "sparse_classes.hpp"
#include "sparse_expand.hpp"

namespace einroute {

// Whether a format is one of lists or of a dictionary.
bool is_listed(Format format);

// The dtype of an operand of such a format, and how many entries it holds; false without an exception where
// they are not plain.
bool describe_listed(PyObject* operand, Format format, int& type, npy_intp& entries);

// The entries of lists as compressed rows; false where lists do not fit each other or the shape, an index is
// out of range, or something is no plain number, and with an exception set where there is no memory.
bool take_lists(PyObject* operand, npy_intp rows, npy_intp columns, ExpandedRows& to);

// The entries of a dictionary: a tuple of the vectors of coordinates, and the values. False as above.
bool take_keys(PyObject* operand, Format format, const npy_intp* sizes, int ndim, Held& coords, Held& data);

} // namespace einroute
