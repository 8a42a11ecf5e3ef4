#include "sparse_main_diagonal.hpp"

#include "sparse_checks.hpp"
#include "sparse_dtypes.hpp"
#include "sparse_lines.hpp"
#include "sparse_parts.hpp"

#include <cstddef>
#include <new>
#include <vector>

namespace einroute {

namespace {

// Which entries of a square matrix are on the diagonal, and their lines; false where pointers do not rise
// from 0 to the number of entries.
template <class I>
bool find(const Lines<I>& lines, std::size_t length, std::vector<std::size_t>& at,
          std::vector<npy_int64>& on) {
    std::size_t before = 0;
    const bool rising =
        each_that_may_have_entries(lines.indptr, length, lines.entries, [&](std::size_t line) {
            std::size_t low, high;
            if (!lines.range(line, low, high) || low != before) {
                return false;
            }
            for (std::size_t k = low; k < high; ++k) {
                if (lines.indices[k] == static_cast<I>(line)) {
                    at.push_back(k);
                    on.push_back(static_cast<npy_int64>(line));
                }
            }
            before = high;
            return true;
        });
    return rising && before == lines.entries &&
           static_cast<std::size_t>(static_cast<std::int64_t>(lines.indptr[length])) == before;
}

template <class I>
bool find(PyArrayObject* indptr, PyArrayObject* indices, npy_intp length, std::vector<std::size_t>& at,
          std::vector<npy_int64>& on) {
    const Lines<I> lines{static_cast<const I*>(PyArray_DATA(indptr)),
                         static_cast<const I*>(PyArray_DATA(indices)),
                         static_cast<std::size_t>(PyArray_DIM(indices, 0))};
    return checked(length + PyArray_DIM(indices, 0), [&] {
        try {
            return within(indices, length) && find(lines, static_cast<std::size_t>(length), at, on);
        } catch (const std::bad_alloc&) {
            return false;
        }
    });
}

// The places and the values there, of vectors that were found.
PyObject* packed(PyArrayObject* data, const std::vector<std::size_t>& at, const std::vector<npy_int64>& on) {
    npy_intp count = static_cast<npy_intp>(at.size());
    const Held places(PyArray_SimpleNew(1, &count, NPY_INT64)),
        values(PyArray_SimpleNew(1, &count, PyArray_TYPE(data)));
    if (!places || !values) {
        return nullptr;
    }
    by_dtype(
        PyArray_DESCR(data)->type,
        [&](auto like) {
            using T = decltype(like);
            const T* const from = static_cast<const T*>(PyArray_DATA(data));
            T* const to = static_cast<T*>(PyArray_DATA(values.array()));
            npy_int64* const place = static_cast<npy_int64*>(PyArray_DATA(places.array()));
            for (std::size_t i = 0; i < at.size(); ++i) {
                to[i] = from[at[i]];
                place[i] = on[i];
            }
            return 0;
        },
        0);
    return PyTuple_Pack(2, places.object, values.object);
}

bool is_square(PyObject* shape, npy_intp& length) {
    npy_intp sizes[2] = {-1, -1};
    for (int i = 0; PyTuple_CheckExact(shape) && PyTuple_GET_SIZE(shape) == 2 && i < 2; ++i) {
        sizes[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, i));
    }
    PyErr_Clear();
    length = sizes[0];
    return length >= 0 && sizes[0] == sizes[1];
}

PyObject* main_entries(PyObject*, PyObject* operand) {
    const Format format = format_of(operand);
    const int axis =
        format != Format::Unknown && is_zero_filled(operand, format) ? compressed_axis(operand, format) : -1;
    const Held shape(axis < 0 ? nullptr : shape_of(operand, format));
    npy_intp length;
    if (!shape || !is_square(shape.object, length)) {
        Py_RETURN_NONE;
    }
    const Held indptr(vector_part(operand, name_indptr)), indices(vector_part(operand, name_indices)),
        data(vector_part(operand, name_data));
    if (!indptr || !indices || !data || !are_indices(indptr.array(), indices.array()) ||
        PyArray_DIM(indptr.array(), 0) != length + 1 ||
        PyArray_DIM(data.array(), 0) != PyArray_DIM(indices.array(), 0) ||
        !by_dtype(PyArray_DESCR(data.array())->type, [](auto) { return true; }, false)) {
        Py_RETURN_NONE;
    }
    std::vector<std::size_t> at;
    std::vector<npy_int64> on;
    const bool sound = PyArray_ITEMSIZE(indices.array()) == 4
                           ? find<std::int32_t>(indptr.array(), indices.array(), length, at, on)
                           : find<std::int64_t>(indptr.array(), indices.array(), length, at, on);
    if (!sound) {
        Py_RETURN_NONE;
    }
    return packed(data.array(), at, on);
}

PyMethodDef functions[] = {
    {"main_entries", main_entries, METH_O,
     "main_entries(operand, /)\n--\n\n"
     "Places and values of the entries on the main diagonal of a square compressed matrix, one after the "
     "other along it.\n"
     "None of others, and where its arrays are not plain or hold an index that is out of range."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_sparse_main_diagonal(PyObject* module) {
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
