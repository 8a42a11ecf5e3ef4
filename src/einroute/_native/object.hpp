// What the types of the core share: an object is a state behind a head, made, looked through by the garbage
// collector and ended in one way.
#pragma once

#include "held.hpp"

#include <cstddef>
#include <new>
#include <type_traits>

namespace einroute {

struct Head {
    PyObject_HEAD vectorcallfunc vectorcall;
};

// A state has `references(visit)`, which calls `visit` with each PyObject*& that it holds and that may be
// part of a cycle; what it holds goes with it.
template <class State> struct Object {
    Head head;
    State state;
};

template <class State> inline State& state_of(PyObject* object) {
    return reinterpret_cast<Object<State>*>(object)->state;
}

// What differs from type to type; all but the name and the way to make one may be lacking.
struct TypeParts {
    const char* name; // with the module's
    newfunc make;
    const char* doc = nullptr;
    PyMethodDef* methods = nullptr;
    PyGetSetDef* properties = nullptr;
    PyMemberDef* members = nullptr; // without that of the vectorcall
    const PyType_Slot* slots = nullptr;
    bool called = true;           // whether objects can be called
    unsigned long flags = 0;      // besides those of every type
    inquiry clear = nullptr;      // in place of `clear_object`
    destructor release = nullptr; // in place of `release_object`
};

// What is the same but for the state.
struct TypeCare {
    std::size_t size;
    traverseproc traverse;
    inquiry clear;
    destructor release;
};

// The type, added to the module, which is never freed; null with an exception set if that fails.
PyTypeObject* add_type(PyObject* module, const TypeParts& parts, const TypeCare& care);

// Of a function that takes its arguments as METH_FASTCALL hands them on.
template <class Function> inline PyCFunction fast_method(Function* function) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

template <class State> int traverse_object(PyObject* object, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(object));
    int found = 0;
    state_of<State>(object).references([&](PyObject*& held) {
        if (found == 0 && held != nullptr) {
            found = visit(held, arg);
        }
    });
    return found;
}

// None takes the place of what is let go of: the object may be called while a cycle is taken apart.
template <class State> int clear_object(PyObject* object) {
    state_of<State>(object).references([](PyObject*& held) {
        if (held != nullptr) {
            Py_SETREF(held, Py_NewRef(Py_None));
        }
    });
    return 0;
}

template <class State> void release_object(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    state_of<State>(object).~State();
    type->tp_free(object);
    Py_DECREF(type);
}

// An object whose state `fill` completes; null if that says false, or with an exception set if memory is
// short.
template <class State, class Fill>
PyObject* make_object(PyTypeObject* type, vectorcallfunc call, const Fill& fill) {
    static_assert(std::is_nothrow_default_constructible_v<State>, "an object always has a state");
    PyObject* object = type->tp_alloc(type, 0);
    if (object == nullptr) {
        return nullptr;
    }
    Object<State>* made = reinterpret_cast<Object<State>*>(object);
    made->head.vectorcall = call;
    new (&made->state) State;
    try {
        if (fill(made->state)) {
            return object;
        }
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    }
    Py_DECREF(object);
    return nullptr;
}

template <class State> PyTypeObject* add_type(PyObject* module, const TypeParts& parts) {
    return add_type(
        module, parts,
        {sizeof(Object<State>), traverse_object<State>, clear_object<State>, release_object<State>});
}

} // namespace einroute
