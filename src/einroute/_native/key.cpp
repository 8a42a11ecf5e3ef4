#include "key.hpp"

#include "held.hpp"
#include "sparse_listed.hpp"
#include "sparse_parts.hpp"

#include <cstring>

namespace einroute {

namespace {

bool is_number(int type) {
    return (type >= NPY_BOOL && type <= NPY_CLONGDOUBLE) || type == NPY_HALF;
}

// Adds a shape, a tuple; false without an exception if it is not one of numbers.
bool add_shape(Key& key, PyObject* shape) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(shape); ++i) {
        PyObject* item = PyTuple_GET_ITEM(shape, i);
        const Py_ssize_t size = PyLong_Check(item) ? PyLong_AsSsize_t(item) : -1;
        if (size < 0 || !add_word(key, size)) {
            PyErr_Clear();
            return false;
        }
    }
    return true;
}

// Entries count by powers of two: a plan is good for all operands that hold about as many.
int bits_of(npy_intp count) {
    int bits = 0;
    for (; count > 0; count >>= 1) {
        ++bits;
    }
    return bits;
}

// The dtype of a sparse operand, and how many entries it holds; false where they are not plain.
bool described(PyObject* operand, Format format, int& type, npy_intp& entries) {
    if (is_listed(format)) {
        return describe_listed(operand, format, type, entries);
    }
    const Held data(PyObject_GetAttr(operand, name_data));
    if (!data || !PyArray_CheckExact(data.object)) {
        return false;
    }
    type = PyArray_TYPE(data.array());
    entries = PyArray_SIZE(data.array());
    return is_number(type) && PyArray_ISNOTSWAPPED(data.array());
}

// Adds the facts of a sparse operand of a class that is known; false without an exception if it is none.
bool add_sparse(Key& key, PyObject* operand) {
    const Format format = format_of(operand);
    if (format == Format::Unknown) {
        return false;
    }
    int type;
    npy_intp entries;
    const Held shape(described(operand, format, type, entries) ? shape_of(operand, format) : nullptr);
    const bool good =
        shape && PyTuple_CheckExact(shape.object) &&
        add_word(key, reinterpret_cast<std::intptr_t>(Py_TYPE(operand))) &&
        add_word(key, type | bits_of(entries) << 8 | int(PyTuple_GET_SIZE(shape.object)) << 16) &&
        add_shape(key, shape.object) &&
        (format != Format::Gcxs || add_word(key, compressed_axis(operand, format)));
    PyErr_Clear();
    return good;
}

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

} // namespace

bool begin_key(Key& key, int function, PyObject* subscripts) {
    key.subscripts = subscripts;
    key.count = 0;
    key.words[key.count++] = function;
    key.hash = 0;
    if (subscripts != nullptr) {
        const Py_hash_t hash = PyObject_Hash(subscripts);
        if (hash == -1) {
            PyErr_Clear();
            return false;
        }
        key.hash = static_cast<std::uint64_t>(hash);
    }
    return true;
}

bool add_word(Key& key, std::int64_t word) {
    if (key.count >= MOST_WORDS) {
        return false;
    }
    key.words[key.count++] = word;
    return true;
}

bool add_operand(Key& key, PyObject* operand) {
    if (!PyArray_CheckExact(operand)) {
        return add_sparse(key, operand);
    }
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(operand);
    const int type = PyArray_TYPE(x), ndim = PyArray_NDIM(x);
    if (!is_number(type) || !PyArray_ISNOTSWAPPED(x) || key.count + 1 + 2 * ndim > MOST_WORDS) {
        return false;
    }
    const bool ordered = PyArray_IS_C_CONTIGUOUS(x);
    std::int64_t* to = key.words + key.count;
    *to++ = type | ndim << 8 | (ordered ? 1 << 16 : 0);
    const npy_intp* dims = PyArray_DIMS(x);
    for (int i = 0; i < ndim; ++i) {
        *to++ = dims[i];
    }
    if (!ordered) {
        const npy_intp* strides = PyArray_STRIDES(x);
        for (int i = 0; i < ndim; ++i) {
            *to++ = strides[i];
        }
    }
    key.count = static_cast<int>(to - key.words);
    return true;
}

void end_key(Key& key) {
    std::uint64_t hash = key.hash;
    for (int i = 0; i < key.count; ++i) {
        hash = mixed(hash, static_cast<std::uint64_t>(key.words[i]));
    }
    key.hash = hash;
}

bool same_words(const Key& a, const Key& b) {
    return a.count == b.count &&
           std::memcmp(a.words, b.words, static_cast<std::size_t>(a.count) * sizeof a.words[0]) == 0;
}

} // namespace einroute
