// What a `Contraction` holds, for the files that make it, run it and show it to Python.
#pragma once

#include "contraction.hpp"
#include "labels.hpp"
#include "program.hpp"

namespace einroute {

struct Contraction {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject* subscripts;
    PyObject* report; // of floating-point flags; null: nothing is told, and what is not finite is repeated
    Program* program;
    Expression* expression;
    PyArray_Descr* descr;
    Element element;
    bool floating, repeats, scalar;
    int out_ndim;
    npy_intp out_shape[MAX_LABELS], out_strides[MAX_LABELS];
    npy_intp elements;
};

inline Contraction* self_of(PyObject* object) {
    return reinterpret_cast<Contraction*>(object);
}

extern PyTypeObject* contraction_type;

enum class Made { Yes, NotOurs, Failed };

// A contraction with an empty expression; null with an exception set if memory is short.
PyObject* empty_contraction(PyTypeObject* type);

// Reads subscripts into its expression; false where einsum would refuse them, or we do.
bool read_labels(PyObject* subscripts, Py_ssize_t n, Expression& to);

// Fills in a contraction whose expression has its labels and shapes.
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
