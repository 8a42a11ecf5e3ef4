#include "sparse_parts.hpp"

#include "sparse_checks.hpp"
#include "sparse_classes.hpp"
#include "sparse_compress.hpp"
#include "sparse_expand.hpp"
#include "sparse_listed.hpp"

namespace einroute {

PyObject *name_data = nullptr, *name_indices = nullptr, *name_indptr = nullptr, *name_coords = nullptr,
         *name_offsets = nullptr;

namespace {

PyObject *name_scipy_shape = nullptr, *name_shape = nullptr, *name_axes = nullptr, *name_fill = nullptr;

bool is_pydata(Format format) {
    return format == Format::Table || format == Format::Gcxs || format == Format::Dictionary;
}

constexpr int MOST = 32; // axes

// The extents of an operand; 0 if they are not plain.
int extents(PyObject* shape, npy_intp (&sizes)[MOST]) {
    if (!PyTuple_CheckExact(shape) || PyTuple_GET_SIZE(shape) < 1 || PyTuple_GET_SIZE(shape) > MOST) {
        return 0;
    }
    const int ndim = static_cast<int>(PyTuple_GET_SIZE(shape));
    for (int i = 0; i < ndim; ++i) {
        sizes[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, i));
        if (sizes[i] < 0) {
            PyErr_Clear();
            return 0;
        }
    }
    return ndim;
}

PyObject* with_axis(PyObject* shape, PyObject* data, PyObject* indptr, PyObject* indices, int axis) {
    const Held number(PyLong_FromLong(axis));
    return number ? PyTuple_Pack(5, shape, data, indptr, indices, number.object) : nullptr;
}

// Where `all` is not asked for, of more pointers than entries the first and the last are compared alone: all
// would take several times as long as the entries.
PyObject* of_lines(PyObject* shape, const npy_intp* sizes, const Held (&parts)[3], int axis, bool all) {
    PyArrayObject *const indptr = parts[0].array(), *const indices = parts[1].array();
    const npy_intp lines = sizes[axis], entries = PyArray_DIM(indices, 0);
    const bool ends = !all && entries < lines;
    if (PyArray_DIM(indptr, 0) != lines + 1 || PyArray_DIM(parts[2].array(), 0) != entries ||
        !checked((ends ? 0 : lines) + entries, [&] {
            return (ends ? ends_span(indptr, lines, entries) : span_all(indptr, lines, entries)) &&
                   within(indices, sizes[1 - axis]);
        })) {
        Py_RETURN_NONE;
    }
    return with_axis(shape, parts[2].object, parts[0].object, parts[1].object, axis);
}

PyObject* compressed(PyObject* operand, PyObject* shape, int axis, bool all = true) {
    npy_intp sizes[MOST];
    const Held parts[] = {Held(vector_part(operand, name_indptr)), Held(vector_part(operand, name_indices)),
                          Held(vector_part(operand, name_data))};
    if (extents(shape, sizes) != 2 || !parts[0] || !parts[1] || !parts[2] ||
        !are_indices(parts[0].array(), parts[1].array())) {
        Py_RETURN_NONE;
    }
    return of_lines(shape, sizes, parts, axis, all);
}

PyObject* coordinates(PyObject* operand, PyObject* shape, Format format) {
    npy_intp sizes[MOST];
    const int ndim = extents(shape, sizes);
    Held plain, data;
    if (ndim != 0) {
        take_coordinates(operand, format, sizes, ndim, plain, data);
    }
    if (!plain || !data || PyTuple_GET_SIZE(plain.object) != ndim) {
        return PyErr_Occurred() ? nullptr : Py_NewRef(Py_None);
    }
    for (int i = 0; i < ndim; ++i) {
        PyArrayObject* x = reinterpret_cast<PyArrayObject*>(PyTuple_GET_ITEM(plain.object, i));
        if (!are_indices(x, x) || PyArray_DIM(x, 0) != PyArray_DIM(data.array(), 0) ||
            !checked(PyArray_DIM(x, 0), [&] { return within(x, sizes[i]); })) {
            Py_RETURN_NONE;
        }
    }
    return PyTuple_Pack(3, shape, data.object, plain.object);
}

PyObject* expanded(PyObject* operand, PyObject* shape, Format format, Wanted wanted) {
    npy_intp sizes[MOST];
    ExpandedRows made;
    if (extents(shape, sizes) == 2 && expand(operand, format, sizes[0], sizes[1], wanted, made)) {
        if (made.coordinates) {
            const Held coords(PyTuple_Pack(2, made.indptr.object, made.indices.object));
            return coords ? PyTuple_Pack(3, shape, made.data.object, coords.object) : nullptr;
        }
        return with_axis(shape, made.data.object, made.indptr.object, made.indices.object, 0);
    }
    if (PyErr_Occurred()) {
        return nullptr;
    }
    Py_RETURN_NONE;
}

// Blocks of one element are the entries of rows, as they lie; none, mostly without an exception, of others.
PyObject* single_blocks(PyObject* operand, PyObject* shape) {
    npy_intp sizes[MOST];
    HeldBlocks held;
    if (extents(shape, sizes) != 2 || !read_blocks(operand, sizes[0], sizes[1], held) ||
        held.blocks.height != 1 || held.blocks.width != 1) {
        return nullptr;
    }
    const Held parts[] = {Held(held.indptr.release()), Held(held.indices.release()),
                          Held(PyArray_Ravel(held.data.array(), NPY_CORDER))};
    return parts[2] ? of_lines(shape, sizes, parts, 0, true) : nullptr;
}

PyObject* parts_of(PyObject* operand, Wanted wanted) {
    const Format format = format_of(operand);
    if (format == Format::Unknown) {
        Py_RETURN_NONE;
    }
    const Held shape(shape_of(operand, format));
    if (!shape || !is_zero_filled(operand, format)) {
        Py_RETURN_NONE;
    }
    switch (format) {
    case Format::Entries:
    case Format::Table:
    case Format::Keys:
    case Format::Dictionary:
        return coordinates(operand, shape.object, format);
    case Format::Blocks: {
        PyObject* const single = single_blocks(operand, shape.object);
        if (single != nullptr || PyErr_Occurred()) {
            return single;
        }
        return expanded(operand, shape.object, format, wanted);
    }
    case Format::Diagonals:
    case Format::Lists:
        return expanded(operand, shape.object, format, wanted);
    default:
        break;
    }
    const int axis = compressed_axis(operand, format);
    if (axis < 0) {
        Py_RETURN_NONE;
    }
    return compressed(operand, shape.object, axis);
}

PyObject* sound_parts(PyObject*, PyObject* operand) {
    return parts_of(operand, Wanted::Any);
}

PyObject* sound_diagonal(PyObject*, PyObject* operand) {
    return parts_of(operand, Wanted::Main);
}

PyObject* sound_values(PyObject*, PyObject* operand) {
    const Format format = format_of(operand);
    if (format != Format::Blocks && format != Format::Diagonals) {
        const int axis = is_zero_filled(operand, format) ? compressed_axis(operand, format) : -1;
        const Held shape(axis < 0 ? nullptr : shape_of(operand, format));
        const Held parts(shape ? compressed(operand, shape.object, axis, false)
                               : parts_of(operand, Wanted::Any));
        return parts && parts.object != Py_None ? Py_NewRef(PyTuple_GET_ITEM(parts.object, 1))
                                                : Py_XNewRef(parts.object);
    }
    npy_intp sizes[MOST];
    const Held shape(PyObject_GetAttr(operand, name_shape));
    const auto values = format == Format::Blocks ? values_of_blocks : values_of_diagonals;
    PyObject* found =
        shape && extents(shape.object, sizes) == 2 ? values(operand, sizes[0], sizes[1]) : nullptr;
    return found != nullptr || PyErr_Occurred() ? found : Py_NewRef(Py_None);
}

// Whether pointers end where the values of compressed lines do.
bool ends_at(PyObject* operand, npy_intp entries) {
    const Held indptr(vector_part(operand, name_indptr));
    if (!indptr || !are_indices(indptr.array(), indptr.array()) || PyArray_DIM(indptr.array(), 0) == 0) {
        return false;
    }
    const npy_intp last = PyArray_DIM(indptr.array(), 0) - 1;
    const char* pointers = PyArray_BYTES(indptr.array());
    return PyArray_ITEMSIZE(indptr.array()) == 4
               ? reinterpret_cast<const std::int32_t*>(pointers)[last] == entries
               : reinterpret_cast<const std::int64_t*>(pointers)[last] == entries;
}

PyObject* whole_values(PyObject*, PyObject* operand) {
    const Format format = format_of(operand);
    if (format == Format::Unknown || is_listed(format) || !is_zero_filled(operand, format)) {
        Py_RETURN_NONE;
    }
    const Held data(vector_part(operand, name_data));
    if (!data || (format != Format::Entries && format != Format::Table &&
                  !ends_at(operand, PyArray_DIM(data.array(), 0)))) {
        Py_RETURN_NONE;
    }
    return Py_NewRef(data.object);
}

PyObject* lines_of(PyObject*, PyObject* args) {
    PyArrayObject* indptr;
    Py_ssize_t entries;
    if (!PyArg_ParseTuple(args, "O!n:lines_of", &PyArray_Type, &indptr, &entries)) {
        return nullptr;
    }
    if (!is_plain_vector(reinterpret_cast<PyObject*>(indptr)) || !are_indices(indptr, indptr) ||
        PyArray_DIM(indptr, 0) < 1 || entries < 0) {
        PyErr_SetString(PyExc_ValueError, "not plain pointers, or a negative number of entries");
        return nullptr;
    }
    const npy_intp lines = PyArray_DIM(indptr, 0) - 1;
    npy_intp count = entries;
    const Held made(PyArray_SimpleNew(1, &count, PyArray_TYPE(indptr)));
    if (!made) {
        return nullptr;
    }
    const bool wide = PyArray_ITEMSIZE(indptr) == 8;
    void* const to = PyArray_DATA(made.array());
    bool good = true;
    if (count < lines / FEWER) {
        bisect_lines(wide, PyArray_DATA(indptr), lines, count, to);
        good = within(made.array(), lines);
    } else {
        good = checked(lines + count,
                       [&] { return number_lines(wide, PyArray_DATA(indptr), lines, count, to); });
    }
    return Py_NewRef(good ? made.object : Py_None);
}

PyMethodDef functions[] = {
    {"lines_of", lines_of, METH_VARARGS,
     "lines_of(indptr, entries, /)\n--\n\n"
     "The compressed line of each entry; None where the pointers do not rise from 0 to their number."},
    {"whole_values", whole_values, METH_O,
     "whole_values(operand, /)\n--\n\n"
     "The values of an operand of a known class, all of which are entries of it; None where they are not "
     "plain "
     "or\n"
     "its pointers do not end where they do. No index is read."},
    {"sound_values", sound_values, METH_O,
     "sound_values(operand, /)\n--\n\n"
     "The values of `sound_parts` alone; of more pointers than entries the first and the last are compared."},
    {"sound_diagonal", sound_diagonal, METH_O,
     "sound_diagonal(operand, /)\n--\n\n"
     "As `sound_parts`; of diagonals the main one alone, by coordinates."},
    {"sound_parts", sound_parts, METH_O,
     "sound_parts(operand, /)\n--\n\n"
     "Shape, data, indptr, indices and the axis, or coords, of an operand of a known class; of blocks and "
     "diagonals "
     "those "
     "of rows\n"
     "that are made of them. None where they are not plain, do not fit each other or hold an index that is "
     "out "
     "of\n"
     "range."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

bool is_plain_vector(PyObject* object) {
    return PyArray_CheckExact(object) && PyArray_NDIM(reinterpret_cast<PyArrayObject*>(object)) == 1 &&
           PyArray_ISCARRAY_RO(reinterpret_cast<PyArrayObject*>(object));
}

PyObject* side_by_side(PyObject* object) {
    if (is_plain_vector(object)) {
        return Py_NewRef(object);
    }
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(object);
    if (!PyArray_CheckExact(object) || PyArray_NDIM(x) != 1 || !PyArray_ISNUMBER(x) ||
        !PyArray_ISBEHAVED_RO(x)) {
        return nullptr;
    }
    PyObject* copy = PyArray_NewCopy(x, NPY_CORDER);
    if (copy == nullptr) {
        PyErr_Clear();
    }
    return copy;
}

PyObject* shape_of(PyObject* operand, Format format) {
    PyObject* shape = PyObject_GetAttr(operand, is_pydata(format) ? name_shape : name_scipy_shape);
    PyErr_Clear();
    return shape;
}

int compressed_axis(PyObject* operand, Format format) {
    if (format != Format::Gcxs) {
        return format == Format::Rows ? 0 : format == Format::Columns ? 1 : -1;
    }
    const Held axes(PyObject_GetAttr(operand, name_axes));
    Py_ssize_t axis = -1;
    if (axes && PyTuple_CheckExact(axes.object) && PyTuple_GET_SIZE(axes.object) == 1) {
        axis = PyNumber_AsSsize_t(PyTuple_GET_ITEM(axes.object, 0), nullptr);
    }
    PyErr_Clear();
    return axis == 0 || axis == 1 ? static_cast<int>(axis) : -1;
}

bool is_zero_filled(PyObject* operand, Format format) {
    if (!is_pydata(format)) {
        return true;
    }
    const Held fill(PyObject_GetAttr(operand, name_fill));
    const bool zero = fill && fill.object != Py_None && PyObject_IsTrue(fill.object) == 0;
    PyErr_Clear();
    return zero;
}

PyObject* coordinates_of(PyObject* operand, Format format) {
    const Held coords(PyObject_GetAttr(operand, name_coords));
    PyErr_Clear();
    if (!coords) {
        return nullptr;
    }
    PyArrayObject* table = coords.array();
    const bool one = format == Format::Table;
    if (one ? !PyArray_CheckExact(coords.object) || PyArray_NDIM(table) != 2 || !PyArray_ISCARRAY_RO(table)
            : !PyTuple_CheckExact(coords.object)) {
        return nullptr;
    }
    const Py_ssize_t ndim = one ? PyArray_DIM(table, 0) : PyTuple_GET_SIZE(coords.object);
    Held found(ndim <= MOST ? PyTuple_New(ndim) : nullptr);
    for (Py_ssize_t i = 0; found && i < ndim; ++i) {
        PyObject* vector =
            one ? PySequence_GetItem(coords.object, i) : side_by_side(PyTuple_GET_ITEM(coords.object, i));
        if (vector == nullptr || !is_plain_vector(vector)) {
            Py_XDECREF(vector);
            PyErr_Clear();
            return nullptr;
        }
        PyTuple_SET_ITEM(found.object, i, vector);
    }
    PyErr_Clear();
    return found.release();
}

void take_coordinates(PyObject* operand, Format format, const npy_intp* sizes, int ndim, Held& coords,
                      Held& data) {
    if (!is_listed(format)) {
        coords.object = coordinates_of(operand, format);
        data.object = vector_part(operand, name_data);
    } else if (!take_keys(operand, format, sizes, ndim, coords, data)) {
        Py_CLEAR(coords.object);
    }
}

PyObject* vector_part(PyObject* operand, PyObject* name) {
    PyObject* found = PyObject_GetAttr(operand, name);
    if (found == nullptr) {
        PyErr_Clear();
        return nullptr;
    }
    if (!is_plain_vector(found)) {
        Py_DECREF(found);
        return nullptr;
    }
    return found;
}

bool are_indices(PyArrayObject* first, PyArrayObject* second) {
    const npy_intp size = PyArray_ITEMSIZE(first);
    return PyTypeNum_ISSIGNED(PyArray_TYPE(first)) && PyTypeNum_ISSIGNED(PyArray_TYPE(second)) &&
           (size == 4 || size == 8) && PyArray_ITEMSIZE(second) == size;
}

int add_sparse_parts(PyObject* module) {
    name_data = PyUnicode_InternFromString("data");
    name_indices = PyUnicode_InternFromString("indices");
    name_indptr = PyUnicode_InternFromString("indptr");
    name_coords = PyUnicode_InternFromString("coords");
    name_offsets = PyUnicode_InternFromString("offsets");
    name_scipy_shape = PyUnicode_InternFromString("_shape");
    name_shape = PyUnicode_InternFromString("shape");
    name_axes = PyUnicode_InternFromString("_compressed_axes");
    name_fill = PyUnicode_InternFromString("fill_value");
    if (name_data == nullptr || name_indices == nullptr || name_indptr == nullptr || name_coords == nullptr ||
        name_offsets == nullptr || name_scipy_shape == nullptr || name_shape == nullptr ||
        name_axes == nullptr || name_fill == nullptr) {
        return -1;
    }
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
