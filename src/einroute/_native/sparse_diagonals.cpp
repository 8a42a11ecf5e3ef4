#include "sparse_diagonals.hpp"

#include "float_status.hpp"
#include "sparse_checks.hpp"
#include "sparse_dtypes.hpp"
#include "sparse_expand.hpp"
#include "sparse_parts.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

namespace einroute {

namespace {

// Sums for each element from which they are not all made room for.
constexpr npy_intp SPARSER = 32;

// What elements are summed in: single precision would lose digits one number after the other.
template <class T> struct Sum {
    using Type = T;
};
template <> struct Sum<float> {
    using Type = double;
};
template <> struct Sum<Complex<float>> {
    using Type = Complex<double>;
};

template <class W, class T> inline void add_to(W& sum, const T& x) {
    sum = static_cast<W>(sum + static_cast<W>(x));
}
inline void add_to(Bool& sum, const Bool& x) {
    sum.byte = sum.byte != 0 || x.byte != 0;
}
template <class R, class S> inline void add_to(Complex<R>& sum, const Complex<S>& x) {
    sum.re += static_cast<R>(x.re);
    sum.im += static_cast<R>(x.im);
}

template <class T, class W> inline T narrowed(const W& x) {
    return static_cast<T>(x);
}
template <> inline Complex<float> narrowed(const Complex<double>& x) {
    return {static_cast<float>(x.re), static_cast<float>(x.im)};
}

// Where a diagonal begins and ends, by its columns.
inline npy_int64 first_of(const Diagonal& one) {
    return std::max<npy_int64>(0, one.offset);
}
inline npy_int64 last_of(const Diagonal& one, npy_intp rows, npy_intp width) {
    return std::min<npy_int64>(rows + one.offset, width);
}

// Sums of the rows, or columns, and which of them have an entry that is not 0.
template <class T> struct Sums {
    using W = typename Sum<T>::Type;

    Sums(const HeldDiagonals& from, npy_intp height, bool by_rows)
        : diagonals(from), rows(height), along_rows(by_rows) {}

    const HeldDiagonals& diagonals;
    const npy_intp rows;
    const bool along_rows;
    std::unique_ptr<W[]> sums;
    std::unique_ptr<bool[]> held;

    npy_intp add_up(npy_intp count) {
        sums.reset(new (std::nothrow) W[static_cast<std::size_t>(count) + 1]());
        held.reset(new (std::nothrow) bool[static_cast<std::size_t>(count) + 1]());
        if (!sums || !held) {
            return -1;
        }
        for (const Diagonal& one : diagonals.diagonals) {
            const npy_int64 first = first_of(one), last = last_of(one, rows, diagonals.width);
            const npy_int64 ahead = along_rows ? one.offset : 0;
            const T* const values = reinterpret_cast<const T*>(one.data);
            for (npy_int64 at = first; at < last; ++at) {
                const T value = values[at];
                add_to(sums[static_cast<std::size_t>(at - ahead)], value);
                held[static_cast<std::size_t>(at - ahead)] |= !is_zero(value);
            }
        }
        clear_status();
        return std::count(held.get(), held.get() + count, true);
    }

    void write(npy_intp count, npy_int64* places, T* to) const {
        for (npy_intp i = 0; i < count; ++i) {
            if (held[static_cast<std::size_t>(i)]) {
                *places++ = i;
                *to++ = narrowed<T>(sums[static_cast<std::size_t>(i)]);
            }
        }
        clear_status();
    }
};

template <class T>
PyObject* sums_of(const HeldDiagonals& diagonals, npy_intp rows, npy_intp columns, bool along_rows) {
    const npy_intp count = along_rows ? rows : columns;
    const npy_intp work = count + PyArray_SIZE(diagonals.data.array());
    Sums<T> sums(diagonals, rows, along_rows);
    npy_intp found = 0;
    released(work, [&] { found = sums.add_up(count); });
    if (found < 0) {
        return PyErr_NoMemory();
    }
    const Held places(PyArray_SimpleNew(1, &found, NPY_INT64)),
        made(PyArray_SimpleNew(1, &found, PyArray_TYPE(diagonals.data.array())));
    if (!places || !made) {
        return nullptr;
    }
    released(work, [&] {
        sums.write(count, static_cast<npy_int64*>(PyArray_DATA(places.array())),
                   static_cast<T*>(PyArray_DATA(made.array())));
    });
    return PyTuple_Pack(2, places.object, made.object);
}

// The extents and diagonals of an operand; false, mostly without an exception, where they are not plain.
bool read(PyObject* operand, npy_intp (&sizes)[2], HeldDiagonals& to) {
    if (format_of(operand) != Format::Diagonals) {
        return false;
    }
    const Held shape(shape_of(operand, Format::Diagonals));
    if (!shape || !PyTuple_CheckExact(shape.object) || PyTuple_GET_SIZE(shape.object) != 2) {
        return false;
    }
    for (int i = 0; i < 2; ++i) {
        sizes[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape.object, i));
        if (sizes[i] < 0) {
            PyErr_Clear();
            return false;
        }
    }
    return read_diagonals(operand, sizes[1], to);
}

PyObject* none() {
    return PyErr_Occurred() ? nullptr : Py_NewRef(Py_None);
}

PyObject* diagonal_sums(PyObject*, PyObject* args) {
    PyObject* operand;
    int axis;
    if (!PyArg_ParseTuple(args, "Oi:diagonal_sums", &operand, &axis)) {
        return nullptr;
    }
    npy_intp sizes[2];
    HeldDiagonals held;
    if ((axis != 0 && axis != 1) || !read(operand, sizes, held)) {
        return none();
    }
    if (PyArray_SIZE(held.data.array()) <
        sizes[axis] / SPARSER) { // most sums have no entry, and no memory here
        return none();
    }
    PyObject* made = by_dtype(
        PyArray_DESCR(held.data.array())->type,
        [&](auto like) { return sums_of<decltype(like)>(held, sizes[0], sizes[1], axis == 0); },
        static_cast<PyObject*>(nullptr));
    return made != nullptr ? made : none();
}

PyObject* main_diagonal(PyObject*, PyObject* operand) {
    npy_intp sizes[2];
    HeldDiagonals held;
    if (!read(operand, sizes, held)) {
        return none();
    }
    npy_intp count = 0;
    const char* from = nullptr;
    for (const Diagonal& one : held.diagonals) {
        if (one.offset == 0) {
            count = std::max<npy_intp>(0, last_of(one, sizes[0], held.width));
            from = one.data;
        }
    }
    PyObject* made = PyArray_SimpleNew(1, &count, PyArray_TYPE(held.data.array()));
    if (made != nullptr && count > 0) {
        PyArrayObject* to = reinterpret_cast<PyArrayObject*>(made);
        std::memcpy(PyArray_DATA(to), from, static_cast<std::size_t>(PyArray_NBYTES(to)));
    }
    return made;
}

PyObject* rows_of_diagonals(PyObject*, PyObject* args) {
    PyObject *data, *offsets;
    Py_ssize_t rows, columns;
    if (!PyArg_ParseTuple(args, "OOnn:rows_of_diagonals", &data, &offsets, &rows, &columns)) {
        return nullptr;
    }
    HeldDiagonals held;
    held.data.object = Py_NewRef(data);
    held.offsets.object = Py_NewRef(offsets);
    ExpandedRows made;
    if (rows < 0 || columns < 0 || !fit_diagonals(columns, held) ||
        !take_diagonals(held, rows, columns, Wanted::Rows, made)) {
        return none();
    }
    return PyTuple_Pack(3, made.indptr.object, made.indices.object, made.data.object);
}

template <class R> inline R times(R a, R b) {
    return a * b;
}
template <class R> inline Complex<R> times(const Complex<R>& a, const Complex<R>& b) {
    return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
// Elements of vectors that stay in cache while all diagonals pass them; and how many sums take turns.
constexpr npy_int64 STRETCH = 1 << 11;
constexpr int LANES = 8;

// Adds left[i] * a[i] * right[i] to sums in turn.
template <class T, class W>
void add_between(const T* a, const T* left, const T* right, npy_int64 count, W (&sums)[LANES]) {
    npy_int64 k = 0;
    for (; k + LANES <= count; k += LANES) {
        T products[LANES];
        for (int lane = 0; lane < LANES; ++lane) {
            products[lane] = times(left[k + lane], times(a[k + lane], right[k + lane]));
        }
        for (int lane = 0; lane < LANES; ++lane) {
            add_to(sums[lane], products[lane]);
        }
    }
    for (int lane = 0; k < count; ++k, ++lane) {
        add_to(sums[lane], times(left[k], times(a[k], right[k])));
    }
}

// The same of complex numbers, whose parts lie in lanes of their own.
template <class R>
void add_between(const Complex<R>* a, const Complex<R>* left, const Complex<R>* right, npy_int64 count,
                 Complex<double> (&sums)[LANES]) {
    double re_sums[LANES] = {}, im_sums[LANES] = {};
    npy_int64 k = 0;
    for (; k + LANES <= count; k += LANES) {
        R re[LANES], im[LANES];
        for (int i = 0; i < LANES; ++i) {
            const Complex<R> x = times(a[k + i], right[k + i]);
            re[i] = left[k + i].re * x.re - left[k + i].im * x.im;
            im[i] = left[k + i].re * x.im + left[k + i].im * x.re;
        }
        for (int i = 0; i < LANES; ++i) {
            re_sums[i] += static_cast<double>(re[i]);
            im_sums[i] += static_cast<double>(im[i]);
        }
    }
    for (int i = 0; i < LANES; ++i) {
        add_to(sums[i], Complex<double>{re_sums[i], im_sums[i]});
    }
    for (int lane = 0; k < count; ++k, ++lane) {
        add_to(sums[lane], times(left[k], times(a[k], right[k])));
    }
}

// The sum of all entries, each times the elements of two vectors.
template <class T>
typename Sum<T>::Type sum_between(const HeldDiagonals& a, npy_intp rows, const T* left, const T* right) {
    using W = typename Sum<T>::Type;
    W sums[LANES] = {};
    for (npy_int64 begin = 0; begin < a.width; begin += STRETCH) {
        for (const Diagonal& one : a.diagonals) {
            const npy_int64 first = std::max(first_of(one), begin),
                            last = std::min(last_of(one, rows, a.width), begin + STRETCH);
            if (first < last) {
                add_between(reinterpret_cast<const T*>(one.data) + first, left + (first - one.offset),
                            right + first, last - first, sums);
            }
        }
    }
    for (int lane = 1; lane < LANES; ++lane) {
        add_to(sums[0], sums[lane]);
    }
    clear_status();
    return sums[0];
}

PyObject* number(double x) {
    return PyFloat_FromDouble(x);
}
PyObject* number(const Complex<double>& x) {
    return PyComplex_FromDoubles(x.re, x.im);
}

template <class T>
PyObject* between(const HeldDiagonals& a, npy_intp rows, PyArrayObject* left, PyArrayObject* right) {
    typename Sum<T>::Type sum{};
    released(PyArray_SIZE(a.data.array()), [&] {
        sum = sum_between(a, rows, static_cast<const T*>(PyArray_DATA(left)),
                          static_cast<const T*>(PyArray_DATA(right)));
    });
    return number(sum);
}

PyObject* between_vectors(PyObject*, PyObject* args) {
    PyObject *operand, *first, *second;
    if (!PyArg_ParseTuple(args, "OOO:between_vectors", &operand, &first, &second)) {
        return nullptr;
    }
    npy_intp sizes[2];
    HeldDiagonals held;
    const Held left(side_by_side(first)), right(side_by_side(second));
    if (!left || !right || !read(operand, sizes, held)) {
        return none();
    }
    const int type = PyArray_TYPE(held.data.array());
    if (PyArray_TYPE(left.array()) != type || PyArray_TYPE(right.array()) != type ||
        PyArray_DIM(left.array(), 0) != sizes[0] || PyArray_DIM(right.array(), 0) != sizes[1]) {
        return none();
    }
    switch (type) {
    case NPY_FLOAT:
        return between<float>(held, sizes[0], left.array(), right.array());
    case NPY_DOUBLE:
        return between<double>(held, sizes[0], left.array(), right.array());
    case NPY_CFLOAT:
        return between<Complex<float>>(held, sizes[0], left.array(), right.array());
    case NPY_CDOUBLE:
        return between<Complex<double>>(held, sizes[0], left.array(), right.array());
    default:
        return none();
    }
}

PyMethodDef functions[] = {
    {"between_vectors", between_vectors, METH_VARARGS,
     "between_vectors(operand, left, right, /)\n--\n\n"
     "The sum of the entries of a matrix kept as diagonals, each times left's element of its row and right's "
     "of\n"
     "its column, in double precision; None of what is not plain, or of another dtype."},
    {"diagonal_sums", diagonal_sums, METH_VARARGS,
     "diagonal_sums(operand, axis, /)\n--\n\n"
     "Places and sums of the rows (axis 0), or columns, with entries of a matrix kept as diagonals; None of "
     "others."},
    {"main_diagonal", main_diagonal, METH_O,
     "main_diagonal(operand, /)\n--\n\n"
     "The values on the main diagonal of a matrix kept as diagonals; None of others."},
    {"rows_of_diagonals", rows_of_diagonals, METH_VARARGS,
     "rows_of_diagonals(data, offsets, rows, columns, /)\n--\n\n"
     "Pointers, indices and values of the rows of a matrix that is kept as diagonals; zeros are no entries.\n"
     "None where the arrays are not plain or do not fit each other."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_sparse_diagonals(PyObject* module) {
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
