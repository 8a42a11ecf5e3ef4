#include "label_sums.hpp"

#include "float_status.hpp"
#include "label_loops.hpp"
#include "threads.hpp"

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace einroute {

namespace {

using std::int64_t;
using std::ptrdiff_t;

// Nanoseconds that a place and each number of its row take; from which the GIL is released, and of a block.
constexpr double PLACE = 1, NUMBER = 0.4, RELEASED = 50e3, BLOCK = 200e3;
// Totals that are summed apart at most, and places for each of their rows at least; bytes of a row from which
// its columns are shared, of a share, and of a total that stays in cache.
constexpr ptrdiff_t PARTS = 8, WORTH = 4, WIDE = 512, SHARE = 256, CACHED = 1 << 18;
// Tables that neighbours are added to in turn, so that none waits for the one before; their rows at most.
constexpr int TABLES = 4;
constexpr ptrdiff_t FEW = 2048;

struct Freed {
    void operator()(char* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<char, Freed>;

bool fault(const char* message) {
    if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, message);
    }
    return false;
}

bool is_integers(PyObject* object) {
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(object);
    return PyArray_Check(object) && PyTypeNum_ISINTEGER(PyArray_TYPE(x)) && PyArray_ISNOTSWAPPED(x);
}

// Reads label arrays, all of one shape.
bool read_labels(PyObject* labels, PyObject* lengths, PyObject* scales, Places& p) {
    if (!PyTuple_Check(labels) || !PyTuple_Check(lengths) || !PyTuple_Check(scales) ||
        PyTuple_GET_SIZE(labels) < 1 || PyTuple_GET_SIZE(labels) > MOST_LABELS ||
        PyTuple_GET_SIZE(lengths) != PyTuple_GET_SIZE(labels) ||
        PyTuple_GET_SIZE(scales) != PyTuple_GET_SIZE(labels)) {
        return fault("labels, lengths and scales must be tuples of one length, from 1 to 8");
    }
    p.count = static_cast<int>(PyTuple_GET_SIZE(labels));
    p.size = 1;
    for (int k = 0; k < p.count; ++k) {
        PyObject* object = PyTuple_GET_ITEM(labels, k);
        if (!is_integers(object)) {
            return fault("labels must be arrays of integers in native byte order");
        }
        PyArrayObject* x = reinterpret_cast<PyArrayObject*>(object);
        if (PyArray_NDIM(x) >= MOST_PLACE_AXES ||
            (k > 0 && !PyArray_SAMESHAPE(x, reinterpret_cast<PyArrayObject*>(PyTuple_GET_ITEM(labels, 0))))) {
            return fault("labels must be of one shape, of 15 axes at most");
        }
        Labels& own = p.labels[k];
        own.data = PyArray_BYTES(x);
        own.size = static_cast<int>(PyArray_ITEMSIZE(x));
        own.is_signed = PyTypeNum_ISSIGNED(PyArray_TYPE(x)) != 0;
        const Py_ssize_t length = PyLong_AsSsize_t(PyTuple_GET_ITEM(lengths, k));
        const Py_ssize_t scale = PyLong_AsSsize_t(PyTuple_GET_ITEM(scales, k));
        if (length < 0 || scale < 0) {
            return fault("a length or a scale is negative");
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

// Reads what coordinates count, and sees that no index reaches the number of rows.
bool read_steps(PyObject* steps, int64_t rows, Places& p) {
    if (!PyTuple_Check(steps) || (PyTuple_GET_SIZE(steps) != 0 && PyTuple_GET_SIZE(steps) != p.ndim)) {
        return fault("steps must be a tuple, empty or of a number for each axis");
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
    return good || fault("an index could reach beyond the rows");
}

// What runs, block by block.
struct Job {
    Places places;
    Rows rows;
    const LabelLoops* loops;
    char* out;
    char* parts;                   // totals of all parts but the first, or of all where there are tables
    ptrdiff_t width, item, length; // of a row; of a number; rows of the result
    ptrdiff_t count;               // parts that are summed apart
    ptrdiff_t blocks;              // of places, in each part
    ptrdiff_t shares;              // of columns
    ptrdiff_t each;                // columns of a share
    int tables;
    const char* table;
    std::int64_t* counts;
    ptrdiff_t found[64];
};

double takes(const Places& p, ptrdiff_t width) {
    return static_cast<double>(p.size) * (PLACE + NUMBER * static_cast<double>(width));
}

ptrdiff_t blocks_of(double nanoseconds) {
    return nanoseconds > BLOCK ? static_cast<ptrdiff_t>(nanoseconds / BLOCK) + 1 : 1;
}

void bounds(ptrdiff_t size, ptrdiff_t count, ptrdiff_t index, ptrdiff_t& start, ptrdiff_t& stop) {
    const ptrdiff_t each = (size + count - 1) / count;
    start = index * each < size ? index * each : size;
    stop = start + each < size ? start + each : size;
}

// Runs blocks, without the GIL where they take long.
bool run(Job& job, ptrdiff_t count, double nanoseconds, int threads, Block block) {
    bool good = true;
    if (nanoseconds < RELEASED) {
        for (ptrdiff_t i = 0; i < count; ++i) {
            block(&job, static_cast<long>(i));
        }
    } else {
        good = run_blocks(static_cast<long>(count), threads, block, &job);
    }
    clear_status();
    return good;
}

// Numbers of one part's total.
ptrdiff_t total(const Job& job) {
    return job.length * job.width * job.tables;
}

// How the sums are cut: from sizes alone, so that bits do not depend on threads.
void cut(Job& job) {
    const double nanoseconds = takes(job.places, job.width);
    job.shares = job.count = 1;
    job.each = job.width;
    job.tables =
        job.width == 1 && job.length <= FEW && job.places.size >= TABLES * WORTH * job.length ? TABLES : 1;
    if (nanoseconds > 2 * BLOCK) {
        const ptrdiff_t most = blocks_of(nanoseconds), parts = most < PARTS ? most : PARTS;
        if (parts * job.length * job.tables * WORTH <= job.places.size && total(job) * job.item <= CACHED) {
            job.count = parts;
        } else if (job.width * job.item >= WIDE) {
            job.each = (SHARE + job.item - 1) / job.item;
            job.shares = (job.width + job.each - 1) / job.each;
            while (job.shares > PARTS) {
                job.each *= 2;
                job.shares = (job.width + job.each - 1) / job.each;
            }
        }
    }
    // A part of its own, or a share of columns, goes through its places in turn; so does a call, stopped by
    // signals between blocks.
    job.blocks = job.count == 1 && job.shares == 1 ? blocks_of(nanoseconds) : 1;
}

// Blocks of one total are added one after the other.
int at_once(const Job& job, int threads) {
    return job.count == 1 && job.shares == 1 ? 1 : threads;
}

char* of_part(const Job& job, ptrdiff_t part) {
    if (job.tables > 1) {
        return job.parts + part * total(job) * job.item;
    }
    return part == 0 ? job.out : job.parts + (part - 1) * total(job) * job.item;
}

void add_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    const ptrdiff_t share = index % job.shares, block = index / job.shares;
    ptrdiff_t start, stop;
    bounds(job.places.size, job.count * job.blocks, block, start, stop);
    const ptrdiff_t low = share * job.each, high = low + job.each < job.width ? low + job.each : job.width;
    job.loops->add(job.places, job.rows, start, stop, low, high,
                   of_part(job, job.count > 1 ? block : 0) + low * job.item, job.width, job.tables,
                   job.length);
}

bool sum_up(Job& job, int threads) {
    cut(job);
    const ptrdiff_t others = job.tables > 1 ? job.count : job.count - 1;
    const Memory parts(others == 0
                           ? nullptr
                           : static_cast<char*>(std::calloc(static_cast<std::size_t>(others * total(job)),
                                                            static_cast<std::size_t>(job.item))));
    if (others != 0 && !parts) {
        PyErr_NoMemory();
        return false;
    }
    job.parts = parts.get();
    if (!run(job, job.count * job.blocks * job.shares, takes(job.places, job.width), at_once(job, threads),
             add_block)) {
        return false;
    }
    const ptrdiff_t size = job.length * job.width;
    for (ptrdiff_t part = 0; part < others * job.tables; ++part) {
        job.loops->merge(job.out, job.parts + part * size * job.item, size);
    }
    clear_status();
    return true;
}

PyObject* add_at(PyObject*, PyObject* args) {
    PyObject *labels, *lengths, *scales, *steps;
    PyArrayObject *rows, *out;
    int threads;
    if (!PyArg_ParseTuple(args, "OOOOO!O!i:add_at", &labels, &lengths, &scales, &steps, &PyArray_Type, &rows,
                          &PyArray_Type, &out, &threads)) {
        return nullptr;
    }
    Job job;
    Places& p = job.places;
    if (!read_labels(labels, lengths, scales, p)) {
        return nullptr;
    }
    const int places = PyArray_NDIM(reinterpret_cast<PyArrayObject*>(PyTuple_GET_ITEM(labels, 0)));
    const int ndim = PyArray_NDIM(rows);
    job.loops = label_loops(PyArray_DESCR(out)->type);
    bool good = job.loops != nullptr && PyArray_ISCARRAY(out) &&
                PyArray_EquivTypes(PyArray_DESCR(rows), PyArray_DESCR(out)) && PyArray_ISNOTSWAPPED(rows) &&
                (ndim == places || ndim == places + 1) && PyArray_NDIM(out) == 1 + ndim - places;
    for (int a = 0; good && a < places; ++a) {
        good = PyArray_DIM(rows, a) == p.shape[a];
        job.rows.strides[a] = PyArray_STRIDE(rows, a);
    }
    if (places == 0) {
        job.rows.strides[0] = 0;
    }
    job.width = good && ndim > places ? PyArray_DIM(rows, places) : 1;
    good = good && (ndim == places || PyArray_DIM(out, 1) == job.width);
    if (!good) {
        fault(
            "rows and out must be of one dtype that has loops, of the shapes of the places and of the sums");
        return nullptr;
    }
    job.length = PyArray_DIM(out, 0);
    if (!read_steps(steps, job.length, p)) {
        return nullptr;
    }
    job.item = PyArray_ITEMSIZE(out);
    job.rows.data = PyArray_BYTES(rows);
    job.rows.width = job.width;
    job.rows.by_column = ndim > places && job.width > 1 ? PyArray_STRIDE(rows, places) : job.item;
    job.out = PyArray_BYTES(out);
    if (p.size != 0 && job.width != 0 && job.length != 0) {
        simplify_places(p, &job.rows);
        if (!sum_up(job, threads)) {
            return nullptr;
        }
    }
    Py_RETURN_NONE;
}

void count_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    ptrdiff_t start, stop;
    bounds(job.places.size, job.count * job.blocks, index, start, stop);
    count_places(job.places, start, stop, job.counts + (job.count > 1 ? index : 0) * total(job), job.tables,
                 job.length);
}

PyObject* count_at(PyObject*, PyObject* args) {
    PyObject *labels, *lengths, *scales, *steps;
    Py_ssize_t size;
    int character, threads;
    if (!PyArg_ParseTuple(args, "OOOOnCi:count_at", &labels, &lengths, &scales, &steps, &size, &character,
                          &threads)) {
        return nullptr;
    }
    Job job;
    Places& p = job.places;
    job.loops = character < 128 ? label_loops(static_cast<char>(character)) : nullptr;
    if (job.loops == nullptr || size < 0) {
        fault("no counts of this dtype, or a negative number of them");
        return nullptr;
    }
    if (!read_labels(labels, lengths, scales, p) || !read_steps(steps, size, p)) {
        return nullptr;
    }
    npy_intp dims[] = {size};
    PyArray_Descr* descr = PyArray_DescrFromType(character);
    if (descr == nullptr) {
        return nullptr;
    }
    const int type = descr->type_num;
    Py_DECREF(descr);
    PyArrayObject* out = reinterpret_cast<PyArrayObject*>(PyArray_ZEROS(1, dims, type, 0));
    if (out == nullptr || p.size == 0 || size == 0) {
        return reinterpret_cast<PyObject*>(out);
    }
    simplify_places(p, nullptr);
    job.width = 1;
    job.length = size;
    job.item = sizeof(int64_t);
    cut(job);
    const ptrdiff_t totals = job.count * job.tables;
    const bool direct = totals == 1 && type == NPY_INT64;
    const Memory memory(
        direct ? nullptr
               : static_cast<char*>(std::calloc(static_cast<std::size_t>(totals * size), sizeof(int64_t))));
    if (!direct && !memory) {
        Py_DECREF(out);
        return PyErr_NoMemory();
    }
    job.counts = reinterpret_cast<int64_t*>(direct ? PyArray_BYTES(out) : memory.get());
    if (!run(job, job.count * job.blocks, takes(p, 0), at_once(job, threads), count_block)) {
        Py_DECREF(out);
        return nullptr;
    }
    for (ptrdiff_t part = 1; part < totals; ++part) {
        for (ptrdiff_t i = 0; i < size; ++i) {
            job.counts[i] += job.counts[part * size + i];
        }
    }
    if (!direct) {
        job.loops->converted(job.counts, PyArray_BYTES(out), size);
        clear_status();
    }
    return reinterpret_cast<PyObject*>(out);
}

void take_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    ptrdiff_t start, stop;
    bounds(job.places.size, job.blocks, index, start, stop);
    take_rows(job.places, start, stop, job.table, job.width, job.out);
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
        fault("table and out must be of one plain dtype, in C order, and out of a row for each place");
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
    job.width = row * PyArray_ITEMSIZE(table);
    const double nanoseconds = static_cast<double>(p.size) * (PLACE + 0.05 * static_cast<double>(job.width));
    job.blocks = blocks_of(nanoseconds);
    if (!run(job, job.blocks, nanoseconds, threads, take_block)) {
        return nullptr;
    }
    Py_RETURN_NONE;
}

bool read_equal(PyObject* labels, Py_ssize_t length, Places& p) {
    if (!PyTuple_Check(labels)) {
        return fault("labels must be a tuple");
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
    bounds(job.places.size, job.blocks, index, start, stop);
    job.loops->ones(job.places, start, stop, job.out);
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
    job.loops = label_loops(PyArray_DESCR(out)->type);
    if (job.loops == nullptr || !PyArray_ISCARRAY(out) || PyArray_SIZE(out) != job.places.size) {
        fault("out must be of a plain dtype, in C order, and of the shape of the labels");
        return nullptr;
    }
    if (job.places.size != 0) {
        job.out = PyArray_BYTES(out);
        const double nanoseconds = takes(job.places, 0);
        job.blocks = blocks_of(nanoseconds);
        if (!run(job, job.blocks, nanoseconds, threads, ones_block)) {
            return nullptr;
        }
    }
    Py_RETURN_NONE;
}

void equal_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    ptrdiff_t start, stop;
    bounds(job.places.size, job.blocks, index, start, stop);
    job.found[index] = count_equal(job.places, start, stop);
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
    ptrdiff_t sum = 0;
    if (job.places.size != 0) {
        const double nanoseconds = takes(job.places, 0);
        job.blocks = blocks_of(nanoseconds);
        job.blocks = job.blocks > 64 ? 64 : job.blocks;
        if (!run(job, job.blocks, nanoseconds, threads, equal_block)) {
            return nullptr;
        }
        for (ptrdiff_t i = 0; i < job.blocks; ++i) {
            sum += job.found[i];
        }
    }
    return PyLong_FromSsize_t(sum);
}

PyMethodDef methods[] = {
    {"add_at", add_at, METH_VARARGS,
     "add_at(labels, lengths, scales, steps, rows, out, threads, /)\n--\n\nAdd rows up, each where its "
     "labels, times the scales,\nand its coordinates, times the steps, say; but where a label is not within "
     "its length."},
    {"count_at", count_at, METH_VARARGS,
     "count_at(labels, lengths, scales, steps, size, char, threads, /)\n--\n\nHow often each index occurs "
     "that `add_at` would add to."},
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

int add_label_sums(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
