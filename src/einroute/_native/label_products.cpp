// Sums of outer products by label: places are ordered by their class, whose rows are two matrices side by
// side in memory then, and one product of BLAS's gives their sum.
#include "label_products.hpp"

#include "blas.hpp"
#include "float_status.hpp"
#include "label_arguments.hpp"
#include "label_index.hpp"
#include "workspace.hpp"

#include <atomic>

namespace einroute {

namespace {

// Multiply-adds of one product at most, which BLAS does in one thread, and of how many terms it is a sum.
constexpr ptrdiff_t REAL_PRODUCT = 1000000, COMPLEX_PRODUCT = 500000, LEAST_TERMS = 16, MOST_TERMS = 512;
// Nanoseconds that ordering a place takes, a class, a byte of a row that is put in order, a multiply-add.
constexpr double ORDERED = 3, BEGUN = 300, PACKED = 0.2, MULTIPLIED = 0.15;
// Nanoseconds of a block that goes through a class, at most: signals are heard in between.
constexpr double LONGEST = 5e6;

// One operand: a matrix at each place, whose rows are terms of the sum. Strides are in bytes.
struct Side {
    const char* data;
    ptrdiff_t by_place, by_term, by_number;
    ptrdiff_t numbers; // of a term
};

struct Job {
    Places places;
    Side sides[2];
    Element element;
    ptrdiff_t item, terms, classes; // terms at each place
    char* out;
    ptrdiff_t at_once; // places of one product
    ptrdiff_t blocks, rounds, round, each;
    Workspace<int64_t> index, order, ends; // of each place, of places by class, before and after each class
    Workspace<ptrdiff_t> bounds;           // of classes, of each block
    std::atomic<bool> failed{false};

    ptrdiff_t matrix() const { return sides[0].numbers * sides[1].numbers; }
};

// Finds the class of some places, and counts how many each has: two numbers after its own.
void count_classes(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    ptrdiff_t start, stop;
    place_bounds(job.places.size, job.blocks, index, start, stop);
    along(job.places, start, stop, [&](const Stretch& s) {
        int64_t* own = job.index.get() + s.at;
        find_index(job.places, s, own);
        for (ptrdiff_t i = 0; i < s.count; ++i) {
            ++job.ends[own[i] < 0 ? 0 : own[i] + 2];
        }
    });
}

// Puts some places where their class's begin, which move on: into what is before the next class's.
void order_places(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    ptrdiff_t start, stop;
    place_bounds(job.places.size, job.blocks, index, start, stop);
    for (ptrdiff_t place = start; place < stop; ++place) {
        const int64_t own = job.index[place];
        if (own >= 0) {
            job.order[job.ends[own + 1]++] = place;
        }
    }
}

// Orders the places that have a class by it, and as they come; false with an exception set.
bool order(Job& job) {
    job.index = workspace<int64_t>(job.places.size);
    job.order = workspace<int64_t>(job.places.size);
    job.ends = workspace<int64_t>(job.classes + 2);
    if (!job.index || !job.order || !job.ends) {
        PyErr_NoMemory();
        return false;
    }
    int64_t* const ends = job.ends.get();
    std::fill(ends, ends + job.classes + 2, 0);
    const double nanoseconds = static_cast<double>(job.places.size) * ORDERED;
    job.blocks = place_blocks(nanoseconds);
    if (!run_places(&job, job.blocks, nanoseconds, 1, count_classes)) {
        return false;
    }
    ends[0] = ends[1] = 0;
    for (ptrdiff_t c = 2; c <= job.classes + 1; ++c) {
        ends[c] += ends[c - 1];
    }
    return run_places(&job, job.blocks, nanoseconds, 1, order_places);
}

template <class U> void pack_apart(const Side& side, const char* from, char* to) {
    constexpr ptrdiff_t ITEM = sizeof(U);
    for (ptrdiff_t i = 0; i < side.numbers; ++i) {
        std::memcpy(to + i * ITEM, from + i * side.by_number, sizeof(U));
    }
}

struct Pair {
    uint64_t words[2];
};

// Puts the terms of some places below each other.
void pack(const Job& job, const Side& side, const int64_t* places, ptrdiff_t count, char* to) {
    const ptrdiff_t bytes = side.numbers * job.item;
    const bool whole = side.by_number == job.item || side.numbers == 1;
    for (ptrdiff_t i = 0; i < count; ++i) {
        const char* from = side.data + places[i] * side.by_place;
        for (ptrdiff_t k = 0; k < job.terms; ++k, from += side.by_term, to += bytes) {
            if (whole) {
                std::memcpy(to, from, static_cast<std::size_t>(bytes));
            } else if (job.item == 4) {
                pack_apart<std::uint32_t>(side, from, to);
            } else if (job.item == 8) {
                pack_apart<uint64_t>(side, from, to);
            } else {
                pack_apart<Pair>(side, from, to);
            }
        }
    }
}

template <class R> void add_numbers(const char* from, ptrdiff_t count, char* to) {
    const R* x = reinterpret_cast<const R*>(from);
    R* sum = reinterpret_cast<R*>(to);
    for (ptrdiff_t i = 0; i < count; ++i) {
        sum[i] += x[i];
    }
}

// Adds a product to a class's sum.
void add_product(const Job& job, const char* product, char* to) {
    const bool is_complex = job.element == Element::Complex64 || job.element == Element::Complex128;
    const ptrdiff_t count = job.matrix() * (is_complex ? 2 : 1);
    if (job.element == Element::Float32 || job.element == Element::Complex64) {
        add_numbers<float>(product, count, to);
    } else {
        add_numbers<double>(product, count, to);
    }
}

// The classes of a block, of whose places each round takes so many.
void multiply_block(void* context, long index) {
    Job& job = *static_cast<Job*>(context);
    const Side &a = job.sides[0], &b = job.sides[1];
    const ptrdiff_t rows = job.at_once * job.terms * job.item, size = job.matrix() * job.item;
    const auto left = workspace<char>(rows * a.numbers), right = workspace<char>(rows * b.numbers),
               product = workspace<char>(size);
    if (!left || !right || !product) {
        job.failed = true;
        return;
    }
    Gemm gemm{job.element, true, false, a.numbers, b.numbers, 0, a.numbers, b.numbers, b.numbers};
    for (ptrdiff_t c = job.bounds[index]; c < job.bounds[index + 1]; ++c) {
        const ptrdiff_t first = job.ends[c] + job.round * job.each;
        const ptrdiff_t last = std::min<ptrdiff_t>(first + job.each, job.ends[c + 1]);
        char* const out = job.out + c * size;
        if (job.round == 0 && first == last) {
            std::memset(out, 0, static_cast<std::size_t>(size));
        }
        for (ptrdiff_t at = first; at < last; at += job.at_once) {
            const ptrdiff_t count = std::min(job.at_once, last - at);
            pack(job, a, job.order.get() + at, count, left.get());
            pack(job, b, job.order.get() + at, count, right.get());
            gemm.k = count * job.terms;
            const bool begins = job.round == 0 && at == first;
            multiply(gemm, left.get(), right.get(), begins ? out : product.get());
            if (!begins) {
                add_product(job, product.get(), out);
            }
        }
    }
    clear_status();
}

double place_nanoseconds(const Job& job) {
    const ptrdiff_t numbers = job.sides[0].numbers + job.sides[1].numbers;
    return static_cast<double>(job.terms) * (PACKED * static_cast<double>(numbers * job.item) +
                                             MULTIPLIED * static_cast<double>(job.matrix()));
}

// How the work is cut: no sum depends on it but by rounds, which follow from sizes and labels.
bool cut(Job& job) {
    const double place = place_nanoseconds(job), all = static_cast<double>(job.ends[job.classes]) * place +
                                                       static_cast<double>(job.classes) * BEGUN;
    job.blocks = std::min(place_blocks(all), job.classes);
    job.bounds = workspace<ptrdiff_t>(job.blocks + 1);
    if (!job.bounds) {
        return false;
    }
    ptrdiff_t block = 0, largest = 0;
    double taken = 0;
    for (ptrdiff_t c = 0; c < job.classes; ++c) {
        const ptrdiff_t own = job.ends[c + 1] - job.ends[c];
        while (block < job.blocks &&
               taken * static_cast<double>(job.blocks) >= all * static_cast<double>(block)) {
            job.bounds[block++] = c;
        }
        taken += static_cast<double>(own) * place + BEGUN;
        largest = std::max(largest, own);
    }
    std::fill(job.bounds.get() + block, job.bounds.get() + job.blocks + 1, job.classes);
    const ptrdiff_t products = static_cast<ptrdiff_t>(LONGEST / place) / job.at_once;
    job.each = std::max<ptrdiff_t>(1, products) * job.at_once;
    job.rounds = std::max<ptrdiff_t>(1, (largest + job.each - 1) / job.each);
    return true;
}

// False with an exception set.
bool run(Job& job, int threads) {
    const ptrdiff_t most =
        job.item == 16 || job.element == Element::Complex64 ? COMPLEX_PRODUCT : REAL_PRODUCT;
    const ptrdiff_t terms = std::min(std::max(most / job.matrix(), LEAST_TERMS), MOST_TERMS);
    job.at_once = std::max<ptrdiff_t>(1, std::min(terms / job.terms, job.places.size));
    if (!order(job)) {
        return false;
    }
    if (!cut(job)) {
        PyErr_NoMemory();
        return false;
    }
    // Larger products BLAS shares among threads of its own.
    const int at_once = job.at_once * job.terms * job.matrix() > most ? 1 : threads;
    const double nanoseconds = static_cast<double>(job.ends[job.classes]) * place_nanoseconds(job) +
                               static_cast<double>(job.classes) * BEGUN;
    for (job.round = 0; job.round < job.rounds; ++job.round) {
        if ((job.round != 0 && PyErr_CheckSignals() < 0) ||
            !run_places(&job, job.blocks, nanoseconds, at_once, multiply_block)) {
            return false;
        }
    }
    if (job.failed) {
        PyErr_NoMemory();
        return false;
    }
    return true;
}

bool read_side(PyArrayObject* x, PyArrayObject* out, int axis, Job& job) {
    Side& side = job.sides[axis];
    if (PyArray_NDIM(x) != 3 || !PyArray_ISNOTSWAPPED(x) ||
        !PyArray_EquivTypes(PyArray_DESCR(x), PyArray_DESCR(out)) || PyArray_DIM(x, 0) != job.places.size ||
        PyArray_DIM(x, 1) != job.terms || PyArray_DIM(x, 2) != PyArray_DIM(out, 1 + axis)) {
        return false;
    }
    side = {PyArray_BYTES(x), PyArray_STRIDE(x, 0), PyArray_STRIDE(x, 1), PyArray_STRIDE(x, 2),
            PyArray_DIM(x, 2)};
    return true;
}

PyObject* multiply_at(PyObject*, PyObject* args) {
    PyObject *labels, *lengths, *scales, *steps;
    PyArrayObject *a, *b, *out;
    int threads;
    if (!PyArg_ParseTuple(args, "OOOOO!O!O!i:multiply_at", &labels, &lengths, &scales, &steps, &PyArray_Type,
                          &a, &PyArray_Type, &b, &PyArray_Type, &out, &threads)) {
        return nullptr;
    }
    Job job;
    if (!read_labels(labels, lengths, scales, job.places)) {
        return nullptr;
    }
    job.terms = PyArray_NDIM(a) == 3 ? PyArray_DIM(a, 1) : 0;
    const char character = PyArray_DESCR(out)->type;
    if (!has_blas() || std::strchr("fdFD", character) == nullptr || !element_of(character, job.element) ||
        PyArray_NDIM(out) != 3 || !PyArray_ISCARRAY(out) || !read_side(a, out, 0, job) ||
        !read_side(b, out, 1, job)) {
        label_fault(
            "both operands must be stacks of matrices at the places, and out of their products, of one "
            "dtype that BLAS has");
        return nullptr;
    }
    job.item = PyArray_ITEMSIZE(out);
    job.classes = PyArray_DIM(out, 0);
    job.out = PyArray_BYTES(out);
    if (!read_steps(steps, job.classes, job.places)) {
        return nullptr;
    }
    if (PyArray_SIZE(out) == 0) {
        Py_RETURN_NONE;
    }
    if (job.places.size == 0 || job.terms == 0) {
        std::memset(job.out, 0, static_cast<std::size_t>(PyArray_NBYTES(out)));
        Py_RETURN_NONE;
    }
    if (!run(job, threads)) {
        return nullptr;
    }
    Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"multiply_at", multiply_at, METH_VARARGS,
     "multiply_at(labels, lengths, scales, steps, a, b, out, threads, /)\n--\n\nSum up the products of the "
     "matrices at the places, those\nof a transposed, each where `add_at` would add it: by BLAS."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_label_products(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
