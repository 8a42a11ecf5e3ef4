// The arrays that a matrix of scipy.sparse is made of.
#pragma once

#include "held.hpp"
#include "sparse_classes.hpp"

namespace einroute {

// Whether an object is a plain contiguous vector.
bool is_plain_vector(PyObject* object);

// An attribute of an operand, if it is a plain vector; null without an exception where it is not.
PyObject* vector_part(PyObject* operand, PyObject* name);

// A vector of native numbers as a plain one: itself, or a copy where it is strided, as those of np.nonzero
// and np.unravel_index are. Null without an exception where it is no such vector.
PyObject* side_by_side(PyObject* object);

// Whether vectors hold 32- or 64-bit signed integers, all of one size.
bool are_indices(PyArrayObject* first, PyArrayObject* second);

// The shape, as the operand keeps it, or null without an exception.
PyObject* shape_of(PyObject* operand, Format format);

// The axis along which a matrix is compressed; -1 without an exception where it is none.
int compressed_axis(PyObject* operand, Format format);

// A vector for the coordinates of each axis, in a tuple; null without an exception where they are not plain.
PyObject* coordinates_of(PyObject* operand, Format format);

// The same and the values, also of a dictionary of entries in such a shape; null where they are not plain,
// with an exception only where there is no memory.
void take_coordinates(PyObject* operand, Format format, const npy_intp* sizes, int ndim, Held& coords,
                      Held& data);

// Whether absent elements are zeros.
bool is_zero_filled(PyObject* operand, Format format);

extern PyObject *name_data, *name_indices, *name_indptr, *name_coords, *name_offsets;

int add_sparse_parts(PyObject* module);

} // namespace einroute
