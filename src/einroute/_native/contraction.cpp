#include "contraction_object.hpp"
#include "strides.hpp"

#include <cstddef>
#include <cstring>
#include <new>

namespace einroute {

namespace {

bool is_array(PyObject* given, const char* name) {
    if (!PyArray_Check(given)) {
        PyErr_Format(PyExc_TypeError, "%s is of type %s; expected a numpy.ndarray", name,
                     Py_TYPE(given)->tp_name);
        return false;
    }
    return true;
}

bool checked(bool fits, const char* name) {
    if (!fits) {
        PyErr_Format(PyExc_ValueError, "%s has another shape or dtype than the contraction was made for",
                     name);
    }
    return fits;
}

// Whether `out` can be written to, of which a warning may be told: its handler may run anything.
bool is_writeable(PyObject* out) {
    return out == Py_None || (is_array(out, "out") &&
                              PyArray_FailUnlessWriteable(reinterpret_cast<PyArrayObject*>(out), "out") >= 0);
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
    PyObject* out = count + keywords > e.operands ? args[e.operands] : Py_None;
    if (!is_writeable(out)) {
        return nullptr;
    }
    Operands operands;
    for (int i = 0; i < e.operands; ++i) {
        if (!operands.take(args[i]) || !is_array(operands.arrays[i], "an operand")) {
            return nullptr;
        }
    }
    for (int i = 0; i < e.operands; ++i) { // from here on nothing of Python's runs
        if (!checked(fits(self, operands.arrays[i], i), "an operand")) {
            return nullptr;
        }
    }
    if (out == Py_None) {
        return result_of(self, operands.arrays);
    }
    return checked(fits_result(self, out), "out") ? result_into(self, operands.arrays, out) : nullptr;
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
    PyObject* object = items == nullptr ? nullptr : empty_contraction(type);
    Made made = object == nullptr ? Made::Failed : Made::NotOurs;
    PyArray_Descr* descr =
        std::strchr("?bBhHiIlLqQfdFD", character) != nullptr ? PyArray_DescrFromType(character) : nullptr;
    if (made == Made::NotOurs && descr != nullptr) {
        Contraction* self = self_of(object);
        self->report = report == Py_None ? nullptr : Py_NewRef(report);
        if (read_labels(subscripts, PySequence_Fast_GET_SIZE(items), *self->expression)) {
            made = read_shapes(items, *self->expression) ? complete(self, subscripts, descr) : Made::Failed;
        }
        self->scalar = scalar && self->out_ndim == 0;
        lay_out_result(self, order == 'F');
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

PyObject* makes(PyObject* object, PyObject* array) {
    if (!PyArray_Check(array)) {
        PyErr_Format(PyExc_TypeError, "expected a numpy.ndarray, not %s", Py_TYPE(array)->tp_name);
        return nullptr;
    }
    return PyBool_FromLong(makes_what(object, array));
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
    {"makes_what", makes, METH_O,
     "makes_what(array, /)\n--\n\nWhether results have the shape and dtype of an array."},
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

PyTypeObject* contraction_type = nullptr;

PyObject* empty_contraction(PyTypeObject* type) {
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

bool is_contraction(PyObject* object) {
    return Py_TYPE(object) == contraction_type;
}

int add_contraction(PyObject* module) {
    PyObject* type = find_c_einsum() ? PyType_FromModuleAndSpec(module, &spec, nullptr) : nullptr;
    contraction_type = reinterpret_cast<PyTypeObject*>(type);
    if (type == nullptr || PyModule_AddType(module, contraction_type) < 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
