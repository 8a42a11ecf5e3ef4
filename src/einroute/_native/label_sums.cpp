#include "label_sums.hpp"

#include "float_status.hpp"
#include "held.hpp"
#include "label_arguments.hpp"

#include <cstdlib>

namespace einroute {

namespace {

using std::int64_t;
using std::ptrdiff_t;

// Nanoseconds from which sums are shared.
constexpr double SHARED = 1e6;
// Nanoseconds of a block that goes through its places in turn, at most: signals are heard in between.
constexpr double LONGEST = 5e6;
// Totals that are summed apart at most, and places for each of their rows at least; bytes of a row from which
// its columns are shared, of a share, and of a total that stays in cache.
constexpr ptrdiff_t PARTS = 8, WORTH = 4, WIDE = 512, SHARE = 256, CACHED = 1 << 18;
// Tables that neighbours are added to in turn, so that none waits for the one before; their numbers at most.
constexpr int TABLES = 4;
constexpr ptrdiff_t FEW = 2048;

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
    ptrdiff_t rounds, round;       // in which each part or share goes through its places
    int tables;
    bool counts_only;
    std::int64_t* counts; // the first table
};

// Numbers before a table, for what has no class; of a table with those; of one part's total.
ptrdiff_t before(const Job& job) {
    return job.tables > 1 || job.counts_only ? job.width : 0;
}

ptrdiff_t table(const Job& job) {
    return before(job) + job.length * job.width;
}

ptrdiff_t total(const Job& job) {
    return table(job) * job.tables;
}

// How the sums are cut: from sizes alone, so that bits do not depend on threads.
void cut(Job& job) {
    const double nanoseconds = place_time(job.places, job.width);
    job.shares = job.count = 1;
    job.each = job.width;
    job.tables =
        job.width <= NARROW && job.length * job.width <= FEW && job.places.size >= TABLES * WORTH * job.length
            ? TABLES
            : 1;
    if (nanoseconds > SHARED) {
        const ptrdiff_t most = place_blocks(nanoseconds), parts = most < PARTS ? most : PARTS;
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
    const bool whole = job.count == 1 && job.shares == 1;
    job.blocks = whole ? place_blocks(nanoseconds) : 1;
    const double block = nanoseconds / static_cast<double>(job.count * job.shares);
    job.rounds = whole ? 1 : static_cast<ptrdiff_t>(block / LONGEST) + 1;
}

// Blocks of one total are added one after the other.
int at_once(const Job& job, int threads) {
    return job.count == 1 && job.shares == 1 ? 1 : threads;
}

// Where block `part` of this round starts and stops.
void bounds(const Job& job, ptrdiff_t part, ptrdiff_t& start, ptrdiff_t& stop) {
    place_bounds(job.places.size, job.count * job.blocks * job.rounds, part * job.rounds + job.round, start,
                 stop);
}

// Runs all rounds; false with an exception set if a signal's handler raised.
bool run_rounds(Job& job, ptrdiff_t count, double nanoseconds, int threads, Block block) {
    for (job.round = 0; job.round < job.rounds; ++job.round) {
        if ((job.round != 0 && PyErr_CheckSignals() < 0) ||
            !run_places(&job, count, nanoseconds, at_once(job, threads), block)) {
            return false;
        }
    }
    return true;
}

char* of_part(const Job& job, ptrdiff_t part) {
    if (job.tables > 1) {
        return job.parts + (part * total(job) + before(job)) * job.item;
    }
    return part == 0 ? job.out : job.parts + (part - 1) * total(job) * job.item;
}

void add_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    const ptrdiff_t share = index % job.shares, block = index / job.shares;
    ptrdiff_t start, stop;
    bounds(job, block, start, stop);
    const ptrdiff_t low = share * job.each, high = low + job.each < job.width ? low + job.each : job.width;
    job.loops->add(job.places, job.rows, start, stop, low, high,
                   of_part(job, job.count > 1 ? block : 0) + low * job.item, job.length, job.width,
                   job.tables, table(job));
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
    if (!run_rounds(job, job.count * job.blocks * job.shares, place_time(job.places, job.width), threads,
                    add_block)) {
        return false;
    }
    const ptrdiff_t size = job.length * job.width;
    for (ptrdiff_t part = 0; part < others * job.tables; ++part) {
        job.loops->merge(job.out, job.parts + (part * table(job) + before(job)) * job.item, size);
    }
    clear_status();
    return true;
}

// Reads rows at places of so many axes, and where they are added; false with an exception set.
bool read_rows(PyArrayObject* rows, PyArrayObject* out, int places, Job& job) {
    const Places& p = job.places;
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
        return label_fault(
            "rows and out must be of one dtype that has loops, of the shapes of the places and of the sums");
    }
    job.length = PyArray_DIM(out, 0);
    job.item = PyArray_ITEMSIZE(out);
    job.rows.data = PyArray_BYTES(rows);
    job.rows.width = job.width;
    job.rows.by_column = ndim > places && job.width > 1 ? PyArray_STRIDE(rows, places) : job.item;
    job.out = PyArray_BYTES(out);
    return true;
}

bool add_rows(Job& job, int threads) {
    if (job.places.size == 0 || job.width == 0 || job.length == 0) {
        return true;
    }
    simplify_places(job.places, &job.rows);
    job.counts_only = false;
    return sum_up(job, threads);
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
    if (!read_labels(labels, lengths, scales, job.places)) {
        return nullptr;
    }
    const int places = PyArray_NDIM(reinterpret_cast<PyArrayObject*>(PyTuple_GET_ITEM(labels, 0)));
    if (!read_rows(rows, out, places, job) || !read_steps(steps, job.length, job.places) ||
        !add_rows(job, threads)) {
        return nullptr;
    }
    Py_RETURN_NONE;
}

void count_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    ptrdiff_t start, stop;
    bounds(job, index, start, stop);
    count_places(job.places, start, stop, job.counts + (job.count > 1 ? index : 0) * total(job), job.tables,
                 table(job));
}

PyObject* counts_of(Job& job, Py_ssize_t size, int character, int threads) {
    Places& p = job.places;
    npy_intp dims[] = {size};
    PyArray_Descr* descr = PyArray_DescrFromType(character);
    if (descr == nullptr) {
        return nullptr;
    }
    const int type = descr->type_num;
    Py_DECREF(descr);
    if (p.size == 0 || size == 0) {
        return PyArray_ZEROS(1, dims, type, 0);
    }
    PyArrayObject* out = reinterpret_cast<PyArrayObject*>(PyArray_EMPTY(1, dims, type, 0));
    if (out == nullptr) {
        return nullptr;
    }
    simplify_places(p, nullptr);
    job.counts_only = true;
    job.width = 1;
    job.length = size;
    job.item = sizeof(int64_t);
    cut(job);
    const ptrdiff_t totals = job.count * job.tables;
    const Memory memory(
        static_cast<char*>(std::calloc(static_cast<std::size_t>(totals * table(job)), sizeof(int64_t))));
    if (!memory) {
        Py_DECREF(out);
        return PyErr_NoMemory();
    }
    job.counts = reinterpret_cast<int64_t*>(memory.get()) + before(job);
    if (!run_rounds(job, job.count * job.blocks, place_time(p, 0), threads, count_block)) {
        Py_DECREF(out);
        return nullptr;
    }
    for (ptrdiff_t part = 1; part < totals; ++part) {
        for (ptrdiff_t i = 0; i < size; ++i) {
            job.counts[i] += job.counts[part * table(job) + i];
        }
    }
    job.loops->converted(job.counts, PyArray_BYTES(out), size);
    clear_status();
    return reinterpret_cast<PyObject*>(out);
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
    job.loops = character < 128 ? label_loops(static_cast<char>(character)) : nullptr;
    if (job.loops == nullptr || size < 0) {
        label_fault("no counts of this dtype, or a negative number of them");
        return nullptr;
    }
    if (!read_labels(labels, lengths, scales, job.places) || !read_steps(steps, size, job.places)) {
        return nullptr;
    }
    return counts_of(job, size, character, threads);
}

PyMethodDef methods[] = {
    {"add_at", add_at, METH_VARARGS,
     "add_at(labels, lengths, scales, steps, rows, out, threads, /)\n--\n\nAdd rows up, each where its "
     "labels, times the scales,\nand its coordinates, times the steps, say; but where a label is not within "
     "its length."},
    {"count_at", count_at, METH_VARARGS,
     "count_at(labels, lengths, scales, steps, size, char, threads, /)\n--\n\nHow often each index occurs "
     "that `add_at` would add to."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

bool add_at_labels(const Places& places, PyArrayObject* rows, PyArrayObject* out, int threads) {
    Job job;
    job.places = places;
    return read_rows(rows, out, places.ndim, job) && add_rows(job, threads);
}

PyObject* count_at_labels(const Places& places, npy_intp size, char character, int threads) {
    Job job;
    job.places = places;
    job.loops = label_loops(character);
    return counts_of(job, size, character, threads);
}

int add_label_sums(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
