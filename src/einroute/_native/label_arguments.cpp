#include "label_arguments.hpp"

#include "float_status.hpp"

namespace einroute {

namespace {

using std::int64_t;
using std::ptrdiff_t;

// Nanoseconds that a place and each number of its row take; from which the GIL is released, and of a block.
constexpr double PLACE = 1, NUMBER = 0.4, RELEASED = 50e3, BLOCK = 200e3;

bool is_integers(PyObject* object) {
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(object);
    return PyArray_Check(object) && PyTypeNum_ISINTEGER(PyArray_TYPE(x)) && PyArray_ISNOTSWAPPED(x);
}
// Adds `count` times `each` to a sum that must stay below a limit.
bool reaches(int64_t count, int64_t each, int64_t limit, int64_t& sum) {
    if (count <= 0 || each == 0) {
        return true;
    }
    if (each < 0 || count > (limit - 1 - sum) / each) {
        return false;
    }
    sum += count * each;
    return true;
}

} // namespace

bool label_fault(const char* message) {
    if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, message);
    }
    return false;
}

// Reads label arrays, all of one shape.
bool read_labels(PyObject* labels, PyObject* lengths, PyObject* scales, Places& p) {
    if (!PyTuple_Check(labels) || !PyTuple_Check(lengths) || !PyTuple_Check(scales) ||
        PyTuple_GET_SIZE(labels) < 1 || PyTuple_GET_SIZE(labels) > MOST_LABELS ||
        PyTuple_GET_SIZE(lengths) != PyTuple_GET_SIZE(labels) ||
        PyTuple_GET_SIZE(scales) != PyTuple_GET_SIZE(labels)) {
        return label_fault("labels, lengths and scales must be tuples of one length, from 1 to 8");
    }
    p.count = static_cast<int>(PyTuple_GET_SIZE(labels));
    p.size = 1;
    for (int k = 0; k < p.count; ++k) {
        PyObject* object = PyTuple_GET_ITEM(labels, k);
        if (!is_integers(object)) {
            return label_fault("labels must be arrays of integers in native byte order");
        }
        PyArrayObject* x = reinterpret_cast<PyArrayObject*>(object);
        if (PyArray_NDIM(x) >= MOST_PLACE_AXES ||
            (k > 0 && !PyArray_SAMESHAPE(x, reinterpret_cast<PyArrayObject*>(PyTuple_GET_ITEM(labels, 0))))) {
            return label_fault("labels must be of one shape, of 15 axes at most");
        }
        Labels& own = p.labels[k];
        own.data = PyArray_BYTES(x);
        own.size = static_cast<int>(PyArray_ITEMSIZE(x));
        own.is_signed = PyTypeNum_ISSIGNED(PyArray_TYPE(x)) != 0;
        const Py_ssize_t length = PyLong_AsSsize_t(PyTuple_GET_ITEM(lengths, k));
        const Py_ssize_t scale = PyLong_AsSsize_t(PyTuple_GET_ITEM(scales, k));
        if (length < 0 || scale < 0) {
            return label_fault("a length or a scale is negative");
        }
        own.length = static_cast<std::uint64_t>(length);
        own.scale = scale;
        p.ndim = PyArray_NDIM(x);
        for (int a = 0; a < p.ndim; ++a) {
            own.strides[a] = PyArray_STRIDE(x, a);
            p.shape[a] = PyArray_DIM(x, a);
            p.steps[a] = 0;
            p.size *= k == 0 ? p.shape[a] : 1;
        }
        if (p.ndim == 0) {
            own.strides[0] = 0;
        }
    }
    if (p.ndim == 0) {
        p.ndim = 1;
        p.shape[0] = 1;
        p.steps[0] = 0;
    }
    return true;
}

// Reads what coordinates count, and sees that no index reaches the number of rows.
bool read_steps(PyObject* steps, int64_t rows, Places& p) {
    if (!PyTuple_Check(steps) || (PyTuple_GET_SIZE(steps) != 0 && PyTuple_GET_SIZE(steps) != p.ndim)) {
        return label_fault("steps must be a tuple, empty or of a number for each axis");
    }
    bool good = rows > 0 || p.size == 0;
    int64_t largest = 0;
    for (Py_ssize_t a = 0; a < PyTuple_GET_SIZE(steps); ++a) {
        p.steps[a] = PyLong_AsSsize_t(PyTuple_GET_ITEM(steps, a));
        good = good && reaches(p.shape[a] - 1, p.steps[a], rows, largest);
    }
    for (int k = 0; k < p.count; ++k) {
        good =
            good && reaches(static_cast<int64_t>(p.labels[k].length) - 1, p.labels[k].scale, rows, largest);
    }
    return good || label_fault("an index could reach beyond the rows");
}

double place_time(const Places& p, ptrdiff_t width) {
    return static_cast<double>(p.size) * (PLACE + NUMBER * static_cast<double>(width));
}

ptrdiff_t place_blocks(double nanoseconds) {
    return nanoseconds > BLOCK ? static_cast<ptrdiff_t>(nanoseconds / BLOCK) + 1 : 1;
}

void place_bounds(ptrdiff_t size, ptrdiff_t count, ptrdiff_t index, ptrdiff_t& start, ptrdiff_t& stop) {
    const ptrdiff_t each = (size + count - 1) / count;
    start = index * each < size ? index * each : size;
    stop = start + each < size ? start + each : size;
}

bool run_places(void* job, ptrdiff_t count, double nanoseconds, int threads, Block block) {
    bool good = true;
    if (nanoseconds < RELEASED) {
        for (ptrdiff_t i = 0; i < count; ++i) {
            block(job, static_cast<long>(i));
        }
    } else {
        good = run_blocks(static_cast<long>(count), threads, block, job);
    }
    clear_status();
    return good;
}

} // namespace einroute
