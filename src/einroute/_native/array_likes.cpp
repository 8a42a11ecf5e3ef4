#include "array_likes.hpp"

#include "held.hpp"

namespace einroute {

namespace {

// Numbers in lists up to which those are made arrays here: looking at each is worth it for few.
constexpr int SHORT = 256;

bool is_plain(PyObject* list, int depth, int& left) {
    if (size_of(list) == 0) {
        return false;
    }
    for (Py_ssize_t i = 0; i < size_of(list); ++i) {
        PyObject* item = item_of(list, i);
        if (is_sequence(item)) {
            if (depth > 4 || !is_plain(item, depth + 1, left)) {
                return false;
            }
        } else if (--left < 0 || !is_number(item)) {
            return false;
        }
    }
    return true;
}

// A method of ndarray's, which a subclass inherits that functions treat as an array.
struct Protocol {
    const char* text;
    PyObject* name = nullptr; // interned
    PyObject* own = nullptr;  // ndarray's
};
Protocol protocols[] = {{"__array_function__"}, {"__array_ufunc__"}};

} // namespace

int prepare_array_likes() {
    for (Protocol& protocol : protocols) {
        if (protocol.own != nullptr) {
            continue;
        }
        protocol.name = PyUnicode_InternFromString(protocol.text);
        protocol.own = protocol.name == nullptr
                           ? nullptr
                           : PyObject_GetAttr(reinterpret_cast<PyObject*>(&PyArray_Type), protocol.name);
        if (protocol.own == nullptr) {
            return -1;
        }
    }
    return 0;
}

bool is_number(PyObject* object) {
    return PyFloat_CheckExact(object) || PyLong_CheckExact(object) || PyComplex_CheckExact(object) ||
           PyBool_Check(object) || PyArray_IsScalar(object, Number) || PyArray_IsScalar(object, Bool);
}

bool is_short_list(PyObject* list) {
    int left = SHORT;
    return is_sequence(list) && is_plain(list, 0, left);
}

bool is_plain_subclass(PyObject* operand) {
    if (!PyArray_Check(operand) || PyArray_CheckExact(operand)) {
        return false;
    }
    for (const Protocol& protocol : protocols) {
        const Held found(PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(operand)), protocol.name));
        if (found.object != protocol.own) {
            PyErr_Clear();
            return false;
        }
    }
    return true;
}

} // namespace einroute
