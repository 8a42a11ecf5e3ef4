// What a `Product` holds, for the files that read it and run it.
#pragma once

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
    Kernel Kernels::* kernel;
    Pricing Kernels::* pricing;
    std::size_t work;
    double products;

    template <class Visit> void references(const Visit& visit) { visit(report.object); }

    // As `call_arrays` asks for them.
    int operands() const { return 2; }
    PyObject* fresh() const;
    bool fits(PyObject* x, int operand) const;
    bool fits_result(PyObject* x) const;
    bool run(const Operands& operands, PyArrayObject* out, int& flags) const;

    npy_intp size_of(const Bound& axis) const { return axis.a >= 0 ? a.sizes[axis.a] : b.sizes[axis.b]; }
};

// Reads what a product is made from; false with an exception set where it is none.
bool read_product(Product& self, int character, PyObject* a, PyObject* b, PyObject* out, PyObject* axes,
                  PyObject* layout);

} // namespace einroute
