// Rows of a matrix by a counting sort (Knuth, The Art of Computer Programming 3, 5.2), sorted and summed
// where they have to be.

#include "sparse_canonical.hpp"

#include "sparse_checks.hpp"
#include "sparse_dtypes.hpp"
#include "sparse_lines.hpp"
#include "sparse_parts.hpp"
#include "sparse_places.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

namespace einroute {

namespace {

using std::ptrdiff_t;
using std::size_t;

// Entries as they came, and the rows that are made of them.
struct Job {
    const void* indptr; // of compressed rows or columns, or null
    bool by_columns;    // whether they are columns
    const void* rows;   // coordinates; null of what is compressed
    const void* columns;
    const char* data;
    npy_intp entries, height, width;
    void *to_indptr, *to_indices;
    char* to_data;
};

template <class I> inline size_t number(const void* indices, npy_intp k) {
    return static_cast<size_t>(static_cast<std::int64_t>(static_cast<const I*>(indices)[k]));
}

// An element of so many bytes, that is only moved.
template <size_t N> struct Bytes {
    char bytes[N];
};

// Adds an element to another one.
using Add = void (*)(char* sum, const char* x);

template <class V> inline V sum_of(const V& x, const V& y) {
    return static_cast<V>(x + y);
}
template <class R> inline Complex<R> sum_of(const Complex<R>& x, const Complex<R>& y) {
    return {x.re + y.re, x.im + y.im};
}
inline Bool sum_of(const Bool& x, const Bool& y) {
    Bool sum = x;
    sum.byte = x.byte != 0 || y.byte != 0;
    return sum;
}

template <class T> void add(char* sum, const char* x) {
    T so_far, more;
    std::memcpy(&so_far, sum, sizeof so_far);
    std::memcpy(&more, x, sizeof more);
    so_far = sum_of(so_far, more);
    std::memcpy(sum, &so_far, sizeof so_far);
}

// -1 where an index is out of range or pointers decrease; else how many entries are left.
template <size_t N, class I, class O> class Rows {
  public:
    Rows(const Job& job, Add add)
        : job_(job), add_(add), indptr_(static_cast<O*>(job.to_indptr)),
          indices_(static_cast<O*>(job.to_indices)), data_(reinterpret_cast<Bytes<N>*>(job.to_data)),
          height_(static_cast<size_t>(job.height)), width_(static_cast<size_t>(job.width)) {}

    npy_intp run() {
        const bool good = job_.indptr == nullptr ? place(Coordinates{job_.rows, job_.columns})
                          : job_.by_columns      ? place_columns()
                                                 : copy();
        return !good ? -1 : increase() ? job_.entries : summed();
    }

  private:
    struct Coordinates {
        const void *rows, *columns;
    };

    // Compressed rows as they are.
    bool copy() {
        const void* from = job_.columns;
        const I* const pointers = static_cast<const I*>(job_.indptr);
        bool strayed = false;
        for (size_t row = 0; row <= height_; ++row) {
            const I pointer = pointers[row];
            indptr_[row] = static_cast<O>(pointer);
            strayed |= static_cast<I>(indptr_[row]) != pointer;
        }
        // What was written is compared: nobody else writes to it.
        if (strayed || !rise(indptr_, static_cast<npy_intp>(height_)) ||
            indptr_[height_] != static_cast<O>(job_.entries)) {
            return false;
        }
        size_t out = 0;
        for (npy_intp k = 0; k < job_.entries; ++k) {
            const size_t column = number<I>(from, k);
            out |= static_cast<size_t>(column >= width_);
            indices_[k] = static_cast<O>(column);
        }
        std::memcpy(job_.to_data, job_.data, static_cast<size_t>(job_.entries) * N);
        return out == 0;
    }

    bool count(const void* rows) {
        std::memset(indptr_, 0, (height_ + 1) * sizeof(O));
        std::memset(job_.to_indices, 0xff, static_cast<size_t>(job_.entries) * sizeof(O)); // no columns
        for (npy_intp k = 0; k < job_.entries; ++k) {
            const size_t row = number<I>(rows, k);
            if (row >= height_) {
                return false;
            }
            ++indptr_[row];
        }
        O begin = 0;
        for (size_t row = 0; row <= height_; ++row) {
            const O held = indptr_[row];
            indptr_[row] = begin;
            begin = static_cast<O>(begin + held);
        }
        return true;
    }

    // Rows are read twice, and may have changed in between: each time they are compared.
    bool put(size_t row, size_t column, npy_intp k) {
        if (row >= height_ || column >= width_) {
            return false;
        }
        const size_t to = static_cast<size_t>(indptr_[row]++);
        if (to >= static_cast<size_t>(job_.entries)) {
            return false;
        }
        indices_[to] = static_cast<O>(column);
        std::memcpy(data_ + to, job_.data + k * static_cast<npy_intp>(N), N);
        return true;
    }

    // Each pointer stands where the next row begins, if rows were the same when they were counted: else there
    // are places that no entry was put to, as there are as many as entries.
    bool begin_rows(bool good) {
        std::memmove(indptr_ + 1, indptr_, height_ * sizeof(O));
        indptr_[0] = 0;
        O all = 0;
        for (npy_intp k = 0; k < job_.entries; ++k) {
            all = static_cast<O>(all | indices_[k]);
        }
        return good && all >= 0;
    }

    bool place(const Coordinates& given) {
        if (!count(given.rows)) {
            return false;
        }
        bool good = true;
        for (npy_intp k = 0; good && k < job_.entries; ++k) {
            good = put(number<I>(given.rows, k), number<I>(given.columns, k), k);
        }
        return begin_rows(good);
    }

    bool place_columns() {
        if (!count(job_.rows)) {
            return false;
        }
        bool good = number<I>(job_.indptr, 0) == 0;
        size_t low = 0;
        good = good && each_that_may_have_entries(
                           static_cast<const I*>(job_.indptr), width_, static_cast<size_t>(job_.entries),
                           [&](size_t column) {
                               const size_t high = number<I>(job_.indptr, static_cast<npy_intp>(column) + 1);
                               if (high < low || high > static_cast<size_t>(job_.entries)) {
                                   return false;
                               }
                               for (; low < high; ++low) {
                                   const npy_intp k = static_cast<npy_intp>(low);
                                   if (!put(number<I>(job_.rows, k), column, k)) {
                                       return false;
                                   }
                               }
                               return true;
                           });
        return begin_rows(good && low == static_cast<size_t>(job_.entries));
    }

    // Whether the columns of every row do: nowhere else do they fall than where rows begin.
    bool increase() const {
        npy_intp falls = 0, begun = 0;
        for (npy_intp k = 1; k < job_.entries; ++k) {
            falls += indices_[k] <= indices_[k - 1];
        }
        if (falls == 0 || static_cast<size_t>(job_.entries) < height_ / FEWER) {
            return falls == 0 || fall_at_rows();
        }
        O last = 0;
        for (size_t row = 1; row < height_; ++row) {
            const O k = indptr_[row];
            if (k > last && k < static_cast<O>(job_.entries)) {
                begun += indices_[k] <= indices_[k - 1];
            }
            last = k;
        }
        return falls == begun;
    }

    // Of few entries, by bisection: whether rows begin wherever columns fall.
    bool fall_at_rows() const {
        for (npy_intp k = 1; k < job_.entries; ++k) {
            if (indices_[k] <= indices_[k - 1] &&
                !std::binary_search(indptr_, indptr_ + height_, static_cast<O>(k))) {
                return false;
            }
        }
        return true;
    }

    // Each row sorted, entries of a place added up in their order.
    npy_intp summed() {
        std::vector<Place<O>> row;
        std::vector<Bytes<N>> values;
        O to = 0, low = 0;
        for (size_t i = 0; i < height_; ++i) {
            const O high = indptr_[i + 1];
            row.clear();
            for (O k = low; k < high; ++k) {
                row.push_back(Place<O>{indices_[k], static_cast<O>(k - low)});
            }
            values.assign(data_ + low, data_ + high);
            sort(row);
            for (size_t k = 0; k < row.size(); ++k) {
                const Bytes<N>& value = values[position_of(row[k])];
                const O column = column_of(row[k]);
                if (k > 0 && column == column_of(row[k - 1])) {
                    add_(data_[to - 1].bytes, value.bytes);
                } else {
                    indices_[to] = column;
                    data_[to++] = value;
                }
            }
            low = high;
            indptr_[i + 1] = to;
        }
        return static_cast<npy_intp>(to);
    }

    const Job& job_;
    const Add add_;
    O *indptr_, *indices_;
    Bytes<N>* data_;
    size_t height_, width_;
};

template <class I, class O> npy_intp run(const Job& job, size_t size, Add add) {
    switch (size) {
    case 1:
        return Rows<1, I, O>(job, add).run();
    case 2:
        return Rows<2, I, O>(job, add).run();
    case 4:
        return Rows<4, I, O>(job, add).run();
    case 8:
        return Rows<8, I, O>(job, add).run();
    case 16:
        return Rows<16, I, O>(job, add).run();
    default:
        return -1;
    }
}

npy_intp run(const Job& job, char character, bool wide, bool to_wide) {
    size_t size = 0;
    const Add add = by_dtype(
        character,
        [&](auto like) -> Add {
            size = sizeof like;
            return einroute::add<decltype(like)>;
        },
        Add(nullptr));
    return wide ? (to_wide ? run<npy_int64, npy_int64>(job, size, add)
                           : run<npy_int64, npy_int32>(job, size, add))
                : (to_wide ? run<npy_int32, npy_int64>(job, size, add)
                           : run<npy_int32, npy_int32>(job, size, add));
}

PyObject* first_of(const Held& x, npy_intp count) {
    if (PyArray_DIM(x.array(), 0) == count) {
        return Py_NewRef(x.object);
    }
    PyObject* made = PyArray_SimpleNew(1, &count, PyArray_TYPE(x.array()));
    if (made != nullptr) {
        PyArrayObject* to = reinterpret_cast<PyArrayObject*>(made);
        std::memcpy(PyArray_DATA(to), PyArray_DATA(x.array()), static_cast<size_t>(PyArray_NBYTES(to)));
    }
    return made;
}

PyObject* canonical(PyArrayObject* data, PyObject* indptr, int axis, PyObject* first, PyObject* second,
                    npy_intp height, npy_intp width) {
    PyArrayObject *rows = reinterpret_cast<PyArrayObject*>(first),
                  *columns = reinterpret_cast<PyArrayObject*>(second);
    if (!is_plain_vector(reinterpret_cast<PyObject*>(data)) || !is_plain_vector(first) ||
        !is_plain_vector(second) || !are_indices(rows, columns) || height < 0 || width < 0) {
        Py_RETURN_NONE;
    }
    const npy_intp entries = PyArray_DIM(data, 0), lines = axis == 0 ? height : width;
    const bool compressed = indptr != Py_None;
    if (PyArray_DIM(rows, 0) != entries || PyArray_DIM(columns, 0) != entries) {
        Py_RETURN_NONE;
    }
    if (compressed &&
        (!is_plain_vector(indptr) || !are_indices(reinterpret_cast<PyArrayObject*>(indptr), rows) ||
         PyArray_DIM(reinterpret_cast<PyArrayObject*>(indptr), 0) != lines + 1)) {
        Py_RETURN_NONE;
    }
    const bool to_wide = std::max({height, width, entries}) > NPY_MAX_INT32;
    const int type = to_wide ? NPY_INT64 : NPY_INT32;
    npy_intp ends = height + 1, count = entries;
    const Held to_indptr(PyArray_SimpleNew(1, &ends, type)), to_indices(PyArray_SimpleNew(1, &count, type)),
        to_data(PyArray_SimpleNew(1, &count, PyArray_TYPE(data)));
    if (!to_indptr || !to_indices || !to_data) {
        return nullptr;
    }
    const Job job{compressed ? PyArray_DATA(reinterpret_cast<PyArrayObject*>(indptr)) : nullptr,
                  axis == 1,
                  PyArray_DATA(rows),
                  PyArray_DATA(columns),
                  PyArray_BYTES(data),
                  entries,
                  height,
                  width,
                  PyArray_DATA(to_indptr.array()),
                  PyArray_DATA(to_indices.array()),
                  PyArray_BYTES(to_data.array())};
    const char character = PyArray_DESCR(data)->type;
    const bool wide = PyArray_ITEMSIZE(rows) == 8;
    bool memory = true;
    npy_intp left = -1;
    const auto work = [&] {
        try {
            left = run(job, character, wide, to_wide);
        } catch (const std::bad_alloc&) {
            memory = false;
        }
    };
    if (entries + height < RELEASED) {
        work();
    } else {
        Py_BEGIN_ALLOW_THREADS;
        work();
        Py_END_ALLOW_THREADS;
    }
    if (!memory) {
        return PyErr_NoMemory();
    }
    if (left < 0) {
        Py_RETURN_NONE;
    }
    const Held indices(first_of(to_indices, left)), values(first_of(to_data, left));
    return !indices || !values ? nullptr : PyTuple_Pack(3, to_indptr.object, indices.object, values.object);
}

PyObject* canonical_rows(PyObject*, PyObject* args) {
    PyArrayObject* data;
    PyObject *indptr, *rows, *columns;
    int axis;
    Py_ssize_t height, width;
    if (!PyArg_ParseTuple(args, "O!OiOOnn:canonical_rows", &PyArray_Type, &data, &indptr, &axis, &rows,
                          &columns, &height, &width)) {
        return nullptr;
    }
    return canonical(data, indptr, axis, rows, columns, height, width);
}

PyMethodDef functions[] = {
    {"canonical_rows", canonical_rows, METH_VARARGS,
     "canonical_rows(data, indptr, axis, rows, columns, height, width, /)\n--\n\n"
     "Pointers, indices and values of the rows of a matrix, sorted, each place once; nothing of it is the "
     "arguments'.\n"
     "Of a matrix that is compressed along an axis both ``rows`` and ``columns`` are its indices; of "
     "coordinates\n"
     "``indptr`` is None. None where an index is out of range, pointers decrease, or there are no loops."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_sparse_canonical(PyObject* module) {
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
