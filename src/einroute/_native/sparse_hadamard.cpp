// Two matrices with compressed rows, element by element: the entries of a row of one are looked up by those
// of the other in a vector of all columns, which is filled once a row.

#include "sparse_hadamard.hpp"

#include "float_status.hpp"
#include "sparse_dtypes.hpp"
#include "sparse_parts.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

namespace einroute {

namespace {

using std::size_t;

constexpr npy_intp RELEASED = 1 << 14;
// Columns beside entries up to which there is a vector of all of them.
constexpr npy_intp FEW = 1 << 16, CROWDED = 8;

enum class Outcome { Done, Unsound, Repeated, NoLoops };

struct Matrix {
    const void *indptr, *indices;
    const char* data;
    npy_intp entries;
};

struct Job {
    Matrix a, b;
    npy_intp rows, columns;
};

struct Made {
    std::vector<npy_int64> indptr, indices;
    std::vector<char> data;
};

template <class T> inline T product_of(T a, T b) {
    T product{};
    add_product(product, a, b);
    return product;
}

template <class I> inline size_t number(const void* indices, size_t k) {
    return static_cast<size_t>(static_cast<std::int64_t>(static_cast<const I*>(indices)[k]));
}

template <class I> bool range(const Matrix& m, size_t row, size_t& low, size_t& high) {
    low = number<I>(m.indptr, row);
    high = number<I>(m.indptr, row + 1);
    return low <= high && high <= static_cast<size_t>(m.entries);
}

template <class T> inline T value(const Matrix& m, size_t k) {
    T x;
    std::memcpy(&x, m.data + k * sizeof(T), sizeof x);
    return x;
}

template <class T> void append(Made& to, size_t column, T value) {
    if (!is_zero(value)) {
        const char* bytes = reinterpret_cast<const char*>(&value);
        to.indices.push_back(static_cast<npy_int64>(column));
        to.data.insert(to.data.end(), bytes, bytes + sizeof value);
    }
}

template <class T, class I> Outcome multiply(const Job& job, Made& to) {
    const size_t columns = static_cast<size_t>(job.columns);
    // Where a column's entry of b lies; it counts if it is one of the row.
    std::vector<npy_int64> where(columns, -1);
    to.indptr.resize(static_cast<size_t>(job.rows) + 1);
    for (size_t row = 0; row < static_cast<size_t>(job.rows); ++row) {
        size_t low, high, first, last;
        if (!range<I>(job.a, row, low, high) || !range<I>(job.b, row, first, last)) {
            return Outcome::Unsound;
        }
        for (size_t k = first; low < high && k < last; ++k) {
            const size_t column = number<I>(job.b.indices, k);
            if (column >= columns) {
                return Outcome::Unsound;
            }
            if (where[column] >= static_cast<npy_int64>(first)) {
                return Outcome::Repeated;
            }
            where[column] = static_cast<npy_int64>(k);
        }
        for (size_t k = low; first < last && k < high; ++k) {
            const size_t column = number<I>(job.a.indices, k);
            if (column >= columns) {
                return Outcome::Unsound;
            }
            if (where[column] >= static_cast<npy_int64>(first)) {
                append(to, column,
                       product_of(value<T>(job.a, k), value<T>(job.b, static_cast<size_t>(where[column]))));
            }
        }
        to.indptr[row + 1] = static_cast<npy_int64>(to.indices.size());
    }
    return Outcome::Done;
}

// What a row's columns are: rising, in no order or not all in range.
template <class I> Outcome order(const Matrix& m, size_t low, size_t high, size_t columns) {
    Outcome found = Outcome::Done;
    size_t before = 0;
    for (size_t k = low; k < high; ++k) {
        const size_t column = number<I>(m.indices, k);
        if (column >= columns) {
            return Outcome::Unsound;
        }
        if (k > low && column <= before) {
            found = Outcome::Repeated;
        }
        before = column;
    }
    return found;
}

// The same where there are too few entries for a vector of all columns: rows are merged.
template <class T, class I> Outcome merge(const Job& job, Made& to) {
    const size_t columns = static_cast<size_t>(job.columns);
    to.indptr.resize(static_cast<size_t>(job.rows) + 1);
    for (size_t row = 0; row < static_cast<size_t>(job.rows); ++row) {
        size_t low, high, first, last;
        if (!range<I>(job.a, row, low, high) || !range<I>(job.b, row, first, last)) {
            return Outcome::Unsound;
        }
        for (const Outcome found :
             {order<I>(job.a, low, high, columns), order<I>(job.b, first, last, columns)}) {
            if (found != Outcome::Done) {
                return found;
            }
        }
        while (low < high && first < last) {
            const size_t a = number<I>(job.a.indices, low), b = number<I>(job.b.indices, first);
            if (a == b && a < columns) { // they may have changed since
                append(to, a, product_of(value<T>(job.a, low), value<T>(job.b, first)));
            }
            low += a <= b;
            first += b <= a;
        }
        to.indptr[row + 1] = static_cast<npy_int64>(to.indices.size());
    }
    return Outcome::Done;
}

template <class I> Outcome run(const Job& job, char character, Made& to) {
    const bool few = job.columns > FEW && job.columns / CROWDED > std::max(job.a.entries, job.b.entries);
    return by_dtype(
        character,
        [&](auto like) {
            using T = decltype(like);
            return few ? merge<T, I>(job, to) : multiply<T, I>(job, to);
        },
        Outcome::NoLoops);
}

PyObject* vector_of(const std::vector<npy_int64>& from, bool wide) {
    npy_intp count = static_cast<npy_intp>(from.size());
    PyObject* made = PyArray_SimpleNew(1, &count, wide ? NPY_INT64 : NPY_INT32);
    if (made == nullptr) {
        return nullptr;
    }
    void* to = PyArray_DATA(reinterpret_cast<PyArrayObject*>(made));
    for (size_t i = 0; i < from.size(); ++i) {
        if (wide) {
            static_cast<npy_int64*>(to)[i] = from[i];
        } else {
            static_cast<npy_int32*>(to)[i] = static_cast<npy_int32>(from[i]);
        }
    }
    return made;
}

PyObject* result_of(const Made& made, int type, npy_intp item, bool wide) {
    npy_intp count = static_cast<npy_intp>(made.data.size()) / item;
    const Held indptr(vector_of(made.indptr, wide)), indices(vector_of(made.indices, wide)),
        data(PyArray_SimpleNew(1, &count, type));
    if (!indptr || !indices || !data) {
        return nullptr;
    }
    if (count > 0) {
        std::memcpy(PyArray_DATA(data.array()), made.data.data(), made.data.size());
    }
    return PyTuple_Pack(3, indptr.object, indices.object, data.object);
}

PyObject* multiply_elements(PyObject*, PyObject* args) {
    PyArrayObject* parts[6];
    Py_ssize_t columns;
    if (!PyArg_ParseTuple(args, "O!O!O!O!O!O!n:multiply_elements", &PyArray_Type, &parts[0], &PyArray_Type,
                          &parts[1], &PyArray_Type, &parts[2], &PyArray_Type, &parts[3], &PyArray_Type,
                          &parts[4], &PyArray_Type, &parts[5], &columns)) {
        return nullptr;
    }
    bool good = columns >= 0 && PyArray_EquivTypenums(PyArray_TYPE(parts[2]), PyArray_TYPE(parts[5]));
    for (int i = 0; good && i < 6; ++i) {
        good = is_plain_vector(reinterpret_cast<PyObject*>(parts[i])) &&
               (i == 2 || i == 5 || are_indices(parts[0], parts[i]));
    }
    good = good && PyArray_DIM(parts[0], 0) >= 1 && PyArray_DIM(parts[0], 0) == PyArray_DIM(parts[3], 0);
    if (!good) {
        PyErr_SetString(PyExc_ValueError, "the arrays do not fit each other");
        return nullptr;
    }
    const auto matrix = [&](int i) {
        return Matrix{PyArray_DATA(parts[i]), PyArray_DATA(parts[i + 1]), PyArray_BYTES(parts[i + 2]),
                      std::min(PyArray_DIM(parts[i + 1], 0), PyArray_DIM(parts[i + 2], 0))};
    };
    const Job job{matrix(0), matrix(3), PyArray_DIM(parts[0], 0) - 1, columns};
    const bool wide = PyArray_ITEMSIZE(parts[0]) == 8;
    const char character = PyArray_DESCR(parts[2])->type;
    Made made;
    Outcome became = Outcome::Done;
    bool memory = true;
    const auto work = [&] {
        try {
            became = wide ? run<npy_int64>(job, character, made) : run<npy_int32>(job, character, made);
        } catch (const std::bad_alloc&) {
            memory = false;
        }
        clear_status();
    };
    if (job.a.entries + job.b.entries + job.rows < RELEASED) {
        work();
    } else {
        Py_BEGIN_ALLOW_THREADS;
        work();
        Py_END_ALLOW_THREADS;
    }
    if (!memory) {
        return PyErr_NoMemory();
    }
    if (became == Outcome::Done) {
        return result_of(made, PyArray_TYPE(parts[2]), PyArray_ITEMSIZE(parts[2]), wide);
    }
    if (became == Outcome::Unsound) {
        Py_RETURN_FALSE;
    }
    Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"multiply_elements", multiply_elements, METH_VARARGS,
     "multiply_elements(indptr, indices, data, indptr2, indices2, data2, columns, /)\n--\n\n"
     "Pointers, indices and values of the product of two matrices with compressed rows, element by element; "
     "products that\n"
     "are 0 are left out, and rows are in the first one's order. None where the second one has a place "
     "twice, "
     "where\n"
     "rows are in no order that have few entries for all columns, or no loops; False where pointers decrease "
     "or an\n"
     "index is out of range."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_sparse_hadamard(PyObject* module) {
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
