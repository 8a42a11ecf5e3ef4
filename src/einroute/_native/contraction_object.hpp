// What a `Contraction` holds, for the files that make it, run it and show it to Python.
#pragma once

#include "contraction.hpp"
#include "labels.hpp"
#include "object.hpp"
#include "program.hpp"

#include <memory>

namespace einroute {

struct Contraction {
    Held subscripts;
    Held report; // of floating-point flags; null: nothing is told, and what is not finite is repeated
    std::unique_ptr<Program> program;
    std::unique_ptr<Expression> expression;
    Held dtype;
    Element element;
    bool floating, repeats, scalar;
    char order;  // 'K', 'C' or 'F', in which NumPy would go through the labels
    Mask summed; // labels by which a factor may stand still that NumPy takes out of a sum; 0 where none does
    int out_ndim;
    npy_intp out_shape[MAX_LABELS], out_strides[MAX_LABELS];
    npy_intp elements;
    int growth; // products and sums of numbers below 1 are below this power of two

    PyArray_Descr* descr() const { return reinterpret_cast<PyArray_Descr*>(dtype.object); }
    template <class Visit> void references(const Visit& visit) { visit(report.object); }
};

inline Contraction* self_of(PyObject* object) {
    return &state_of<Contraction>(object);
}

extern PyTypeObject* contraction_type;

enum class Made { Yes, NotOurs };

// The result of a call of a contraction.
PyObject* call_contraction(PyObject* object, PyObject* const* args, size_t nargsf, PyObject* names);

// A contraction with an empty expression that `fill` completes; null if it says false, or with an exception
// set if memory is short.
template <class Fill> PyObject* make_contraction(PyTypeObject* type, const Fill& fill) {
    return make_object<Contraction>(type, call_contraction, [&](Contraction& self) {
        self.expression = std::make_unique<Expression>();
        return fill(self);
    });
}

// Reads subscripts into its expression; false where einsum would refuse them, or we do.
bool read_labels(PyObject* subscripts, Py_ssize_t n, Expression& to);

// Fills in a contraction whose expression has its labels and shapes. Memory may be short.
Made complete(Contraction* self, PyObject* subscripts, PyArray_Descr* descr);

// Strides of a fresh result, C or F.
void lay_out_result(Contraction* self, bool fortran);

// Whether an array has the dtype and shape that an operand was made for, or that results have.
bool fits(const Contraction* self, PyObject* array, int operand);
bool fits_result(const Contraction* self, PyObject* array);

// The result of arrays that fit, fresh or put into `out`, which may overlap them; null with an exception set.
PyObject* result_of(const Contraction* self, PyObject* const* arrays);
PyObject* result_into(const Contraction* self, PyObject* const* arrays, PyObject* out);

// NumPy's einsum, found once when the module is loaded; false with an exception set if it is not there.
bool find_c_einsum();

} // namespace einroute
