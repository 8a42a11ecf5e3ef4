// A contraction from subscripts, a dtype and shapes, and of a call seen first.

#include "contraction_object.hpp"

#include <cmath>

namespace einroute {

namespace {

// Nanoseconds up to which a call is understood at first sight: no other way is faster then, since a call of
// NumPy's takes as long; and of three operands and more there are two, or one of its loops.
constexpr double SMALL = 450, SMALL_OF_MANY = 800;
// Products that NumPy's order may take where a result is not finite.
constexpr double REPEATED = 1 << 21;

double iterations(const Expression& e) {
    double count = 1;
    for (int label = 0; label < e.labels; ++label) {
        count *= static_cast<double>(e.size[label]);
    }
    return count;
}

} // namespace

bool read_labels(PyObject* subscripts, Py_ssize_t n, Expression& to) {
    return PyUnicode_IS_ASCII(subscripts) && n <= MAX_OPERANDS &&
           read_subscripts(reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(subscripts)),
                           PyUnicode_GET_LENGTH(subscripts), static_cast<int>(n), to);
}

void lay_out_result(Contraction* self, bool fortran) {
    const int n = self->out_ndim;
    self->elements = 1;
    for (int i = 0; i < n; ++i) {
        const int axis = fortran ? i : n - 1 - i;
        self->out_strides[axis] = self->elements * item_size(self->element);
        self->elements *= self->out_shape[axis];
    }
}

// Of each sum.
double terms(const Expression& e) {
    double count = iterations(e);
    for (int i = 0; i < e.out_ndim; ++i) {
        count /= double(e.size[e.out[i]]);
    }
    return count;
}

Made complete(Contraction* self, PyObject* subscripts, PyArray_Descr* descr) {
    Expression& e = *self->expression;
    if (!element_of(descr->type, self->element) || is_long(self->element) || !read_sizes(e)) {
        return Made::NotOurs;
    }
    self->program = std::make_unique<Program>();
    if (!make_program(e, self->element, *self->program)) {
        return Made::NotOurs;
    }
    Py_INCREF(descr);
    self->dtype.object = reinterpret_cast<PyObject*>(descr);
    self->subscripts.object = Py_NewRef(subscripts);
    self->floating = self->element >= Element::Float32;
    self->order = 'K';
    const bool is_complex = self->element >= Element::Complex64;
    // Two real terms may be added in any order; a complex product is two.
    const double most = is_complex && e.operands > 1 ? 1 : 2;
    self->repeats = self->floating && !self->report && (self->program->reorders || terms(e) > most);
    self->growth = std::ilogb(terms(e)) + 1 + (is_complex ? e.operands : 0);
    if (self->repeats && iterations(e) > REPEATED) {
        return Made::NotOurs;
    }
    const bool takes_out = self->floating && !self->repeats && !self->report && e.operands <= 2;
    self->summed = takes_out && iterations(e) <= REPEATED ? ~Mask{0} : 0;
    self->out_ndim = e.out_ndim;
    for (int i = 0; i < e.out_ndim; ++i) {
        self->out_shape[i] = e.size[e.out[i]];
        self->summed &= ~(Mask{1} << e.out[i]);
    }
    return Made::Yes;
}

PyObject* understand(PyObject* subscripts, PyObject* const* arrays, Py_ssize_t n, char order) {
    if (n < 1 || n > MAX_OPERANDS) {
        return nullptr;
    }
    PyArray_Descr* descr = PyArray_DESCR(reinterpret_cast<PyArrayObject*>(arrays[0]));
    PyArray_Descr* plain = PyTypeNum_ISNUMBER(descr->type_num) || descr->type_num == NPY_BOOL
                               ? PyArray_DescrFromType(descr->type_num)
                               : nullptr;
    Py_XDECREF(plain); // NumPy keeps it for ever
    if (plain != descr) {
        return nullptr; // in the other byte order, or with metadata
    }
    return make_contraction(contraction_type, [&](Contraction& self) {
        Expression& e = *self.expression;
        if (!read_labels(subscripts, n, e)) {
            return false;
        }
        const npy_intp* strides[MAX_OPERANDS];
        for (Py_ssize_t i = 0; i < n; ++i) {
            PyArrayObject* x = reinterpret_cast<PyArrayObject*>(arrays[i]);
            if (PyArray_DESCR(x) != descr || PyArray_NDIM(x) != e.ndim[i]) {
                return false;
            }
            for (int d = 0; d < e.ndim[i]; ++d) {
                e.shape[i][d] = PyArray_DIM(x, d);
            }
            strides[i] = PyArray_STRIDES(x);
        }
        const bool view = n == 1 && e.labels == e.out_ndim;
        if (view || complete(&self, subscripts, descr) != Made::Yes) {
            return false;
        }
        self.scalar = self.out_ndim == 0;
        self.order = order;
        lay_out_result(&self, false);
        return price_program(*self.program, strides, self.out_strides) <= (n > 2 ? SMALL_OF_MANY : SMALL);
    });
}

} // namespace einroute
