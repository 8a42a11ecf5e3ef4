#include "dispatch.hpp"

#include "calls.hpp"
#include "contraction.hpp"
#include "sparse_product.hpp"

#include <cstddef>

namespace einroute {

namespace {

struct Dispatch {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject* function; // in Python: answers what the core does not look up; a ufunc's attributes are its
    PyObject* unknown;  // answers a call that is looked up and not known, and lets the core remember it
    PyObject* dict;
    PyObject* weak;
    Form form;
    int number; // by which keys of functions differ
};

// The module's own store, set once when einroute is imported and whenever the process's configuration
// changes.
struct Configuration {
    PyObject* context = nullptr;  // the context variable: a state, or None where the process's is in force
    PyObject* table = nullptr;    // the process's
    PyObject* name = nullptr;     // "table", the attribute of a state
    bool watched = false;         // whether every call is Python's
    PyObject* observed = nullptr; // says whether a call that begins is to be observed, while watched
    int functions = 0;
};
Configuration here;

// The table in force: a new reference, null if there is none. An exception is not set.
PyObject* table_here() {
    if (here.context == nullptr) {
        return nullptr;
    }
    PyObject* state;
    if (PyContextVar_Get(here.context, Py_None, &state) < 0) {
        PyErr_Clear();
        return nullptr;
    }
    if (state == Py_None) {
        Py_DECREF(state);
        return Py_XNewRef(here.table);
    }
    PyObject* table = PyObject_GetAttr(state, here.name);
    Py_DECREF(state);
    if (table == nullptr) {
        PyErr_Clear();
    } else if (!is_table(table)) {
        Py_CLEAR(table);
    }
    return table;
}

PyObject* run(PyObject* runner, const Call& call) {
    if (is_contraction(runner)) {
        return contract(runner, call.arrays, call.count, call.out);
    }
    if (is_sparse_product(runner) && call.out == nullptr) {
        return multiply_sparse(runner, call.arrays, call.count);
    }
    // Where there is an out, it lies behind the operands.
    const Py_ssize_t count = call.count + (call.out != nullptr);
    return PyObject_Vectorcall(runner, call.arrays, static_cast<std::size_t>(count), nullptr);
}

bool all_arrays(const Call& call) {
    for (Py_ssize_t i = 0; i < call.count; ++i) {
        if (!PyArray_CheckExact(call.arrays[i])) {
            return false;
        }
    }
    return true;
}

// Whether the arrays are still what the key says: making an object may collect garbage, which may run
// anything.
bool unchanged(const Dispatch* self, const Call& call, PyObject* names) {
    Call now;
    return read_call(self->form, self->number, call.arguments, static_cast<Py_ssize_t>(call.given), names,
                     now) &&
           same_words(now.key, call.key);
}

// What runs a call: a new reference; null if only Python knows, or with an exception set.
PyObject* runner_of(const Dispatch* self, const Call& call, PyObject* names) {
    PyObject* table = table_here();
    if (table == nullptr) {
        return nullptr;
    }
    PyObject* runner = Py_XNewRef(find(table, call.key));
    if (runner == nullptr && self->form == Form::Einsum && call.bare && answers_small(table) &&
        all_arrays(call)) {
        runner = understand(call.key.subscripts, call.arrays, call.count);
        if (runner != nullptr && call.out != nullptr && !makes_what(runner, call.out)) {
            Py_CLEAR(runner);
        }
        if (runner != nullptr && (!unchanged(self, call, names) || keep(table, call.key, runner) < 0)) {
            Py_CLEAR(runner);
        }
    }
    Py_DECREF(table);
    return runner;
}

// Whether a call that failed is to fail again as it was written, for what is said of it.
bool says_what_was_read() {
    return PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_TypeError);
}

// Whether a call is observed first, which then makes it anew; -1 with an exception set.
int is_observed() {
    PyObject* answer = here.observed == nullptr ? Py_NewRef(Py_False) : PyObject_CallNoArgs(here.observed);
    const int truth = answer == nullptr ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return truth;
}

// The answer of a function in Python to a call that was read, in the form in which it was.
PyObject* ask(PyObject* python, const Dispatch* self, const Call& call, PyObject* const* args,
              std::size_t nargsf, PyObject* names) {
    PyObject* result = PyObject_Vectorcall(python, call.arguments, call.given, names);
    if (result == nullptr && call.arguments != args && says_what_was_read()) {
        PyErr_Clear();
        result = PyObject_Vectorcall(self->function, args, nargsf, names);
    }
    return result;
}

PyObject* answer(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names) {
    const Dispatch* self = reinterpret_cast<Dispatch*>(object);
    Call call;
    if (!read_call(self->form, self->number, args, PyVectorcall_NARGS(nargsf), names, call)) {
        return PyObject_Vectorcall(self->function, args, nargsf, names);
    }
    if (here.watched) {
        const int observed = is_observed();
        return observed < 0   ? nullptr
               : observed > 0 ? PyObject_Vectorcall(self->function, args, nargsf, names)
                              : ask(self->function, self, call, args, nargsf, names);
    }
    PyObject* runner = runner_of(self, call, names);
    if (runner != nullptr) {
        PyObject* result = run(runner, call);
        Py_DECREF(runner);
        return result;
    }
    return PyErr_Occurred() ? nullptr : ask(self->unknown, self, call, args, nargsf, names);
}

PyObject* remember(PyObject* object, PyObject* const* args, Py_ssize_t count, PyObject* names) {
    const Dispatch* self = reinterpret_cast<Dispatch*>(object);
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "expected what runs the call, then its arguments");
        return nullptr;
    }
    Call call;
    if (!here.watched && read_call(self->form, self->number, args + 1, count - 1, names, call)) {
        PyObject* table = table_here();
        const int kept = table == nullptr ? 0 : keep(table, call.key, args[0]);
        Py_XDECREF(table);
        if (kept < 0) {
            return nullptr;
        }
    }
    Py_RETURN_NONE;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    static const char* const NAMES[] = {"function", "arguments", "unknown", nullptr};
    PyObject *function, *unknown;
    const char* arguments;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OsO", const_cast<char**>(NAMES), &function, &arguments,
                                     &unknown)) {
        return nullptr;
    }
    Form form;
    if (!form_of(arguments, form)) {
        PyErr_Format(PyExc_ValueError, "arguments must be 'einsum', 'tensordot', 'pair' or 'chain', not '%s'",
                     arguments);
        return nullptr;
    }
    PyObject* object = type->tp_alloc(type, 0);
    if (object == nullptr) {
        return nullptr;
    }
    Dispatch* self = reinterpret_cast<Dispatch*>(object);
    self->vectorcall = answer;
    self->unknown = Py_NewRef(unknown);
    self->function = Py_NewRef(function);
    self->form = form;
    self->number = here.functions++;
    self->dict = PyDict_New();
    if (self->dict == nullptr) {
        Py_DECREF(object);
        return nullptr;
    }
    return object;
}

int traverse(PyObject* object, visitproc visit, void* arg) {
    Dispatch* self = reinterpret_cast<Dispatch*>(object);
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->unknown);
    Py_VISIT(self->function);
    Py_VISIT(self->dict);
    return 0;
}

int clear(PyObject* object) {
    // Not the functions: it may be called while it is taken apart. Its dict holds what is in cycles.
    Py_CLEAR(reinterpret_cast<Dispatch*>(object)->dict);
    return 0;
}

void release(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    Dispatch* self = reinterpret_cast<Dispatch*>(object);
    PyObject_GC_UnTrack(object);
    if (self->weak != nullptr) {
        PyObject_ClearWeakRefs(object);
    }
    Py_CLEAR(self->dict);
    Py_CLEAR(self->unknown);
    Py_CLEAR(self->function);
    type->tp_free(object);
    Py_DECREF(type);
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
    return PyObject_Repr(reinterpret_cast<Dispatch*>(object)->function);
}

// What the object lacks is the Python function's: its code, globals and defaults.
PyObject* attribute_of_function(PyObject* object, PyObject* name) {
    PyObject* found = PyObject_GenericGetAttr(object, name);
    if (found != nullptr || !PyErr_ExceptionMatches(PyExc_AttributeError)) {
        return found;
    }
    PyErr_Clear();
    return PyObject_GetAttr(reinterpret_cast<Dispatch*>(object)->function, name);
}

PyObject* reduce(PyObject* object, PyObject*) {
    return attribute(object, "__qualname__");
}

PyMethodDef methods[] = {
    {"remember", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(remember)),
     METH_FASTCALL | METH_KEYWORDS,
     "remember(run, /, *args, **kwargs)\n--\n\nLet calls with arguments of the same facts be run by "
     "``run(*arrays)``."},
    {"__reduce__", reduce, METH_NOARGS, "Pickled by name."},
    {nullptr, nullptr, 0, nullptr},
};

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Dispatch, vectorcall), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(Dispatch, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Dispatch, weak), READONLY, nullptr},
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

PyType_Slot function_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(clear)},
    {Py_tp_dealloc, reinterpret_cast<void*>(release)},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, attributes},
    {Py_tp_repr, reinterpret_cast<void*>(represent)},
    {Py_tp_getattro, reinterpret_cast<void*>(attribute_of_function)},
    {Py_tp_descr_get, reinterpret_cast<void*>(bind)},
    {0, nullptr},
};

PyType_Slot ufunc_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(clear)},
    {Py_tp_dealloc, reinterpret_cast<void*>(release)},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, attributes},
    {Py_tp_repr, reinterpret_cast<void*>(represent_ufunc)},
    {Py_tp_getattro, reinterpret_cast<void*>(attribute_of_function)},
    {0, nullptr},
};

constexpr unsigned long FLAGS =
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE;

PyType_Spec function_spec = {
    "einroute._native._core.Function",    sizeof(Dispatch), 0,
    FLAGS | Py_TPFLAGS_METHOD_DESCRIPTOR, function_slots,
};

PyType_Spec ufunc_spec = {"einroute._native._core.Ufunc", sizeof(Dispatch), 0, FLAGS, ufunc_slots};

PyObject* set_context(PyObject*, PyObject* context) {
    if (!PyContextVar_CheckExact(context)) {
        PyErr_Format(PyExc_TypeError, "expected a context variable, not %s", Py_TYPE(context)->tp_name);
        return nullptr;
    }
    Py_XSETREF(here.context, Py_NewRef(context));
    Py_RETURN_NONE;
}

PyObject* set_table(PyObject*, PyObject* table) {
    if (!is_table(table)) {
        PyErr_Format(PyExc_TypeError, "expected a Table, not %s", Py_TYPE(table)->tp_name);
        return nullptr;
    }
    Py_XSETREF(here.table, Py_NewRef(table));
    Py_RETURN_NONE;
}

PyObject* set_watched(PyObject*, PyObject* const* args, Py_ssize_t count) {
    const int truth = count != 2 ? -1 : PyObject_IsTrue(args[0]);
    if (truth < 0) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "expected whether calls are watched, and what tells of one");
        }
        return nullptr;
    }
    here.watched = truth != 0;
    Py_XSETREF(here.observed, Py_NewRef(args[1]));
    Py_RETURN_NONE;
}

PyObject* get_table(PyObject*, PyObject*) {
    PyObject* table = table_here();
    return table == nullptr ? Py_NewRef(Py_None) : table;
}

PyMethodDef functions[] = {
    {"table_in_force", get_table, METH_NOARGS,
     "table_in_force()\n--\n\nThe table in which calls that are made here are looked up, or None."},
    {"set_context", set_context, METH_O,
     "set_context(variable, /)\n--\n\nThe context variable whose value, a state, has the table in force."},
    {"set_table", set_table, METH_O,
     "set_table(table, /)\n--\n\nThe table in force where the context variable is None."},
    {"set_watched", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(set_watched)), METH_FASTCALL,
     "set_watched(watched, observed, /)\n--\n\nWhether every call is Python's, since somebody listens; then "
     "``observed()`` says whether one that begins is to be observed."},
    {nullptr, nullptr, 0, nullptr},
};

int add_type(PyObject* module, PyType_Spec& spec) {
    PyObject* type = PyType_FromModuleAndSpec(module, &spec, nullptr);
    if (type == nullptr) {
        return -1;
    }
    const int result = PyModule_AddType(module, reinterpret_cast<PyTypeObject*>(type));
    Py_DECREF(type);
    return result;
}

} // namespace

int add_dispatch(PyObject* module) {
    if (here.name == nullptr) {
        here.name = PyUnicode_InternFromString("table");
    }
    if (here.name == nullptr || add_type(module, function_spec) < 0 || add_type(module, ufunc_spec) < 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
