#include "contraction.hpp"

#include "float_status.hpp"
#include "labels.hpp"
#include "program.hpp"
#include "strides.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

namespace einroute {

namespace {

static_assert(sizeof(npy_intp) == sizeof(std::ptrdiff_t), "strides are handed on as they are");

// Nanoseconds up to which a call is understood at first sight: no other way is faster then, since a call of
// NumPy's takes as long; and of three operands and more there are two, or one of its loops.
constexpr double SMALL = 450, SMALL_OF_MANY = 1000;
// Products that NumPy's order may take where a result is not finite.
constexpr double REPEATED = 1 << 21;
// Bytes of intermediates and of kernels that lie on the stack.
constexpr std::ptrdiff_t ON_STACK = 16384;

PyTypeObject* contraction_type = nullptr;
PyObject* c_einsum = nullptr;

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

Contraction* self_of(PyObject* object) {
    return reinterpret_cast<Contraction*>(object);
}

// What the elements of a dtype are; false if they are not plain numbers.
bool element_of(int type, Element& to) {
    switch (type) {
    case NPY_BOOL:
        to = Element::Bool;
        return true;
    case NPY_FLOAT:
        to = Element::Float32;
        return true;
    case NPY_DOUBLE:
        to = Element::Float64;
        return true;
    case NPY_CFLOAT:
        to = Element::Complex64;
        return true;
    case NPY_CDOUBLE:
        to = Element::Complex128;
        return true;
    default:
        break;
    }
    if (!PyTypeNum_ISINTEGER(type)) {
        return false;
    }
    switch (type) {
    case NPY_BYTE:
    case NPY_UBYTE:
        to = Element::Int8;
        return true;
    case NPY_SHORT:
    case NPY_USHORT:
        to = Element::Int16;
        return true;
    case NPY_INT:
    case NPY_UINT:
        to = Element::Int32;
        return true;
    case NPY_LONG:
    case NPY_ULONG:
        to = sizeof(long) == 8 ? Element::Int64 : Element::Int32;
        return true;
    default:
        to = Element::Int64;
        return true;
    }
}

// An exponent of ones alone, and one more, reaches the sign.
template <class Bits> bool all_finite(const char* data, npy_intp count, Bits exponent) {
    const Bits one = exponent & (~exponent + 1);
    Bits all = 0;
    for (npy_intp i = 0; i < count; ++i) {
        Bits bits;
        std::memcpy(&bits, data + i * sizeof bits, sizeof bits);
        all |= (bits & exponent) + one;
    }
    return (all & (exponent + one)) == 0;
}

bool is_finite(const Contraction* self, const char* data) {
    switch (self->element) {
    case Element::Float32:
        return all_finite<std::uint32_t>(data, self->elements, 0x7f800000u);
    case Element::Complex64:
        return all_finite<std::uint32_t>(data, 2 * self->elements, 0x7f800000u);
    case Element::Float64:
        return all_finite<std::uint64_t>(data, self->elements, 0x7ff0000000000000u);
    default:
        return all_finite<std::uint64_t>(data, 2 * self->elements, 0x7ff0000000000000u);
    }
}

// NumPy's own answer.
PyObject* repeat(const Contraction* self, PyObject* const* arrays) {
    PyObject* arguments[MAX_OPERANDS + 1] = {self->subscripts};
    const int n = self->expression->operands;
    for (int i = 0; i < n; ++i) {
        arguments[i + 1] = arrays[i];
    }
    PyObject* result = PyObject_Vectorcall(c_einsum, arguments, static_cast<size_t>(n) + 1, nullptr);
    clear_status();
    return result;
}

// Does the work; false with an exception set if memory is short or a flag's report raises.
bool work(const Contraction* self, PyObject* const* arrays, char* out, const npy_intp* strides) {
    const char* data[MAX_OPERANDS];
    const npy_intp* steps[MAX_OPERANDS];
    for (int i = 0; i < self->expression->operands; ++i) {
        PyArrayObject* x = reinterpret_cast<PyArrayObject*>(arrays[i]);
        data[i] = PyArray_BYTES(x);
        steps[i] = PyArray_STRIDES(x);
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
    if (self->report != nullptr) {
        clear_status();
    }
    run_program(*self->program, data, steps, out, strides, scratch);
    if (scratch != stack) {
        PyMem_Free(scratch);
    }
    const int flags = self->floating ? read_status() : 0;
    if (flags == 0) {
        return true;
    }
    clear_status();
    if (self->report == nullptr) {
        return true;
    }
    PyObject* told = PyObject_CallFunction(self->report, "i", flags);
    Py_XDECREF(told);
    return told != nullptr;
}

PyObject* fresh(const Contraction* self) {
    Py_INCREF(self->descr);
    return PyArray_NewFromDescr(&PyArray_Type, self->descr, self->out_ndim, self->out_shape,
                                self->out_strides, nullptr, 0, nullptr);
}

PyObject* result_of(const Contraction* self, PyObject* const* arrays) {
    if (self->scalar) {
        alignas(16) char value[16];
        if (!work(self, arrays, value, nullptr)) {
            return nullptr;
        }
        if (self->repeats && !is_finite(self, value)) {
            return repeat(self, arrays);
        }
        return PyArray_Scalar(value, self->descr, nullptr);
    }
    PyObject* out = fresh(self);
    if (out == nullptr) {
        return nullptr;
    }
    char* data = PyArray_BYTES(reinterpret_cast<PyArrayObject*>(out));
    if (!work(self, arrays, data, self->out_strides)) {
        Py_DECREF(out);
        return nullptr;
    }
    if (self->repeats && !is_finite(self, data)) {
        Py_DECREF(out);
        out = repeat(self, arrays);
        if (out != nullptr && !PyArray_Check(out)) { // a 0-d array was asked for
            PyObject* scalar = out;
            out = PyArray_FromScalar(scalar, nullptr);
            Py_DECREF(scalar);
        }
    }
    return out;
}

// Whether an argument is an array that the contraction was made for.
bool fits(const Contraction* self, PyObject* given, int ndim, const npy_intp* shape) {
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(given);
    return PyArray_TYPE(x) == self->descr->type_num && PyArray_ISNOTSWAPPED(x) && PyArray_NDIM(x) == ndim &&
           PyArray_CompareLists(PyArray_DIMS(x), shape, ndim);
}

bool check(const Contraction* self, PyObject* given, int ndim, const npy_intp* shape, const char* name) {
    if (!PyArray_Check(given)) {
        PyErr_Format(PyExc_TypeError, "%s is of type %s; expected a numpy.ndarray", name,
                     Py_TYPE(given)->tp_name);
        return false;
    }
    if (!fits(self, given, ndim, shape)) {
        PyErr_Format(PyExc_ValueError, "%s has another shape or dtype than the contraction was made for",
                     name);
        return false;
    }
    return true;
}

PyObject* into(const Contraction* self, PyObject* const* arrays, PyObject* out) {
    PyArrayObject* target = reinterpret_cast<PyArrayObject*>(out);
    if (!self->repeats) {
        return work(self, arrays, PyArray_BYTES(target), PyArray_STRIDES(target)) ? Py_NewRef(out) : nullptr;
    }
    PyObject* made = result_of(self, arrays);
    PyObject* source =
        made != nullptr && !PyArray_Check(made) ? PyArray_FromScalar(made, nullptr) : Py_XNewRef(made);
    Py_XDECREF(made);
    const bool copied =
        source != nullptr && PyArray_CopyInto(target, reinterpret_cast<PyArrayObject*>(source)) >= 0;
    Py_XDECREF(source);
    return copied ? Py_NewRef(out) : nullptr;
}

// The operands of a call as arrays: a number, as a sum to no axes gives it, is one without axes.
struct Operands {
    PyObject* arrays[MAX_OPERANDS];
    PyObject* made[MAX_OPERANDS];
    int count = 0;

    Operands() = default;
    ~Operands() {
        for (int i = 0; i < count; ++i) {
            Py_XDECREF(made[i]);
        }
    }
    Operands(const Operands&) = delete;
    Operands& operator=(const Operands&) = delete;

    bool take(PyObject* given) {
        PyObject* array = PyArray_IsScalar(given, Generic) ? PyArray_FromScalar(given, nullptr) : nullptr;
        if (array == nullptr && PyErr_Occurred()) {
            return false;
        }
        made[count] = array;
        arrays[count++] = array == nullptr ? given : array;
        return true;
    }
};

PyObject* call(PyObject* object, PyObject* const* args, size_t nargsf, PyObject* names) {
    const Contraction* self = self_of(object);
    const Expression& e = *self->expression;
    const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    const Py_ssize_t keywords = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
    if (count + keywords < e.operands || count + keywords > e.operands + 1 || keywords > 1) {
        PyErr_Format(PyExc_TypeError, "expected %d operands and perhaps out", e.operands);
        return nullptr;
    }
    if (keywords == 1 &&
        (count < e.operands || PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "out") != 0)) {
        PyErr_Format(PyExc_TypeError, "unexpected keyword argument %R; expected out after %d operands",
                     PyTuple_GET_ITEM(names, 0), e.operands);
        return nullptr;
    }
    Operands operands;
    for (int i = 0; i < e.operands; ++i) {
        npy_intp shape[MAX_DIMS];
        for (int d = 0; d < e.ndim[i]; ++d) {
            shape[d] = e.shape[i][d];
        }
        if (!operands.take(args[i]) || !check(self, operands.arrays[i], e.ndim[i], shape, "an operand")) {
            return nullptr;
        }
    }
    PyObject* out = count + keywords > e.operands ? args[e.operands] : Py_None;
    if (out == Py_None) {
        return result_of(self, operands.arrays);
    }
    if (!check(self, out, self->out_ndim, self->out_shape, "out") ||
        PyArray_FailUnlessWriteable(reinterpret_cast<PyArrayObject*>(out), "out") < 0) {
        return nullptr;
    }
    return into(self, operands.arrays, out);
}

// Strides of a fresh result, C or F.
void lay_out(Contraction* self, bool fortran) {
    const int n = self->out_ndim;
    self->elements = 1;
    for (int i = 0; i < n; ++i) {
        const int axis = fortran ? i : n - 1 - i;
        self->out_strides[axis] = self->elements * item_size(self->element);
        self->elements *= self->out_shape[axis];
    }
}

double iterations(const Expression& e) {
    double count = 1;
    for (int label = 0; label < e.labels; ++label) {
        count *= static_cast<double>(e.size[label]);
    }
    return count;
}

enum class Made { Yes, NotOurs, Failed };

// Fills in a contraction whose expression has its labels and shapes.
Made complete(Contraction* self, PyObject* subscripts, PyArray_Descr* descr, double limit) {
    Expression& e = *self->expression;
    if (!element_of(descr->type_num, self->element) || !read_sizes(e)) {
        return Made::NotOurs;
    }
    try {
        self->program = new Program();
        if (!make_program(e, self->element, limit, *self->program)) {
            return Made::NotOurs;
        }
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
        return Made::Failed;
    }
    Py_INCREF(descr);
    self->descr = descr;
    self->subscripts = Py_NewRef(subscripts);
    self->floating = self->element >= Element::Float32;
    self->repeats = self->floating && self->program->reorders && self->report == nullptr;
    if (self->repeats && iterations(e) > REPEATED) {
        return Made::NotOurs;
    }
    self->out_ndim = e.out_ndim;
    for (int i = 0; i < e.out_ndim; ++i) {
        self->out_shape[i] = e.size[e.out[i]];
    }
    return Made::Yes;
}

PyObject* empty(PyTypeObject* type) {
    PyObject* object = type->tp_alloc(type, 0);
    if (object != nullptr) {
        Contraction* self = self_of(object);
        self->vectorcall = call;
        self->expression = new (std::nothrow) Expression();
        if (self->expression == nullptr) {
            PyErr_NoMemory();
            Py_CLEAR(object);
        }
    }
    return object;
}

bool read(PyObject* subscripts, Py_ssize_t n, Expression& to) {
    return PyUnicode_IS_ASCII(subscripts) && n <= MAX_OPERANDS &&
           read_subscripts(reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(subscripts)),
                           PyUnicode_GET_LENGTH(subscripts), static_cast<int>(n), to);
}

bool read_shape(PyObject* given, int ndim, std::ptrdiff_t* to) {
    PyObject* items = PySequence_Fast(given, "expected a sequence of sizes");
    if (items == nullptr) {
        return false;
    }
    bool good = PySequence_Fast_GET_SIZE(items) == ndim;
    for (int i = 0; good && i < ndim; ++i) {
        to[i] = PyLong_AsSsize_t(PySequence_Fast_GET_ITEM(items, i));
        good = to[i] > 0;
    }
    Py_DECREF(items);
    if (!good && !PyErr_Occurred()) {
        PyErr_Format(PyExc_ValueError, "expected %d sizes, each 1 or more", ndim);
    }
    return good;
}

bool read_shapes(PyObject* given, Expression& to) {
    for (int i = 0; i < to.operands; ++i) {
        if (!read_shape(PySequence_Fast_GET_ITEM(given, i), to.ndim[i], to.shape[i])) {
            return false;
        }
    }
    return true;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    static const char* const NAMES[] = {"subscripts", "char", "shapes", "order", "scalar", "report", nullptr};
    PyObject *subscripts, *shapes, *report = Py_None;
    int character, order = 'C', scalar = 1;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "UCO|$CpO:Contraction", const_cast<char**>(NAMES),
                                     &subscripts, &character, &shapes, &order, &scalar, &report)) {
        return nullptr;
    }
    PyObject* items = PySequence_Fast(shapes, "expected a sequence of shapes");
    PyObject* object = items == nullptr ? nullptr : empty(type);
    Made made = object == nullptr ? Made::Failed : Made::NotOurs;
    PyArray_Descr* descr =
        std::strchr("?bBhHiIlLqQfdFD", character) != nullptr ? PyArray_DescrFromType(character) : nullptr;
    if (made == Made::NotOurs && descr != nullptr) {
        Contraction* self = self_of(object);
        self->report = report == Py_None ? nullptr : Py_NewRef(report);
        if (read(subscripts, PySequence_Fast_GET_SIZE(items), *self->expression)) {
            made = read_shapes(items, *self->expression) ? complete(self, subscripts, descr, 1e300)
                                                         : Made::Failed;
        }
        self->scalar = scalar && self->out_ndim == 0;
        lay_out(self, order == 'F');
    }
    Py_XDECREF(descr);
    Py_XDECREF(items);
    if (made == Made::Yes) {
        return object;
    }
    Py_XDECREF(object);
    if (made == Made::NotOurs) {
        PyErr_Format(PyExc_ValueError, "%R of these shapes and dtype %c is no contraction of the core's",
                     subscripts, character);
    }
    return nullptr;
}

int traverse(PyObject* object, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self_of(object)->report);
    return 0;
}

int clear(PyObject* object) {
    Py_CLEAR(self_of(object)->report);
    return 0;
}

void release(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    clear(object);
    Contraction* self = self_of(object);
    delete self->program;
    delete self->expression;
    Py_XDECREF(self->descr);
    Py_XDECREF(self->subscripts);
    type->tp_free(object);
    Py_DECREF(type);
}

int letters(const Expression& e, Mask mask, char* to) {
    int count = 0;
    for (int label = 0; label < e.labels; ++label) {
        if (mask >> label & 1) {
            to[count++] = e.letter[label];
        }
    }
    return count;
}

PyObject* get_steps(PyObject* object, void*) {
    const Contraction* self = self_of(object);
    const std::vector<Step>& steps = self->program->steps;
    PyObject* told = PyTuple_New(static_cast<Py_ssize_t>(steps.size()));
    for (size_t i = 0; told != nullptr && i < steps.size(); ++i) {
        char text[(MAX_LABELS + 1) * (MAX_OPERANDS + 1) + 2];
        int at = 0;
        for (int j = 0; j < steps[i].operands; ++j) {
            at += letters(*self->expression, steps[i].inputs[j], text + at);
            text[at++] = ',';
        }
        text[at - 1] = '-';
        text[at++] = '>';
        at += letters(*self->expression, steps[i].output, text + at);
        PyObject* step = PyUnicode_FromStringAndSize(text, at);
        if (step == nullptr) {
            Py_CLEAR(told);
            break;
        }
        PyTuple_SET_ITEM(told, static_cast<Py_ssize_t>(i), step);
    }
    return told;
}

PyObject* nanoseconds(PyObject* object, PyObject* const* args, Py_ssize_t count) {
    const Contraction* self = self_of(object);
    const Expression& e = *self->expression;
    npy_intp strides[MAX_OPERANDS][MAX_DIMS];
    const npy_intp* rows[MAX_OPERANDS];
    if (count != e.operands) {
        PyErr_Format(PyExc_TypeError, "expected the strides of %d operands", e.operands);
        return nullptr;
    }
    for (int i = 0; i < e.operands; ++i) {
        rows[i] = strides[i];
        if (!read_strides(args[i], e.ndim[i], strides[i])) {
            return nullptr;
        }
    }
    return PyFloat_FromDouble(price_program(*self->program, rows, self->out_strides));
}

PyObject* get_intermediates(PyObject* object, void*) {
    return PyLong_FromSsize_t(self_of(object)->program->work);
}

const char DOC[] =
    "Contraction(subscripts, char, shapes, *, order='C', scalar=True, report=None)\n--\n\n"
    "An einsum of arrays of known shapes and one dtype: called with them, and perhaps ``out``.";

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Contraction, vectorcall), READONLY, nullptr},
    {"subscripts", T_OBJECT, offsetof(Contraction, subscripts), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyGetSetDef properties[] = {
    {"steps", get_steps, nullptr, "Labels longer than 1 of each step.", nullptr},
    {"intermediates", get_intermediates, nullptr, "Bytes of the intermediates.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMethodDef methods[] = {
    {"nanoseconds", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(nanoseconds)), METH_FASTCALL,
     "nanoseconds(*strides)\n--\n\nWhat it takes on operands of these strides, about."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>(DOC)},
    {Py_tp_methods, methods},
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(clear)},
    {Py_tp_dealloc, reinterpret_cast<void*>(release)},
    {Py_tp_members, members},
    {Py_tp_getset, properties},
    {0, nullptr},
};

PyType_Spec spec = {
    "einroute._native._core.Contraction",
    sizeof(Contraction),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

PyObject* understand_call(PyObject*, PyObject* const* args, Py_ssize_t count) {
    if (count < 1 || !PyUnicode_CheckExact(args[0])) {
        PyErr_SetString(PyExc_TypeError, "expected subscripts and arrays");
        return nullptr;
    }
    for (Py_ssize_t i = 1; i < count; ++i) {
        if (!PyArray_CheckExact(args[i])) {
            PyErr_SetString(PyExc_TypeError, "expected exact arrays");
            return nullptr;
        }
    }
    PyObject* found = understand(args[0], args + 1, count - 1);
    return found != nullptr || PyErr_Occurred() ? found : Py_NewRef(Py_None);
}

PyMethodDef functions[] = {
    {"understand", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(understand_call)), METH_FASTCALL,
     "understand(subscripts, /, *arrays)\n--\n\nThe contraction of a call seen first; None if it is not the "
     "core's."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

bool is_contraction(PyObject* object) {
    return Py_TYPE(object) == contraction_type;
}

PyObject* contract(PyObject* contraction, PyObject* const* arrays, Py_ssize_t) {
    return result_of(self_of(contraction), arrays);
}

PyObject* understand(PyObject* subscripts, PyObject* const* arrays, Py_ssize_t n) {
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
    PyObject* object = empty(contraction_type);
    if (object == nullptr) {
        return nullptr;
    }
    Contraction* self = self_of(object);
    Expression& e = *self->expression;
    bool good = read(subscripts, n, e);
    for (Py_ssize_t i = 0; good && i < n; ++i) {
        PyArrayObject* x = reinterpret_cast<PyArrayObject*>(arrays[i]);
        good = PyArray_DESCR(x) == descr && PyArray_NDIM(x) == e.ndim[i];
        for (int d = 0; good && d < e.ndim[i]; ++d) {
            e.shape[i][d] = PyArray_DIM(x, d);
        }
    }
    const bool view = good && n == 1 && e.labels == e.out_ndim;
    if (!good || view || complete(self, subscripts, descr, 1e300) != Made::Yes) {
        Py_DECREF(object);
        return nullptr;
    }
    self->scalar = self->out_ndim == 0;
    lay_out(self, false);
    const npy_intp* strides[MAX_OPERANDS];
    for (Py_ssize_t i = 0; i < n; ++i) {
        strides[i] = PyArray_STRIDES(reinterpret_cast<PyArrayObject*>(arrays[i]));
    }
    if (price_program(*self->program, strides, self->out_strides) > (n > 2 ? SMALL_OF_MANY : SMALL)) {
        Py_DECREF(object);
        return nullptr;
    }
    return object;
}

int add_contraction(PyObject* module) {
    PyObject* numpy = PyImport_ImportModule("numpy._core.multiarray");
    c_einsum = numpy == nullptr ? nullptr : PyObject_GetAttrString(numpy, "c_einsum");
    Py_XDECREF(numpy);
    PyObject* type = c_einsum == nullptr ? nullptr : PyType_FromModuleAndSpec(module, &spec, nullptr);
    contraction_type = reinterpret_cast<PyTypeObject*>(type);
    if (type == nullptr || PyModule_AddType(module, contraction_type) < 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
