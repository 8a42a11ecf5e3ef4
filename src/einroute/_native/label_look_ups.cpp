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
    ptrdiff_t width;                   // numbers of a row
    const LabelLoops* loops = nullptr; // where rows are multiplied
    Rows factors;                      // by what
};

void take_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    ptrdiff_t start, stop;
    place_bounds(job.places.size, job.blocks, index, start, stop);
    if (job.loops != nullptr) {
        job.loops->take_scaled(job.places, job.factors, start, stop, job.table, job.width, job.out);
    } else {
        take_rows(job.places, start, stop, job.table, job.bytes, job.out);
    }
}

// Reads what rows are multiplied by; the table and the result have numbers of its dtype.
bool read_factors(PyArrayObject* factors, PyArrayObject* table, PyObject* labels, Job& job) {
    job.loops = label_loops(PyArray_DESCR(table)->type);
    if (job.loops == nullptr || !PyArray_ISNOTSWAPPED(factors) || !PyArray_ISNOTSWAPPED(table) ||
        !PyArray_ISALIGNED(table) || !PyArray_EquivTypes(PyArray_DESCR(factors), PyArray_DESCR(table)) ||
        !PyArray_SAMESHAPE(factors, reinterpret_cast<PyArrayObject*>(PyTuple_GET_ITEM(labels, 0)))) {
        return label_fault(
            "factors must be of the table's dtype, one that has loops, and of the labels' shape");
    }
    job.factors.data = PyArray_BYTES(factors);
    job.factors.width = 1;
    job.factors.by_column = 0;
    job.factors.strides[0] = 0;
    for (int a = 0; a < PyArray_NDIM(factors); ++a) {
        job.factors.strides[a] = PyArray_STRIDE(factors, a);
    }
    return true;
}

// Sees that no index reaches the rows of a table, which may be none.
bool read_table_steps(PyObject* steps, npy_intp rows, Places& p) {
    for (int k = 0; rows == 0 && k < p.count; ++k) {
        if (p.labels[k].length != 0) {
            return label_fault("an index could reach beyond the rows");
        }
    }
    return read_steps(steps, rows == 0 ? 1 : rows, p);
}

bool take(Job& job, PyArrayObject* table, PyArrayObject* out, Rows* factors, int threads) {
    simplify_places(job.places, factors);
    job.table = PyArray_BYTES(table);
    job.out = PyArray_BYTES(out);
    job.bytes = job.width * PyArray_ITEMSIZE(table);
    const double nanoseconds =
        static_cast<double>(job.places.size) * (1 + 0.05 * static_cast<double>(job.bytes));
    job.blocks = place_blocks(nanoseconds);
    return run_places(&job, job.blocks, nanoseconds, threads, take_block);
}

PyObject* take_at(PyObject*, PyObject* args) {
    PyObject *labels, *lengths, *scales, *steps;
    PyArrayObject *table, *out, *factors = nullptr;
    int threads;
    if (!PyArg_ParseTuple(args, "OOOOO!O!i|O!:take_at", &labels, &lengths, &scales, &steps, &PyArray_Type,
                          &table, &PyArray_Type, &out, &threads, &PyArray_Type, &factors)) {
        return nullptr;
    }
    Job job;
    Places& p = job.places;
    if (!read_labels(labels, lengths, scales, p)) {
        return nullptr;
    }
    const int ndim = PyArray_NDIM(table);
    job.width = 1;
    for (int a = 1; a < ndim; ++a) {
        job.width *= PyArray_DIM(table, a);
    }
    if (ndim < 1 || !PyArray_EquivTypes(PyArray_DESCR(table), PyArray_DESCR(out)) ||
        PyDataType_FLAGCHK(PyArray_DESCR(table), NPY_ITEM_REFCOUNT) || !PyArray_IS_C_CONTIGUOUS(table) ||
        !PyArray_IS_C_CONTIGUOUS(out) || !PyArray_ISWRITEABLE(out) ||
        (factors != nullptr && !PyArray_ISALIGNED(out)) || PyArray_SIZE(out) != p.size * job.width) {
        label_fault("table and out must be of one plain dtype, in C order, and out of a row for each place");
        return nullptr;
    }
    if (factors != nullptr && !read_factors(factors, table, labels, job)) {
        return nullptr;
    }
    if (PyArray_SIZE(out) == 0) {
        Py_RETURN_NONE;
    }
    if (!read_table_steps(steps, PyArray_DIM(table, 0), p)) {
        return nullptr;
    }
    if (!take(job, table, out, factors == nullptr ? nullptr : &job.factors, threads)) {
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
     "take_at(labels, lengths, scales, steps, table, out, threads, factors=None, /)\n--\n\nTake the row of a "
     "table for each index that `add_at` would add to, times the factor of its place, if there are factors; "
     "zeros where there is none."},
    {"ones_at", ones_at, METH_VARARGS,
     "ones_at(labels, length, out, threads, /)\n--\n\nWrite one where all labels are the same and within a "
     "length, else zero."},
    {"count_ones", count_ones, METH_VARARGS,
     "count_ones(labels, length, threads, /)\n--\n\nHow many ones `ones_at` would write."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

bool take_at_labels(const Places& places, npy_intp width, PyArrayObject* table, PyArrayObject* out,
                    int threads) {
    Job job;
    job.places = places;
    job.width = width;
    return take(job, table, out, nullptr, threads);
}

int add_label_look_ups(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
