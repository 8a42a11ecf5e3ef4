// What a `Product` holds, for the files that read it and run it.
#pragma once

#include "arrangement.hpp"
#include "held.hpp"
#include "isa.hpp"
#include "problem.hpp"

namespace einroute {

// An axis of the problem, and which axis of each array it is; -1 where the array lacks it. A loop may be one
// of an operand and the result: then all rows share the other operand.
struct Bound {
    Role role;
    int a, b, out;
};

struct Shape {
    int ndim;
    npy_intp sizes[MAX_AXES];
};

class Operands;

struct Product {
    Held report;
    int type;
    npy_intp item;
    int count;
    Bound axes[MAX_AXES];
    Shape a, b, out;
    npy_intp strides[MAX_AXES]; // of a fresh result
    const KernelOf* kernel;
    std::size_t work;
    double products;
    // How the kernel goes through arrays of these strides; changed while the GIL is held.
    mutable Strides known;
    mutable Arrangement way;

    template <class Visit> void references(const Visit& visit) { visit(report.object); }

    // As `call_arrays` asks for them.
    int operands() const { return 2; }
    PyObject* fresh() const;
    bool fits(PyObject* x, int operand) const;
    bool fits_result(PyObject* x) const;
    bool run(const Operands& operands, PyArrayObject* out, int& flags) const;
    void run_small(const Operands& operands, PyArrayObject* out, void* workspace) const;
    bool run_large(const Operands& operands, PyArrayObject* out, void* workspace, int& flags) const;

    npy_intp size_of(const Bound& axis) const { return axis.a >= 0 ? a.sizes[axis.a] : b.sizes[axis.b]; }
};

// Reads what a product is made from; false with an exception set where it is none.
bool read_product(Product& self, int character, PyObject* a, PyObject* b, PyObject* out, PyObject* axes,
                  PyObject* layout);

} // namespace einroute
