#include "label_look_ups.hpp"

#include "label_arguments.hpp"

#include <atomic>

namespace einroute {

namespace {

using std::ptrdiff_t;

// What runs, block by block.
struct Job {
    Places places;
    ptrdiff_t blocks;
    const char* table;
    ptrdiff_t bytes; // of a row, or of a number
    char* out;
    alignas(16) char one[32]; // the number
    std::atomic<ptrdiff_t> found{0};
};

void take_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    ptrdiff_t start, stop;
    place_bounds(job.places.size, job.blocks, index, start, stop);
    take_rows(job.places, start, stop, job.table, job.bytes, job.out);
}

PyObject* take_at(PyObject*, PyObject* args) {
    PyObject *labels, *lengths, *scales, *steps;
    PyArrayObject *table, *out;
    int threads;
    if (!PyArg_ParseTuple(args, "OOOOO!O!i:take_at", &labels, &lengths, &scales, &steps, &PyArray_Type,
                          &table, &PyArray_Type, &out, &threads)) {
        return nullptr;
    }
    Job job;
    Places& p = job.places;
    if (!read_labels(labels, lengths, scales, p)) {
        return nullptr;
    }
    const int ndim = PyArray_NDIM(table);
    npy_intp row = 1;
    for (int a = 1; a < ndim; ++a) {
        row *= PyArray_DIM(table, a);
    }
    if (ndim < 1 || !PyArray_EquivTypes(PyArray_DESCR(table), PyArray_DESCR(out)) ||
        PyDataType_FLAGCHK(PyArray_DESCR(table), NPY_ITEM_REFCOUNT) || !PyArray_IS_C_CONTIGUOUS(table) ||
        !PyArray_IS_C_CONTIGUOUS(out) || !PyArray_ISWRITEABLE(out) || PyArray_SIZE(out) != p.size * row) {
        label_fault("table and out must be of one plain dtype, in C order, and out of a row for each place");
        return nullptr;
    }
    if (PyArray_SIZE(out) == 0) {
        Py_RETURN_NONE;
    }
    if (!read_steps(steps, PyArray_DIM(table, 0) == 0 ? 1 : PyArray_DIM(table, 0), p)) {
        return nullptr;
    }
    simplify_places(p, nullptr);
    job.table = PyArray_BYTES(table);
    job.out = PyArray_BYTES(out);
    job.bytes = row * PyArray_ITEMSIZE(table);
    const double nanoseconds = static_cast<double>(p.size) * (1 + 0.05 * static_cast<double>(job.bytes));
    job.blocks = place_blocks(nanoseconds);
    if (!run_places(&job, job.blocks, nanoseconds, threads, take_block)) {
        return nullptr;
    }
    Py_RETURN_NONE;
}

bool read_equal(PyObject* labels, Py_ssize_t length, Places& p) {
    if (!PyTuple_Check(labels)) {
        return label_fault("labels must be a tuple");
    }
    const Py_ssize_t count = PyTuple_GET_SIZE(labels);
    PyObject *lengths = PyTuple_New(count), *scales = PyTuple_New(count);
    bool good = lengths != nullptr && scales != nullptr;
    for (Py_ssize_t k = 0; good && k < count; ++k) {
        PyTuple_SET_ITEM(lengths, k, PyLong_FromSsize_t(length));
        PyTuple_SET_ITEM(scales, k, PyLong_FromLong(0));
        good = PyTuple_GET_ITEM(lengths, k) != nullptr && PyTuple_GET_ITEM(scales, k) != nullptr;
    }
    good = good && read_labels(labels, lengths, scales, p);
    Py_XDECREF(lengths);
    Py_XDECREF(scales);
    if (good) {
        simplify_places(p, nullptr);
    }
    return good;
}

void ones_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    ptrdiff_t start, stop;
    place_bounds(job.places.size, job.blocks, index, start, stop);
    write_ones(job.places, start, stop, job.one, job.bytes, job.out);
}

PyObject* ones_at(PyObject*, PyObject* args) {
    PyObject* labels;
    PyArrayObject* out;
    Py_ssize_t length;
    int threads;
    if (!PyArg_ParseTuple(args, "OnO!i:ones_at", &labels, &length, &PyArray_Type, &out, &threads)) {
        return nullptr;
    }
    Job job;
    if (!read_equal(labels, length, job.places)) {
        return nullptr;
    }
    const LabelLoops* loops = label_loops(PyArray_DESCR(out)->type);
    if (loops == nullptr || !PyArray_ISCARRAY(out) || PyArray_SIZE(out) != job.places.size) {
        label_fault("out must be of a plain dtype, in C order, and of the shape of the labels");
        return nullptr;
    }
    if (job.places.size != 0) {
        const std::int64_t one = 1;
        loops->converted(&one, job.one, 1);
        job.bytes = PyArray_ITEMSIZE(out);
        job.out = PyArray_BYTES(out);
        const double nanoseconds = place_time(job.places, 0);
        job.blocks = place_blocks(nanoseconds);
        if (!run_places(&job, job.blocks, nanoseconds, threads, ones_block)) {
            return nullptr;
        }
    }
    Py_RETURN_NONE;
}

void equal_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    ptrdiff_t start, stop;
    place_bounds(job.places.size, job.blocks, index, start, stop);
    job.found += count_equal(job.places, start, stop);
}

PyObject* count_ones(PyObject*, PyObject* args) {
    PyObject* labels;
    Py_ssize_t length;
    int threads;
    if (!PyArg_ParseTuple(args, "Oni:count_ones", &labels, &length, &threads)) {
        return nullptr;
    }
    Job job;
    if (!read_equal(labels, length, job.places)) {
        return nullptr;
    }
    if (job.places.size != 0) {
        const double nanoseconds = place_time(job.places, 0);
        job.blocks = place_blocks(nanoseconds);
        if (!run_places(&job, job.blocks, nanoseconds, threads, equal_block)) {
            return nullptr;
        }
    }
    return PyLong_FromSsize_t(job.found);
}

PyMethodDef methods[] = {
    {"take_at", take_at, METH_VARARGS,
     "take_at(labels, lengths, scales, steps, table, out, threads, /)\n--\n\nTake the row of a table for "
     "each index that `add_at` would add to; zeros where there is none."},
    {"ones_at", ones_at, METH_VARARGS,
     "ones_at(labels, length, out, threads, /)\n--\n\nWrite one where all labels are the same and within a "
     "length, else zero."},
    {"count_ones", count_ones, METH_VARARGS,
     "count_ones(labels, length, threads, /)\n--\n\nHow many ones `ones_at` would write."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_label_look_ups(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
