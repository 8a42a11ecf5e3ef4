// The Python types `Function` and `Ufunc`, as functions of Python's and ufuncs of NumPy's are.

#include "array_likes.hpp"
#include "configuration.hpp"
#include "dispatch.hpp"
#include "dispatch_object.hpp"

namespace einroute {

namespace {

int functions = 0; // that were made

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    static const char* const NAMES[] = {"function", "arguments", "unknown", "numpys", nullptr};
    PyObject *function, *unknown, *numpys = Py_None;
    const char* arguments;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OsO|O", const_cast<char**>(NAMES), &function,
                                     &arguments, &unknown, &numpys)) {
        return nullptr;
    }
    Form form;
    if (!form_of(arguments, form)) {
        PyErr_Format(PyExc_ValueError, "arguments must be 'einsum', 'tensordot', 'pair' or 'chain', not '%s'",
                     arguments);
        return nullptr;
    }
    return make_object<Dispatch>(type, call_function, [&](Dispatch& self) {
        self.unknown = Py_NewRef(unknown);
        self.function = Py_NewRef(function);
        self.numpys = numpys == Py_None ? nullptr : Py_NewRef(numpys);
        self.form = form;
        self.number = functions++;
        self.dict = PyDict_New();
        return self.dict != nullptr;
    });
}

int clear(PyObject* object) {
    // Not the functions: it may be called while it is taken apart. Its dict holds what is in cycles.
    Py_CLEAR(state_of<Dispatch>(object).dict);
    return 0;
}

void release(PyObject* object) {
    Dispatch& self = state_of<Dispatch>(object);
    PyObject_GC_UnTrack(object);
    if (self.weak != nullptr) {
        PyObject_ClearWeakRefs(object);
    }
    self.references([](PyObject*& held) { Py_CLEAR(held); });
    release_object<Dispatch>(object);
}

PyObject* bind(PyObject* object, PyObject* instance, PyObject*) {
    return instance == nullptr || instance == Py_None ? Py_NewRef(object) : PyMethod_New(object, instance);
}

PyObject* attribute(PyObject* object, const char* name) {
    return PyObject_GetAttrString(object, name);
}

PyObject* represent(PyObject* object) {
    PyObject* name = attribute(object, "__name__");
    PyObject* text = name == nullptr
                         ? nullptr
                         : PyUnicode_FromFormat("<function %U at %p>", name, static_cast<void*>(object));
    Py_XDECREF(name);
    return text;
}

// Of a ufunc everything but the call is the function's, which hands it on to NumPy's ufunc.
PyObject* represent_ufunc(PyObject* object) {
    return PyObject_Repr(state_of<Dispatch>(object).function);
}

// What the object lacks is the Python function's: its code, globals and defaults.
PyObject* attribute_of_function(PyObject* object, PyObject* name) {
    PyObject* found = PyObject_GenericGetAttr(object, name);
    if (found != nullptr || !PyErr_ExceptionMatches(PyExc_AttributeError)) {
        return found;
    }
    PyErr_Clear();
    return PyObject_GetAttr(state_of<Dispatch>(object).function, name);
}

PyObject* reduce(PyObject* object, PyObject*) {
    return attribute(object, "__qualname__");
}

PyMethodDef methods[] = {
    {"remember", fast_method(remember_call), METH_FASTCALL | METH_KEYWORDS,
     "remember(run, /, *args, **kwargs)\n--\n\nLet calls with arguments of the same facts be run by "
     "``run(*arrays)``."},
    {"__reduce__", reduce, METH_NOARGS, "Pickled by name."},
    {nullptr, nullptr, 0, nullptr},
};

constexpr Py_ssize_t STATE = offsetof(Object<Dispatch>, state);

PyMemberDef members[] = {
    {"__dictoffset__", T_PYSSIZET, STATE + Py_ssize_t(offsetof(Dispatch, dict)), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, STATE + Py_ssize_t(offsetof(Dispatch, weak)), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

// It says that it is a function of Python's, as it is without the core: tools that trace programs go on in
// what it names as `_torchdynamo_inline`.
PyObject* said_class(PyObject*, void*) {
    return Py_NewRef(reinterpret_cast<PyObject*>(&PyFunction_Type));
}

PyGetSetDef attributes[] = {
    {"__class__", said_class, nullptr, nullptr, nullptr},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

template <class Function> constexpr PyType_Slot slot(int id, Function* function) {
    return {id, reinterpret_cast<void*>(function)};
}

const PyType_Slot FUNCTION_SLOTS[] = {
    slot(Py_tp_repr, represent),
    slot(Py_tp_getattro, attribute_of_function),
    slot(Py_tp_descr_get, bind),
    {0, nullptr},
};

const PyType_Slot UFUNC_SLOTS[] = {
    slot(Py_tp_repr, represent_ufunc),
    slot(Py_tp_getattro, attribute_of_function),
    {0, nullptr},
};

PyTypeObject* add_function(PyObject* module, const char* name, const PyType_Slot* slots,
                           unsigned long flags) {
    TypeParts parts{name, make};
    parts.methods = methods;
    parts.properties = attributes;
    parts.members = members;
    parts.slots = slots;
    parts.flags = flags;
    parts.clear = clear;
    parts.release = release;
    return add_type<Dispatch>(module, parts);
}

} // namespace

int add_dispatch(PyObject* module) {
    const bool added = prepare_array_likes() >= 0 && add_configuration(module) >= 0 &&
                       add_function(module, "einroute._native._core.Function", FUNCTION_SLOTS,
                                    Py_TPFLAGS_METHOD_DESCRIPTOR) != nullptr &&
                       add_function(module, "einroute._native._core.Ufunc", UFUNC_SLOTS, 0) != nullptr;
    return added ? 0 : -1;
}

} // namespace einroute
