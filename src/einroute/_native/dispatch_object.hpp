// What a function of the core's holds, for the files that answer its calls and show it to Python.
#pragma once

#include "calls.hpp"
#include "object.hpp"

namespace einroute {

struct Dispatch {
    PyObject* function =
        nullptr; // in Python: answers what the core does not look up; a ufunc's attributes are its
    PyObject* unknown =
        nullptr; // answers a call that is looked up and not known, and lets the core remember it
    PyObject* numpys = nullptr; // NumPy's own, for calls that are its to answer; null: asked in Python alone
    PyObject* dict = nullptr;
    PyObject* weak = nullptr;
    Form form = Form::Einsum;
    int number = 0; // by which keys of functions differ

    template <class Visit> void references(const Visit& visit) {
        visit(function);
        visit(unknown);
        visit(numpys);
        visit(dict);
    }
};

// Answers a call.
PyObject* call_function(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names);

// Lets calls of the same facts be run by the first argument.
PyObject* remember_call(PyObject* object, PyObject* const* args, Py_ssize_t count, PyObject* names);

} // namespace einroute
