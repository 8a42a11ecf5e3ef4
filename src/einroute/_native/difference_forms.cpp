#include "difference_forms.hpp"

#include "float_status.hpp"
#include "forms.hpp"
#include "threads.hpp"

#include <atomic>
#include <cstdlib>

namespace einroute {

namespace {

using std::ptrdiff_t;

// Products from which the GIL is released, and about as many in a block.
constexpr double RELEASED = 50e3, BLOCK = 4e6;
// Products of a block at most, since a signal is heard between blocks; columns that a row is cut by, at
// least.
constexpr double LONGEST = 1 << 26;
constexpr ptrdiff_t COLUMNS = 64;

struct Job {
    Forms forms;
    void (*kernel)(const Forms&, ptrdiff_t, ptrdiff_t, char*);
    ptrdiff_t rows, each; // all, and of a block
    ptrdiff_t wide;       // columns of a block
    ptrdiff_t item;       // bytes of a number
    double work;          // products of all
    long blocks;
    std::atomic<bool> failed{false};
};

// Blocks of rows, and of columns of a row that takes long.
void cut(Job& job, ptrdiff_t rows) {
    const double terms = static_cast<double>(job.forms.features),
                 pair = (job.forms.whole ? terms * (terms + 5) / 2 : 4 * terms) + 1;
    const double row = static_cast<double>(job.forms.m) * pair;
    job.rows = rows;
    job.work = row * static_cast<double>(rows);
    job.each = row < BLOCK ? static_cast<ptrdiff_t>(BLOCK / row) + 1 : 1;
    job.each += job.each % 2; // rows go in twos
    job.wide = job.forms.m;
    if (static_cast<double>(job.each) * row > LONGEST) {
        const double wide = LONGEST / (static_cast<double>(job.each) * pair);
        job.wide = (static_cast<ptrdiff_t>(wide) / COLUMNS + 1) * COLUMNS;
    }
    if (job.work < RELEASED) {
        job.each = rows;
    }
    job.blocks =
        static_cast<long>((rows + job.each - 1) / job.each * ((job.forms.m + job.wide - 1) / job.wide));
}

void form_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    const ptrdiff_t bands = (job.forms.m + job.wide - 1) / job.wide, from = index % bands * job.wide;
    const ptrdiff_t first = index / bands * job.each;
    const ptrdiff_t last = first + job.each < job.rows ? first + job.each : job.rows;
    Forms own = job.forms;
    own.y += from * job.item;
    own.out += from * job.item;
    own.m = from + job.wide < own.m ? job.wide : own.m - from;
    char* work = static_cast<char*>(std::malloc(static_cast<std::size_t>(form_work(job.forms.features)) + 1));
    if (work == nullptr) {
        job.failed = true;
        return;
    }
    job.kernel(own, first, last, work);
    std::free(work);
    clear_status();
}

bool fits(PyArrayObject* x, int ndim, int type) {
    return PyArray_NDIM(x) == ndim && PyArray_TYPE(x) == type && PyArray_ISCARRAY_RO(x);
}

PyObject* difference_forms(PyObject*, PyObject* args) {
    PyArrayObject *x, *y, *s, *out;
    int threads;
    if (!PyArg_ParseTuple(args, "O!O!O!O!i:difference_forms", &PyArray_Type, &x, &PyArray_Type, &y,
                          &PyArray_Type, &s, &PyArray_Type, &out, &threads)) {
        return nullptr;
    }
    const int type = PyArray_TYPE(out);
    const bool whole = PyArray_NDIM(s) == 2;
    bool good = (type == NPY_FLOAT || type == NPY_DOUBLE) && fits(x, 2, type) && fits(y, 2, type) &&
                fits(s, whole ? 2 : 1, type) && fits(out, 2, type) && PyArray_ISWRITEABLE(out);
    const npy_intp features = good ? PyArray_DIM(x, 1) : 0;
    good = good && PyArray_DIM(y, 0) == features && PyArray_DIM(s, 0) == features &&
           (!whole || PyArray_DIM(s, 1) == features) && PyArray_DIM(out, 0) == PyArray_DIM(x, 0) &&
           PyArray_DIM(out, 1) == PyArray_DIM(y, 1);
    if (!good) {
        PyErr_SetString(PyExc_ValueError,
                        "expected x (n, features), y (features, m), a matrix of the features or "
                        "its diagonal and out (n, m), of one dtype, in C order");
        return nullptr;
    }
    if (PyArray_SIZE(out) == 0) {
        Py_RETURN_NONE;
    }
    Job job;
    job.forms = {PyArray_BYTES(x),
                 PyArray_BYTES(y),
                 PyArray_BYTES(s),
                 PyArray_BYTES(out),
                 PyArray_DIM(y, 1),
                 features,
                 whole,
                 PyArray_DIM(y, 1)};
    job.item = PyArray_ITEMSIZE(out);
    job.kernel = type == NPY_FLOAT ? form_kernels().single : form_kernels().twice;
    cut(job, PyArray_DIM(out, 0));
    bool heard = true;
    if (job.work < RELEASED) {
        form_block(&job, 0);
    } else {
        heard = run_blocks(job.blocks, threads, form_block, &job);
    }
    if (heard && job.failed) {
        PyErr_NoMemory();
    }
    if (!heard || job.failed) {
        return nullptr;
    }
    Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"difference_forms", difference_forms, METH_VARARGS,
     "difference_forms(x, y, s, out, threads, /)\n--\n\nThe sum over k <= l of d[k] s[k, l] d[l] for each "
     "pair,\nd[k] = x[i, k] - y[k, j]; s is a matrix, or its diagonal."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_difference_forms(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
