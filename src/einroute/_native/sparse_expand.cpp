#include "sparse_expand.hpp"

#include "sparse_checks.hpp"

#include "sparse_dtypes.hpp"
#include "sparse_lines.hpp"
#include "sparse_listed.hpp"
#include "sparse_parts.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

namespace einroute {

namespace {

using std::size_t;

PyArrayObject* as_array(PyObject* object) {
    return reinterpret_cast<PyArrayObject*>(object);
}

bool is_plain(PyObject* object, int ndim) {
    return PyArray_CheckExact(object) && PyArray_NDIM(as_array(object)) == ndim &&
           PyArray_ISCARRAY_RO(as_array(object));
}

// An attribute, if it is a plain array of so many axes; null without an exception where it is not.
PyObject* values_of(PyObject* operand, int ndim) {
    PyObject* found = PyObject_GetAttr(operand, name_data);
    if (found == nullptr) {
        PyErr_Clear();
        return nullptr;
    }
    if (!is_plain(found, ndim)) {
        Py_DECREF(found);
        return nullptr;
    }
    return found;
}

// Arrays for so many entries, of a dtype that holds the matrix's extents; false with an exception set where
// there is no memory.
bool make_room(ExpandedRows& to, npy_intp rows, npy_intp columns, npy_intp entries, int type) {
    const int index = std::max({rows, columns, entries}) > NPY_MAX_INT32 ? NPY_INT64 : NPY_INT32;
    npy_intp first = to.coordinates ? entries : rows + 1;
    to.indptr.object = PyArray_SimpleNew(1, &first, index);
    to.indices.object = PyArray_SimpleNew(1, &entries, index);
    to.data.object = PyArray_SimpleNew(1, &entries, type);
    return to.indptr && to.indices && to.data;
}

bool is_wide(const Held& indices) {
    return PyArray_ITEMSIZE(indices.array()) == 8;
}

struct Pair {
    std::uint64_t first, second;
};

template <class V, class I, class O> bool expand_blocks(const Blocks& from, O* indptr, O* indices, V* data) {
    const Lines<I> lines{static_cast<const I*>(from.indptr), static_cast<const I*>(from.indices), from.count};
    const size_t width = from.width, block = from.height * width;
    const V* values = reinterpret_cast<const V*>(from.data);
    indptr[0] = 0;
    size_t to = 0, end = 0;
    for (size_t line = 0; line < from.lines; ++line) {
        size_t low, high;
        if (!lines.range(line, low, high) || low != end) {
            return false;
        }
        end = high;
        const size_t first = to;
        for (size_t row = 0; row < from.height; ++row) {
            for (size_t k = low; k < high; ++k) {
                const size_t index = row == 0 ? lines.index(k) : 0;
                if (index >= from.across) {
                    return false;
                }
                // The other rows of a block stand where its first one does, which has been compared.
                const O column =
                    row == 0 ? static_cast<O>(index * width) : indices[first + (k - low) * width];
                const V* const at = values + k * block + row * width;
                for (size_t i = 0; i < width; ++i) {
                    indices[to] = static_cast<O>(column + static_cast<O>(i));
                    data[to++] = at[i];
                }
            }
            indptr[line * from.height + row + 1] = static_cast<O>(to);
        }
    }
    return end == from.count;
}

template <class I, class O> bool expand_items(const Blocks& from, void* indptr, void* indices, char* data) {
    O *ends = static_cast<O*>(indptr), *at = static_cast<O*>(indices);
    switch (from.item) {
    case 1:
        return expand_blocks<std::uint8_t, I>(from, ends, at, reinterpret_cast<std::uint8_t*>(data));
    case 2:
        return expand_blocks<std::uint16_t, I>(from, ends, at, reinterpret_cast<std::uint16_t*>(data));
    case 4:
        return expand_blocks<std::uint32_t, I>(from, ends, at, reinterpret_cast<std::uint32_t*>(data));
    case 8:
        return expand_blocks<std::uint64_t, I>(from, ends, at, reinterpret_cast<std::uint64_t*>(data));
    case 16:
        return expand_blocks<Pair, I>(from, ends, at, reinterpret_cast<Pair*>(data));
    default:
        return false;
    }
}

bool take_blocks(PyObject* operand, npy_intp rows, npy_intp columns, ExpandedRows& to) {
    HeldBlocks held;
    if (!read_blocks(operand, rows, columns, held)) {
        return false;
    }
    const Blocks& blocks = held.blocks;
    const npy_intp entries = PyArray_SIZE(held.data.array());
    if (!make_room(to, rows, columns, entries, PyArray_TYPE(held.data.array()))) {
        return false;
    }
    const bool to_wide = is_wide(to.indices);
    void *indptr = PyArray_DATA(to.indptr.array()), *indices = PyArray_DATA(to.indices.array());
    char* values = PyArray_BYTES(to.data.array());
    bool good = false;
    released(entries + rows, [&] {
        good = blocks.wide ? (to_wide ? expand_items<npy_int64, npy_int64>(blocks, indptr, indices, values)
                                      : expand_items<npy_int64, npy_int32>(blocks, indptr, indices, values))
                           : (to_wide ? expand_items<npy_int32, npy_int64>(blocks, indptr, indices, values)
                                      : expand_items<npy_int32, npy_int32>(blocks, indptr, indices, values));
    });
    return good;
}

template <class T> inline T value_at(const Diagonal& one, npy_int64 column) {
    T value;
    std::memcpy(&value, one.data + column * static_cast<npy_int64>(sizeof(T)), sizeof(T));
    return value;
}

// A zero on a diagonal is no entry, as in SciPy's own conversions. Returns how many entries there are.
template <class T, class O>
npy_intp expand_diagonals(const std::vector<Diagonal>& diagonals, npy_intp rows, npy_intp width, O* indptr,
                          O* indices, T* data) {
    npy_intp to = 0;
    indptr[0] = 0;
    // Each entry has room of its own, so that a zero may be written where the next one will be.
    const auto write = [&](const Diagonal& one, npy_int64 column) {
        const T value = value_at<T>(one, column);
        indices[to] = static_cast<O>(column);
        data[to] = value;
        to += is_zero(value) ? 0 : 1;
    };
    // Rows that all diagonals cross.
    const npy_int64 first = diagonals.empty() ? 0 : -diagonals.front().offset,
                    last = diagonals.empty() ? 0 : width - diagonals.back().offset;
    for (npy_intp row = 0; row < rows; ++row) {
        if (row >= first && row < last) {
            for (const Diagonal& one : diagonals) {
                write(one, row + one.offset);
            }
        } else {
            for (const Diagonal& one : diagonals) {
                if (row + one.offset >= 0 && row + one.offset < width) {
                    write(one, row + one.offset);
                }
            }
        }
        indptr[row + 1] = static_cast<O>(to);
    }
    return to;
}

// Diagonals by their offsets; false where an offset is far out of range, or comes twice.
bool in_order(const Held& data, const Held& offsets, std::vector<Diagonal>& to) {
    const npy_intp count = PyArray_DIM(data.array(), 0), row = PyArray_STRIDE(data.array(), 0);
    for (npy_intp i = 0; i < count; ++i) {
        const void* from = PyArray_GETPTR1(offsets.array(), i);
        const npy_int64 offset =
            is_wide(offsets) ? *static_cast<const npy_int64*>(from) : *static_cast<const npy_int32*>(from);
        if (offset <= -NPY_MAX_INT32 || offset >= NPY_MAX_INT32) {
            return false;
        }
        to.push_back({offset, PyArray_BYTES(data.array()) + i * row});
    }
    std::sort(to.begin(), to.end(), [](const Diagonal& x, const Diagonal& y) { return x.offset < y.offset; });
    return std::adjacent_find(to.begin(), to.end(), [](const Diagonal& x, const Diagonal& y) {
               return x.offset == y.offset;
           }) == to.end();
}

// The entries that diagonals have room for.
npy_intp room_of(const std::vector<Diagonal>& diagonals, npy_intp rows, npy_intp width) {
    npy_intp room = 0;
    for (const Diagonal& one : diagonals) {
        const npy_int64 first = std::max<npy_int64>(0, one.offset),
                        last = std::min<npy_int64>(rows + one.offset, width);
        room += std::max<npy_int64>(0, last - first);
    }
    return room;
}

bool shorten(Held& x, npy_intp count) {
    PyObject* made = PyArray_SimpleNew(1, &count, PyArray_TYPE(x.array()));
    if (made == nullptr) {
        return false;
    }
    std::memcpy(PyArray_DATA(as_array(made)), PyArray_DATA(x.array()),
                static_cast<size_t>(PyArray_NBYTES(as_array(made))));
    Py_SETREF(x.object, made);
    return true;
}

// The same by coordinates, one diagonal after the other.
template <class T, class O>
npy_intp list_diagonals(const std::vector<Diagonal>& diagonals, npy_intp rows, npy_intp width, O* row,
                        O* column, T* data) {
    npy_intp to = 0;
    for (const Diagonal& one : diagonals) {
        const npy_int64 last = std::min<npy_int64>(rows + one.offset, width);
        for (npy_int64 at = std::max<npy_int64>(0, one.offset); at < last; ++at) {
            const T value = value_at<T>(one, at);
            if (!is_zero(value)) {
                row[to] = static_cast<O>(at - one.offset);
                column[to] = static_cast<O>(at);
                data[to++] = value;
            }
        }
    }
    return to;
}

// Rows for each entry from which rows are not made.
constexpr npy_intp BARELY = 4;

} // namespace

bool take_diagonals(HeldDiagonals& held, npy_intp rows, npy_intp columns, Wanted wanted, ExpandedRows& to) {
    std::vector<Diagonal>& diagonals = held.diagonals;
    if (wanted == Wanted::Main) {
        const auto others = [](const Diagonal& one) { return one.offset != 0; };
        diagonals.erase(std::remove_if(diagonals.begin(), diagonals.end(), others), diagonals.end());
    }
    const npy_intp width = held.width, room = room_of(diagonals, rows, width);
    to.coordinates = wanted == Wanted::Main || (wanted == Wanted::Any && room < rows / BARELY);
    if (!make_room(to, rows, columns, room, PyArray_TYPE(held.data.array()))) {
        return false;
    }
    npy_intp left = -1;
    void *indptr = PyArray_DATA(to.indptr.array()), *indices = PyArray_DATA(to.indices.array());
    const bool wide = is_wide(to.indices);
    const auto run = [&](auto like) -> npy_intp {
        using T = decltype(like);
        T* values = reinterpret_cast<T*>(PyArray_BYTES(to.data.array()));
        if (to.coordinates) {
            return wide ? list_diagonals(diagonals, rows, width, static_cast<npy_int64*>(indptr),
                                         static_cast<npy_int64*>(indices), values)
                        : list_diagonals(diagonals, rows, width, static_cast<npy_int32*>(indptr),
                                         static_cast<npy_int32*>(indices), values);
        }
        return wide ? expand_diagonals(diagonals, rows, width, static_cast<npy_int64*>(indptr),
                                       static_cast<npy_int64*>(indices), values)
                    : expand_diagonals(diagonals, rows, width, static_cast<npy_int32*>(indptr),
                                       static_cast<npy_int32*>(indices), values);
    };
    released(room + rows,
             [&] { left = by_dtype(PyArray_DESCR(held.data.array())->type, run, npy_intp(-1)); });
    return left >= 0 && (left == room || ((!to.coordinates || shorten(to.indptr, left)) &&
                                          shorten(to.indices, left) && shorten(to.data, left)));
}

bool read_blocks(PyObject* operand, npy_intp rows, npy_intp columns, HeldBlocks& to) {
    to.data.object = values_of(operand, 3);
    to.indptr.object = vector_part(operand, name_indptr);
    to.indices.object = vector_part(operand, name_indices);
    if (!to.data || !to.indptr || !to.indices || !are_indices(to.indptr.array(), to.indices.array())) {
        return false;
    }
    const npy_intp* dims = PyArray_DIMS(to.data.array());
    const npy_intp count = dims[0], height = dims[1], width = dims[2];
    if (height < 1 || width < 1 || rows % height != 0 || columns % width != 0 ||
        PyArray_DIM(to.indices.array(), 0) != count ||
        PyArray_DIM(to.indptr.array(), 0) != rows / height + 1) {
        return false;
    }
    to.blocks = {
        PyArray_DATA(to.indptr.array()),      PyArray_DATA(to.indices.array()),
        PyArray_BYTES(to.data.array()),       is_wide(to.indices),
        static_cast<size_t>(count),           static_cast<size_t>(rows / height),
        static_cast<size_t>(columns / width), static_cast<size_t>(height),
        static_cast<size_t>(width),           static_cast<size_t>(PyArray_ITEMSIZE(to.data.array()))};
    return true;
}

PyObject* values_of_blocks(PyObject* operand, npy_intp rows, npy_intp columns) {
    HeldBlocks held;
    if (!read_blocks(operand, rows, columns, held)) {
        return nullptr;
    }
    const Blocks& p = held.blocks;
    const npy_intp lines = static_cast<npy_intp>(p.lines), count = static_cast<npy_intp>(p.count);
    const bool good = checked(lines + count, [&] {
        return span_all(held.indptr.array(), lines, count) &&
               within(held.indices.array(), static_cast<npy_intp>(p.across));
    });
    return good ? PyArray_Ravel(held.data.array(), NPY_CORDER) : nullptr;
}

bool read_diagonals(PyObject* operand, npy_intp columns, HeldDiagonals& to) {
    to.data.object = values_of(operand, 2);
    to.offsets.object = vector_part(operand, name_offsets);
    return to.data && to.offsets && fit_diagonals(columns, to);
}

bool fit_diagonals(npy_intp columns, HeldDiagonals& to) {
    if (!is_plain(to.data.object, 2) || !is_plain_vector(to.offsets.object) ||
        !are_indices(to.offsets.array(), to.offsets.array()) ||
        PyArray_DIM(to.offsets.array(), 0) != PyArray_DIM(to.data.array(), 0)) {
        return false;
    }
    to.width = std::min(columns, PyArray_DIM(to.data.array(), 1));
    try {
        return in_order(to.data, to.offsets, to.diagonals);
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
        return false;
    }
}

PyObject* values_of_diagonals(PyObject* operand, npy_intp rows, npy_intp columns) {
    HeldDiagonals held;
    if (!read_diagonals(operand, columns, held)) {
        return nullptr;
    }
    npy_intp room = room_of(held.diagonals, rows, held.width);
    PyObject* made = PyArray_SimpleNew(1, &room, PyArray_TYPE(held.data.array()));
    if (made == nullptr) {
        return nullptr;
    }
    char* to = PyArray_BYTES(as_array(made));
    const npy_int64 item = PyArray_ITEMSIZE(as_array(made));
    released(room, [&] {
        for (const Diagonal& one : held.diagonals) {
            const npy_int64 first = std::max<npy_int64>(0, one.offset),
                            last = std::min<npy_int64>(rows + one.offset, held.width);
            if (first < last) {
                std::memcpy(to, one.data + first * item, static_cast<size_t>((last - first) * item));
                to += (last - first) * item;
            }
        }
    });
    return made;
}

bool expand(PyObject* operand, Format format, npy_intp rows, npy_intp columns, Wanted wanted,
            ExpandedRows& to) {
    if (format == Format::Diagonals) {
        HeldDiagonals held;
        return read_diagonals(operand, columns, held) && take_diagonals(held, rows, columns, wanted, to);
    }
    return format == Format::Blocks  ? take_blocks(operand, rows, columns, to)
           : format == Format::Lists ? take_lists(operand, rows, columns, to)
                                     : false;
}

} // namespace einroute
