#include "row_squares.hpp"

#include "float_status.hpp"

#include <cstring>
#include <limits>

namespace einroute {

namespace {

using std::ptrdiff_t;

constexpr int SIDE = 8; // sums side by side
constexpr double LARGE = 16;

template <class R> inline double number(const char* row, ptrdiff_t at) {
    R x;
    std::memcpy(&x, row + at * static_cast<ptrdiff_t>(sizeof(R)), sizeof x);
    return static_cast<double>(x);
}

// The square of an element's size; of PARTS numbers.
template <class R, int PARTS> inline double square(const char* row, ptrdiff_t at) {
    double sum = 0;
    for (int part = 0; part < PARTS; ++part) {
        const double x = number<R>(row, at * PARTS + part);
        sum += x * x;
    }
    return sum;
}

template <class R, int PARTS> double sum_of_squares(const char* row, ptrdiff_t count) {
    double sums[SIDE] = {};
    ptrdiff_t i = 0;
    for (; i + SIDE <= count; i += SIDE) {
        for (int k = 0; k < SIDE; ++k) {
            sums[k] += square<R, PARTS>(row, i + k);
        }
    }
    for (; i < count; ++i) {
        sums[0] += square<R, PARTS>(row, i);
    }
    double sum = 0;
    for (const double one : sums) {
        sum += one;
    }
    return sum;
}

template <class R, int PARTS> ptrdiff_t count_from(const char* row, ptrdiff_t count, double least) {
    ptrdiff_t found = 0;
    for (ptrdiff_t i = 0; i < count; ++i) {
        found += square<R, PARTS>(row, i) >= least;
    }
    return found;
}

// Whether all numbers are 0; their squares may be where they are not.
template <class R> bool nothing(const char* row, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; ++i) {
        if (number<R>(row, i) != 0) {
            return false;
        }
    }
    return true;
}

struct Found {
    double low = std::numeric_limits<double>::infinity(), high = 0;
    ptrdiff_t fewest = PTRDIFF_MAX;
};

template <class R, int PARTS>
Found look(const char* data, ptrdiff_t rows, ptrdiff_t by_row, ptrdiff_t count) {
    Found found;
    for (ptrdiff_t r = 0; r < rows; ++r) {
        const char* row = data + r * by_row;
        const double sum = sum_of_squares<R, PARTS>(row, count);
        if (sum < found.low && (sum > 0 || !nothing<R>(row, count * PARTS))) {
            found.low = sum;
        }
        if (!(sum <= found.high)) { // nan too, which stays
            found.high = sum;
            if (sum != sum) {
                return found;
            }
        }
        const ptrdiff_t large = count_from<R, PARTS>(row, count, sum / (LARGE * static_cast<double>(count)));
        found.fewest = large < found.fewest ? large : found.fewest;
    }
    return found;
}

PyObject* row_squares(PyObject*, PyObject* argument) {
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(argument);
    decltype(&look<double, 1>) kernel = nullptr;
    if (PyArray_Check(argument) && PyArray_NDIM(x) == 2 && PyArray_ISNOTSWAPPED(x) &&
        (PyArray_STRIDE(x, 1) == PyArray_ITEMSIZE(x) || PyArray_DIM(x, 1) == 1) && PyArray_SIZE(x) != 0) {
        const int type = PyArray_TYPE(x);
        kernel = type == NPY_FLOAT     ? look<float, 1>
                 : type == NPY_DOUBLE  ? look<double, 1>
                 : type == NPY_CFLOAT  ? look<float, 2>
                 : type == NPY_CDOUBLE ? look<double, 2>
                                       : nullptr;
    }
    if (kernel == nullptr) {
        PyErr_SetString(PyExc_ValueError,
                        "expected (rows, n), not empty, in single or double precision, rows "
                        "without gaps");
        return nullptr;
    }
    Found found;
    Py_BEGIN_ALLOW_THREADS;
    found = kernel(PyArray_BYTES(x), PyArray_DIM(x, 0), PyArray_STRIDE(x, 0), PyArray_DIM(x, 1));
    clear_status();
    Py_END_ALLOW_THREADS;
    return Py_BuildValue("ddn", found.low, found.high, static_cast<Py_ssize_t>(found.fewest));
}

PyMethodDef methods[] = {
    {"row_squares", row_squares, METH_O,
     "row_squares(x, /)\n--\n\nThe smallest sum of squares of a row that is not all 0, the largest (nan "
     "where "
     "one "
     "is), and how many\nelements are at least a quarter of their row's root mean square, in the row with "
     "fewest."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_row_squares(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
