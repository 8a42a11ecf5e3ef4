// The GIL is held and no code of Python's runs while lists and dictionaries are read: only plain numbers are.

#include "sparse_listed.hpp"

#include "sparse_dtypes.hpp"
#include "sparse_parts.hpp"

#include <numpy/arrayscalars.h>

#include <algorithm>
#include <limits>

namespace einroute {

namespace {

constexpr int MOST = 32; // axes

// An integer of Python's or NumPy's, in [0, length).
inline bool index_of(PyObject* object, npy_intp length, npy_intp& to) {
    long long found = -1;
    if (PyLong_Check(object)) {
        int overflow = 0;
        found = PyLong_AsLongLongAndOverflow(object, &overflow);
    } else if (Py_IS_TYPE(object, &PyIntArrType_Type)) {
        found = PyArrayScalar_VAL(object, Int);
    } else if (Py_IS_TYPE(object, &PyLongArrType_Type)) {
        found = PyArrayScalar_VAL(object, Long);
    } else if (Py_IS_TYPE(object, &PyLongLongArrType_Type)) {
        found = PyArrayScalar_VAL(object, LongLong);
    }
    to = static_cast<npy_intp>(found);
    return found >= 0 && found < length;
}

bool real_of(PyObject* object, double& to) {
    if (PyFloat_Check(object)) {
        to = PyFloat_AS_DOUBLE(object);
        return true;
    }
    if (!PyLong_Check(object)) {
        return false;
    }
    to = PyLong_AsDouble(object);
    return to != -1.0 || !PyErr_Occurred(); // the caller clears it
}

inline bool number_of(PyObject* object, bool, Bool& to) {
    to.byte = object == Py_True;
    return PyBool_Check(object);
}

template <class T, std::enable_if_t<std::is_floating_point_v<T>, int> = 0>
inline bool number_of(PyObject* object, bool, T& to) {
    double found = 0;
    const bool good = real_of(object, found);
    to = static_cast<T>(found);
    return good;
}

template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
inline bool number_of(PyObject* object, bool is_signed, T& to) {
    using Signed = std::make_signed_t<T>;
    int overflow = 0;
    if (!PyLong_Check(object)) {
        return false;
    }
    const long long found = PyLong_AsLongLongAndOverflow(object, &overflow);
    to = static_cast<T>(found);
    if (overflow != 0) {
        return false; // of the largest of 64 bits Python's way is good enough
    }
    return is_signed
               ? found >= std::numeric_limits<Signed>::min() && found <= std::numeric_limits<Signed>::max()
               : found >= 0 && static_cast<unsigned long long>(found) <= std::numeric_limits<T>::max();
}

template <class R> inline bool number_of(PyObject* object, bool, Complex<R>& to) {
    Py_complex found{0, 0};
    bool good = true;
    if (PyComplex_Check(object)) {
        found = PyComplex_AsCComplex(object);
    } else {
        good = real_of(object, found.real);
    }
    to = {static_cast<R>(found.real), static_cast<R>(found.imag)};
    return good;
}

// Numbers of one dtype.
template <class T> struct Reader {
    PyTypeObject* scalar; // NumPy's of the dtype
    bool is_signed;

    bool operator()(PyObject* object, T& to) const {
        if (Py_IS_TYPE(object, scalar)) {
            PyArray_ScalarAsCtype(object, &to);
            return true;
        }
        return number_of(object, is_signed, to);
    }
};

template <class T> Reader<T> reader_of(PyArrayObject* data) {
    return {PyArray_DESCR(data)->typeobj, PyTypeNum_ISSIGNED(PyArray_TYPE(data)) != 0};
}

struct Names {
    PyObject *dtype, *rows, *dict;
} names{nullptr, nullptr, nullptr};

bool know_names() {
    if (names.dict == nullptr) {
        names.dtype = PyUnicode_InternFromString("dtype");
        names.rows = PyUnicode_InternFromString("rows");
        names.dict = PyUnicode_InternFromString("_dict");
    }
    return names.dtype != nullptr && names.rows != nullptr && names.dict != nullptr;
}

PyObject* attribute(PyObject* operand, PyObject* name) {
    PyObject* found = PyObject_GetAttr(operand, name);
    PyErr_Clear();
    return found;
}

// A vector of lists; null without an exception where it is none.
PyObject* lists_of(PyObject* operand, PyObject* name) {
    PyObject* found = attribute(operand, name);
    if (found == nullptr) {
        return nullptr;
    }
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(found);
    bool good = is_plain_vector(found) && PyArray_TYPE(x) == NPY_OBJECT;
    if (good) {
        PyObject** const lists = static_cast<PyObject**>(PyArray_DATA(x));
        for (npy_intp i = 0; good && i < PyArray_DIM(x, 0); ++i) {
            good = lists[i] != nullptr && PyList_CheckExact(lists[i]);
        }
    }
    if (!good) {
        Py_DECREF(found);
        return nullptr;
    }
    return found;
}

npy_intp length_of(PyArrayObject* lists) {
    PyObject** const list = static_cast<PyObject**>(PyArray_DATA(lists));
    npy_intp length = 0;
    for (npy_intp i = 0; i < PyArray_DIM(lists, 0); ++i) {
        length += PyList_GET_SIZE(list[i]);
    }
    return length;
}

PyObject* dictionary_of(PyObject* operand, Format format) {
    PyObject* found = attribute(operand, format == Format::Keys ? names.dict : name_data);
    if (found != nullptr && !PyDict_CheckExact(found)) {
        Py_DECREF(found);
        return nullptr;
    }
    return found;
}

bool type_of(PyObject* operand, int& type) {
    const Held dtype(attribute(operand, names.dtype));
    if (!dtype || !PyArray_DescrCheck(dtype.object)) {
        return false;
    }
    const PyArray_Descr* descr = reinterpret_cast<PyArray_Descr*>(dtype.object);
    type = descr->type_num;
    return (PyTypeNum_ISBOOL(type) || PyTypeNum_ISNUMBER(type)) && PyArray_ISNBO(descr->byteorder);
}

// The lists of one row as a line of indices and values.
template <class T, class I>
bool fill_lists(PyObject* const* rows, PyObject* const* values, npy_intp height, npy_intp width,
                npy_intp entries, I* indptr, I* indices, T* data, const Reader<T>& read) {
    npy_intp to = 0;
    indptr[0] = 0;
    for (npy_intp row = 0; row < height; ++row) {
        PyObject *const at = rows[row], *const with = values[row];
        const npy_intp count = PyList_GET_SIZE(at);
        if (PyList_GET_SIZE(with) != count || to + count > entries) {
            return false;
        }
        for (npy_intp k = 0; k < count; ++k, ++to) {
            npy_intp index;
            if (!index_of(PyList_GET_ITEM(at, k), width, index) ||
                !read(PyList_GET_ITEM(with, k), data[to])) {
                return false;
            }
            indices[to] = static_cast<I>(index);
        }
        indptr[row + 1] = static_cast<I>(to);
    }
    return to == entries;
}

// Keys of as many indices as there are axes; of one axis an index may stand alone.
template <class T, class I>
bool fill_keys(PyObject* entries, const npy_intp* sizes, int ndim, I* const* coords, T* data, npy_intp count,
               const Reader<T>& read) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    npy_intp to = 0;
    for (; PyDict_Next(entries, &position, &key, &value); ++to) {
        if (to >= count || !read(value, data[to])) {
            return false;
        }
        const bool single = ndim == 1 && !PyTuple_CheckExact(key);
        if (!single && (!PyTuple_CheckExact(key) || PyTuple_GET_SIZE(key) != ndim)) {
            return false;
        }
        for (int i = 0; i < ndim; ++i) {
            npy_intp index;
            if (!index_of(single ? key : PyTuple_GET_ITEM(key, i), sizes[i], index)) {
                return false;
            }
            coords[i][to] = static_cast<I>(index);
        }
    }
    return to == count;
}

template <class T, class I>
bool fill_keys(PyObject* entries, const npy_intp* sizes, int ndim, const Held& coords, T* data,
               npy_intp count, const Reader<T>& read) {
    I* to[MOST];
    for (int i = 0; i < ndim; ++i) {
        PyObject* const x = PyTuple_GET_ITEM(coords.object, i);
        to[i] = static_cast<I*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(x)));
    }
    return fill_keys<T, I>(entries, sizes, ndim, to, data, count, read);
}

int index_type(npy_intp most) {
    return most > NPY_MAX_INT32 ? NPY_INT64 : NPY_INT32;
}

// Whether what was read is good; an exception of a number that does not fit is none here.
bool plain(bool good) {
    if (!good) {
        PyErr_Clear();
    }
    return good;
}

} // namespace

bool is_listed(Format format) {
    return format == Format::Lists || format == Format::Keys || format == Format::Dictionary;
}

bool describe_listed(PyObject* operand, Format format, int& type, npy_intp& entries) {
    if (!know_names() || !type_of(operand, type)) {
        PyErr_Clear();
        return false;
    }
    const Held held(format == Format::Lists ? lists_of(operand, name_data) : dictionary_of(operand, format));
    if (!held) {
        return false;
    }
    entries = format == Format::Lists ? length_of(held.array()) : PyDict_GET_SIZE(held.object);
    return true;
}

bool take_lists(PyObject* operand, npy_intp rows, npy_intp columns, ExpandedRows& to) {
    int type;
    if (!know_names() || !type_of(operand, type)) {
        return false;
    }
    const Held places(lists_of(operand, names.rows)), values(lists_of(operand, name_data));
    if (!places || !values || PyArray_DIM(places.array(), 0) != rows ||
        PyArray_DIM(values.array(), 0) != rows) {
        return false;
    }
    npy_intp ends = rows + 1, entries = length_of(places.array());
    const int index = index_type(std::max({rows, columns, entries}));
    to.indptr.object = PyArray_SimpleNew(1, &ends, index);
    to.indices.object = PyArray_SimpleNew(1, &entries, index);
    to.data.object = PyArray_SimpleNew(1, &entries, type);
    if (!to.indptr || !to.indices || !to.data) {
        return false;
    }
    PyObject *const *at = static_cast<PyObject**>(PyArray_DATA(places.array())), *const *with =
                                                                                     static_cast<PyObject**>(
                                                                                         PyArray_DATA(
                                                                                             values.array()));
    void *indptr = PyArray_DATA(to.indptr.array()), *indices = PyArray_DATA(to.indices.array());
    return plain(by_dtype(
        PyArray_DESCR(to.data.array())->type,
        [&](auto like) {
            using T = decltype(like);
            T* data = static_cast<T*>(PyArray_DATA(to.data.array()));
            const Reader<T> read = reader_of<T>(to.data.array());
            return index == NPY_INT64
                       ? fill_lists<T>(at, with, rows, columns, entries, static_cast<npy_int64*>(indptr),
                                       static_cast<npy_int64*>(indices), data, read)
                       : fill_lists<T>(at, with, rows, columns, entries, static_cast<npy_int32*>(indptr),
                                       static_cast<npy_int32*>(indices), data, read);
        },
        false));
}

bool take_keys(PyObject* operand, Format format, const npy_intp* sizes, int ndim, Held& coords, Held& data) {
    int type;
    if (!know_names() || !type_of(operand, type)) {
        return false;
    }
    const Held keyed(dictionary_of(operand, format));
    if (!keyed || ndim < 1 || ndim > MOST) {
        return false;
    }
    npy_intp count = PyDict_GET_SIZE(keyed.object);
    const int index = index_type(*std::max_element(sizes, sizes + ndim));
    coords.object = PyTuple_New(ndim);
    data.object = PyArray_SimpleNew(1, &count, type);
    for (int i = 0; coords && i < ndim; ++i) {
        PyObject* vector = PyArray_SimpleNew(1, &count, index);
        if (vector == nullptr) {
            return false;
        }
        PyTuple_SET_ITEM(coords.object, i, vector);
    }
    if (!coords || !data) {
        return false;
    }
    return plain(by_dtype(
        PyArray_DESCR(data.array())->type,
        [&](auto like) {
            using T = decltype(like);
            T* values = static_cast<T*>(PyArray_DATA(data.array()));
            const Reader<T> read = reader_of<T>(data.array());
            return index == NPY_INT64
                       ? fill_keys<T, npy_int64>(keyed.object, sizes, ndim, coords, values, count, read)
                       : fill_keys<T, npy_int32>(keyed.object, sizes, ndim, coords, values, count, read);
        },
        false));
}

} // namespace einroute
