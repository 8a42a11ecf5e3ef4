#include "configuration.hpp"

#include "object.hpp"
#include "table.hpp"

namespace einroute {

namespace {

// The module's own store, set once when einroute is imported and whenever the process's configuration
// changes.
struct Configuration {
    PyObject* context = nullptr;  // the context variable: a state, or None where the process's is in force
    PyObject* table = nullptr;    // the process's
    PyObject* name = nullptr;     // "table", the attribute of a state
    bool watched = false;         // whether every call is Python's
    PyObject* observed = nullptr; // says whether a call that begins is to be observed, while watched
};
Configuration here;

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
    {"set_watched", fast_method(set_watched), METH_FASTCALL,
     "set_watched(watched, observed, /)\n--\n\nWhether every call is Python's, since somebody listens; then "
     "``observed()`` says whether one that begins is to be observed."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

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

bool is_watched() {
    return here.watched;
}

int is_observed() {
    PyObject* answer = here.observed == nullptr ? Py_NewRef(Py_False) : PyObject_CallNoArgs(here.observed);
    const int truth = answer == nullptr ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return truth;
}

int add_configuration(PyObject* module) {
    if (here.name == nullptr) {
        here.name = PyUnicode_InternFromString("table");
    }
    return here.name == nullptr ? -1 : PyModule_AddFunctions(module, functions);
}

} // namespace einroute
