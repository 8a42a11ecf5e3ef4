// A contraction of arrays that fit.

#include "array_arguments.hpp"
#include "contraction_object.hpp"
#include "finite.hpp"
#include "float_status.hpp"

#include <algorithm>
#include <cfloat>

namespace einroute {

namespace {

static_assert(sizeof(npy_intp) == sizeof(std::ptrdiff_t), "strides are handed on as they are");

// Bytes of intermediates and of kernels that lie on the stack.
constexpr std::ptrdiff_t ON_STACK = 16384;
// Nanoseconds, about, from which the GIL is released.
constexpr double RELEASED = 20e3;

PyObject* c_einsum = nullptr;

// Of elements in a row, as the parts that complex numbers are made of.
npy_intp reals(const Contraction* self, npy_intp elements) {
    return elements * (self->element >= Element::Complex64 ? 2 : 1);
}

bool is_single(const Contraction* self) {
    return self->element == Element::Float32 || self->element == Element::Complex64;
}

bool is_finite(const Contraction* self, const char* data, npy_intp elements) {
    return all_finite(data, reals(self, elements), is_single(self));
}

// Whether NumPy's order may stay finite where ours does not. Axes that stand still in memory, as
// np.broadcast_to makes them, it sums over in the order of their labels, and takes such a factor out of a
// sum.
bool may_repeat(const Contraction* self, PyObject* const* arrays) {
    if (self->repeats || self->summed == 0) {
        return self->repeats;
    }
    const Expression& e = *self->expression;
    for (int i = 0; i < e.operands; ++i) {
        const npy_intp* strides = PyArray_STRIDES(reinterpret_cast<PyArrayObject*>(arrays[i]));
        for (int d = 0; d < e.ndim[i]; ++d) {
            if (strides[d] == 0 && e.shape[i][d] > 1 && (self->summed >> e.label[i][d] & 1) != 0) {
                return true;
            }
        }
    }
    return false;
}

// Whether a result that is not finite is made anew: not where the numbers that are finite are too small to
// overflow in any order, so that an operand has others. They come to the same in every order then, unless
// ours goes another way through the operands.
bool is_worth_repeating(const Contraction* self, PyObject* const* arrays) {
    if (self->program->reorders) {
        return true;
    }
    const int most = is_single(self) ? FLT_MAX_EXP : DBL_MAX_EXP;
    int power = self->growth;
    for (int i = 0; i < self->expression->operands && power < most; ++i) {
        PyArrayObject* x = reinterpret_cast<PyArrayObject*>(arrays[i]);
        if (!PyArray_ISONESEGMENT(x) || !PyArray_ISALIGNED(x)) {
            return true;
        }
        const int own = power_above(PyArray_BYTES(x), reals(self, PyArray_SIZE(x)), is_single(self));
        power += own > 0 ? own : 0;
    }
    return power >= most;
}

// NumPy's own answer, whose sums are in the order asked for; into `out`, which has a say in that, where one
// is given.
PyObject* repeat(const Contraction* self, PyObject* const* arrays, PyObject* out = nullptr) {
    PyObject* arguments[MAX_OPERANDS + 3] = {self->subscripts.object};
    const int n = self->expression->operands;
    for (int i = 0; i < n; ++i) {
        arguments[i + 1] = arrays[i];
    }
    const Held order(PyUnicode_FromStringAndSize(&self->order, 1)),
        names(out == nullptr ? Py_BuildValue("(s)", "order") : Py_BuildValue("(ss)", "order", "out"));
    if (!order || !names) {
        return nullptr;
    }
    arguments[n + 1] = order.object;
    arguments[n + 2] = out;
    PyObject* result = PyObject_Vectorcall(c_einsum, arguments, static_cast<size_t>(n) + 1, names.object);
    clear_status();
    return result;
}

// Whether others may run meanwhile.
bool releases(const Contraction* self) {
    return self->program->nanoseconds >= RELEASED;
}

// A program of a call's own: how kernels go through the arrays is kept in it, and others may run it
// meanwhile.
std::unique_ptr<Program> own_program(const Program& program) {
    try {
        return std::make_unique<Program>(program);
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
        return nullptr;
    }
}

// Whether all arrays are what they were: while the GIL is released, another thread may set the shape or the
// dtype of one.
bool are_as_before(const Contraction* self, PyObject* const* arrays) {
    for (int i = 0; i < self->expression->operands && releases(self); ++i) {
        if (!fits(self, arrays[i], i)) {
            return false;
        }
    }
    return true;
}

bool has_to_repeat(const Contraction* self, PyObject* const* arrays, const char* made) {
    return are_as_before(self, arrays) && may_repeat(self, arrays) &&
           !is_finite(self, made, self->elements) && is_worth_repeating(self, arrays);
}

// Does the work; false with an exception set if memory is short or a flag's report raises.
bool work(const Contraction* self, PyObject* const* arrays, char* out, const npy_intp* strides) {
    const char* data[MAX_OPERANDS];
    const npy_intp* steps[MAX_OPERANDS];
    npy_intp kept[MAX_OPERANDS][MAX_DIMS], out_kept[MAX_LABELS];
    const bool released = releases(self);
    for (int i = 0; i < self->expression->operands; ++i) {
        PyArrayObject* x = reinterpret_cast<PyArrayObject*>(arrays[i]);
        data[i] = PyArray_BYTES(x);
        steps[i] = PyArray_STRIDES(x);
        if (released) {
            steps[i] = std::copy_n(steps[i], self->expression->ndim[i], kept[i]) - self->expression->ndim[i];
        }
    }
    if (released && strides != nullptr) {
        strides = std::copy_n(strides, self->out_ndim, out_kept) - self->out_ndim;
    }
    std::unique_ptr<Program> own;
    if (released && self->program->arranges && !(own = own_program(*self->program))) {
        return false;
    }
    alignas(32) char stack[ON_STACK];
    char* scratch = stack;
    if (self->program->scratch > ON_STACK) {
        scratch = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(self->program->scratch)));
        if (scratch == nullptr) {
            PyErr_NoMemory();
            return false;
        }
    }
    if (self->report) {
        clear_status();
    }
    PyThreadState* state = released ? PyEval_SaveThread() : nullptr;
    run_program(own ? *own : *self->program, data, steps, out, strides, scratch);
    const int flags = self->floating ? read_status() : 0;
    if (released) {
        PyEval_RestoreThread(state);
    }
    if (scratch != stack) {
        PyMem_Free(scratch);
    }
    if (flags == 0) {
        return true;
    }
    clear_status();
    return !self->report || tell(self->report.object, flags);
}

// The dtype of a result: integers of one size go by two names, of which NumPy's result has the later one.
PyArray_Descr* descr_of(const Contraction* self, PyObject* const* arrays) {
    int type = 0;
    for (int i = 0; i < self->expression->operands; ++i) {
        const int own = PyArray_TYPE(reinterpret_cast<PyArrayObject*>(arrays[i]));
        type = own > type ? own : type;
    }
    if (type == self->descr()->type_num) {
        return self->descr();
    }
    PyArray_Descr* descr = PyArray_DescrFromType(type);
    Py_XDECREF(descr); // NumPy keeps it for ever
    return descr;
}

PyObject* fresh(const Contraction* self, PyObject* const* arrays) {
    PyArray_Descr* descr = descr_of(self, arrays);
    Py_INCREF(descr);
    return PyArray_NewFromDescr(&PyArray_Type, descr, self->out_ndim, self->out_shape, self->out_strides,
                                nullptr, 0, nullptr);
}

// From the first byte of an array of one element or more to behind its last.
struct Range {
    const char* first;
    const char* end;
};

Range range_of(PyArrayObject* x) {
    Range range = {PyArray_BYTES(x), PyArray_BYTES(x) + PyArray_ITEMSIZE(x)};
    for (int i = 0; i < PyArray_NDIM(x); ++i) {
        const npy_intp reach = (PyArray_DIM(x, i) - 1) * PyArray_STRIDE(x, i);
        (reach < 0 ? range.first : range.end) += reach;
    }
    return range;
}

bool may_overlap(const Contraction* self, PyObject* const* arrays, PyArrayObject* out) {
    const Range of_out = range_of(out);
    for (int i = 0; i < self->expression->operands; ++i) {
        const Range range = range_of(reinterpret_cast<PyArrayObject*>(arrays[i]));
        if (range.first < of_out.end && of_out.first < range.end) {
            return true;
        }
    }
    return false;
}

} // namespace

bool find_c_einsum() {
    PyObject* numpy = PyImport_ImportModule("numpy._core.multiarray");
    c_einsum = numpy == nullptr ? nullptr : PyObject_GetAttrString(numpy, "c_einsum");
    Py_XDECREF(numpy);
    return c_einsum != nullptr;
}

bool fits(const Contraction* self, PyObject* array, int operand) {
    const Expression& e = *self->expression;
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(array);
    return is_like(x, self->descr()->type_num, e.ndim[operand], e.shape[operand]);
}

bool fits_result(const Contraction* self, PyObject* given) {
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(given);
    return is_like(x, self->descr()->type_num, self->out_ndim, self->out_shape);
}

PyObject* result_of(const Contraction* self, PyObject* const* arrays) {
    if (self->scalar) {
        alignas(16) char value[16];
        if (!work(self, arrays, value, nullptr)) {
            return nullptr;
        }
        if (has_to_repeat(self, arrays, value)) {
            return repeat(self, arrays);
        }
        return PyArray_Scalar(value, descr_of(self, arrays), nullptr);
    }
    PyObject* out = fresh(self, arrays);
    if (out == nullptr) {
        return nullptr;
    }
    char* data = PyArray_BYTES(reinterpret_cast<PyArrayObject*>(out));
    if (!work(self, arrays, data, self->out_strides)) {
        Py_DECREF(out);
        return nullptr;
    }
    if (has_to_repeat(self, arrays, data)) { // NumPy's answer, laid out as ours
        PyObject* made = repeat(self, arrays);
        if (made == nullptr || PyArray_CopyObject(reinterpret_cast<PyArrayObject*>(out), made) < 0) {
            Py_CLEAR(out);
        }
        Py_XDECREF(made);
    }
    return out;
}

PyObject* result_into(const Contraction* self, PyObject* const* arrays, PyObject* out) {
    PyArrayObject* target = reinterpret_cast<PyArrayObject*>(out);
    if (!may_overlap(self, arrays, target) && (PyArray_ISONESEGMENT(target) || !may_repeat(self, arrays))) {
        char* data = PyArray_BYTES(target);
        if (!work(self, arrays, data, PyArray_STRIDES(target))) {
            return nullptr;
        }
        return has_to_repeat(self, arrays, data) ? repeat(self, arrays, out) : Py_NewRef(out);
    }
    const Held made(result_of(self, arrays));
    const Held source(made && !PyArray_Check(made.object) ? PyArray_FromScalar(made.object, nullptr)
                                                          : Py_XNewRef(made.object));
    if (!source) {
        return nullptr;
    }
    if (has_to_repeat(self, arrays, PyArray_BYTES(source.array()))) {
        return repeat(self, arrays, out);
    }
    return PyArray_CopyInto(target, source.array()) >= 0 ? Py_NewRef(out) : nullptr;
}

bool makes_what(PyObject* contraction, PyObject* array) {
    const Contraction* self = self_of(contraction);
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(array);
    return PyArray_DESCR(x) == self->descr() && PyArray_NDIM(x) == self->out_ndim &&
           PyArray_CompareLists(PyArray_DIMS(x), self->out_shape, self->out_ndim);
}

PyObject* contract(PyObject* contraction, PyObject* const* arrays, Py_ssize_t n, PyObject* out) {
    const Contraction* self = self_of(contraction);
    // Of `out` a warning may be told, whose handler may run anything: it comes before the checks of shapes.
    if (out != nullptr &&
        PyArray_FailUnlessWriteable(reinterpret_cast<PyArrayObject*>(out), "output array") < 0) {
        return nullptr;
    }
    bool good = n == self->expression->operands && (out == nullptr || fits_result(self, out));
    for (Py_ssize_t i = 0; good && i < n; ++i) {
        good = PyArray_CheckExact(arrays[i]) && fits(self, arrays[i], static_cast<int>(i));
    }
    if (!good) { // called as any other, it says what is wrong, or takes what is no array
        const Py_ssize_t count = n + (out != nullptr);
        return PyObject_Vectorcall(contraction, arrays, static_cast<size_t>(count), nullptr);
    }
    return out == nullptr ? result_of(self, arrays) : result_into(self, arrays, out);
}

} // namespace einroute
