#include "array_arguments.hpp"
#include "contraction_object.hpp"
#include "sequences.hpp"

#include <cstddef>

namespace einroute {

namespace {

bool read_shapes(PyObject* given, Expression& to) {
    return read_items(given, "shapes", [&](Py_ssize_t i, PyObject* item) {
               return read_count(item, "a shape", 1, NPY_MAX_INTP, to.ndim[i], to.shape[i]);
           }) >= 0;
}

PyArray_Descr* dtype_of(int character) {
    Element element;
    const bool plain =
        character < 128 && element_of(static_cast<char>(character), element) && !is_long(element);
    return plain ? PyArray_DescrFromType(character) : nullptr;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    static const char* const NAMES[] = {"subscripts", "char", "shapes", "order", "scalar", "report", nullptr};
    PyObject *subscripts, *shapes, *report = Py_None;
    int character, order = 'K', scalar = 1;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "UCO|$CpO:Contraction", const_cast<char**>(NAMES),
                                     &subscripts, &character, &shapes, &order, &scalar, &report)) {
        return nullptr;
    }
    const Held items(PySequence_Fast(shapes, "expected a sequence of shapes"));
    const Held dtype(reinterpret_cast<PyObject*>(dtype_of(character)));
    if (!items || PyErr_Occurred()) {
        return nullptr;
    }
    PyObject* made = !dtype ? nullptr : make_contraction(type, [&](Contraction& self) {
        self.report.object = report == Py_None ? nullptr : Py_NewRef(report);
        if (!read_labels(subscripts, PySequence_Fast_GET_SIZE(items.object), *self.expression) ||
            !read_shapes(items.object, *self.expression) ||
            complete(&self, subscripts, reinterpret_cast<PyArray_Descr*>(dtype.object)) != Made::Yes) {
            return false;
        }
        self.scalar = scalar && self.out_ndim == 0;
        lay_out_result(&self, order == 'F');
        self.order = order == 'F' || order == 'C' ? static_cast<char>(order) : 'K';
        return true;
    });
    if (made == nullptr && !PyErr_Occurred()) {
        PyErr_Format(PyExc_ValueError, "%R of these shapes and dtype %c is no contraction of the core's",
                     subscripts, character);
    }
    return made;
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

using Pricer = double (*)(const Program&, const std::ptrdiff_t* const*, const std::ptrdiff_t*);

template <Pricer PRICE> PyObject* priced(PyObject* object, PyObject* const* args, Py_ssize_t count) {
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
        if (!read_count(args[i], "strides", NPY_MIN_INTP, NPY_MAX_INTP, e.ndim[i], strides[i])) {
            return nullptr;
        }
    }
    return PyFloat_FromDouble(PRICE(*self->program, rows, self->out_strides));
}

PyObject* makes(PyObject* object, PyObject* array) {
    if (!PyArray_Check(array)) {
        PyErr_Format(PyExc_TypeError, "expected a numpy.ndarray, not %s", Py_TYPE(array)->tp_name);
        return nullptr;
    }
    return PyBool_FromLong(makes_what(object, array));
}

PyObject* get_subscripts(PyObject* object, void*) {
    return Py_NewRef(self_of(object)->subscripts.object);
}

PyObject* get_intermediates(PyObject* object, void*) {
    return PyLong_FromSsize_t(self_of(object)->program->work);
}

const char DOC[] =
    "Contraction(subscripts, char, shapes, *, order='K', scalar=True, report=None)\n--\n\n"
    "An einsum of arrays of known shapes and one dtype: called with them, and perhaps ``out``.";

PyGetSetDef properties[] = {
    {"subscripts", get_subscripts, nullptr, "Its subscripts.", nullptr},
    {"steps", get_steps, nullptr, "Labels longer than 1 of each step.", nullptr},
    {"intermediates", get_intermediates, nullptr, "Bytes of the intermediates.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMethodDef methods[] = {
    {"nanoseconds", fast_method(priced<price_program>), METH_FASTCALL,
     "nanoseconds(*strides)\n--\n\nWhat it takes on operands of these strides, about."},
    {"walking", fast_method(priced<walking_program>), METH_FASTCALL,
     "walking(*strides)\n--\n\nNanoseconds more where memory is not walked as it lies."},
    {"makes_what", makes, METH_O,
     "makes_what(array, /)\n--\n\nWhether results have the shape and dtype of an array."},
    {nullptr, nullptr, 0, nullptr},
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
    PyObject* found = understand(args[0], args + 1, count - 1, 'K');
    return found != nullptr || PyErr_Occurred() ? found : Py_NewRef(Py_None);
}

PyMethodDef functions[] = {
    {"understand", fast_method(understand_call), METH_FASTCALL,
     "understand(subscripts, /, *arrays)\n--\n\nThe contraction of a call seen first; None if it is not the "
     "core's."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

PyTypeObject* contraction_type = nullptr;

PyObject* call_contraction(PyObject* object, PyObject* const* args, size_t nargsf, PyObject* names) {
    const Contraction* self = self_of(object);
    const Expression& e = *self->expression;
    PyObject* out;
    Operands operands;
    if (!find_out(args, PyVectorcall_NARGS(nargsf), names, e.operands, out) || !is_writeable(out) ||
        !operands.take(args, e.operands)) {
        return nullptr;
    }
    const int type = self->descr()->type_num;
    for (int i = 0; i < e.operands; ++i) { // from here on nothing of Python's runs
        if (!is_expected(operands.arrays()[i], type, e.ndim[i], e.shape[i], "an operand")) {
            return nullptr;
        }
    }
    if (out == nullptr) {
        return result_of(self, operands.arrays());
    }
    return is_expected(out, type, self->out_ndim, self->out_shape, "out")
               ? result_into(self, operands.arrays(), out)
               : nullptr;
}

bool is_contraction(PyObject* object) {
    return Py_TYPE(object) == contraction_type;
}

int add_contraction(PyObject* module) {
    TypeParts parts{"einroute._native._core.Contraction", make};
    parts.doc = DOC;
    parts.methods = methods;
    parts.properties = properties;
    contraction_type = find_c_einsum() ? add_type<Contraction>(module, parts) : nullptr;
    return contraction_type == nullptr ? -1 : PyModule_AddFunctions(module, functions);
}

} // namespace einroute
