#include "numpys_calls.hpp"

#include "array_likes.hpp"
#include "held.hpp"

namespace einroute {

namespace {

// Whether an operand is nobody else's; of a subclass, `subclass` is set.
bool is_operand(PyObject* operand, bool& subclass) {
    if (PyArray_CheckExact(operand)) {
        return true;
    }
    if (is_plain_subclass(operand)) {
        subclass = true;
        return true;
    }
    return is_number(operand) || is_short_list(operand);
}

// Whether an out is an array or None. One by itself may be the core's to fill, in its own bits.
bool is_out(PyObject* out, bool& subclass) {
    return out == Py_None || PyArray_CheckExact(out) || (is_plain_subclass(out) && (subclass = true));
}

bool is_product(PyObject* const* args, Py_ssize_t given, PyObject* names) {
    bool subclass = false, options = false;
    if (given < 2 || given > 3 || !is_operand(args[0], subclass) || !is_operand(args[1], subclass)) {
        return false;
    }
    if (given == 3) {
        if (!is_out(args[2], subclass)) {
            return false;
        }
        options = args[2] == Py_None;
    }
    const Py_ssize_t count = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; i < count; ++i) {
        PyObject* value = args[given + i];
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), "out") != 0) {
            options = true;
            continue;
        }
        PyObject* out =
            PyTuple_CheckExact(value) && PyTuple_GET_SIZE(value) == 1 ? PyTuple_GET_ITEM(value, 0) : value;
        if (!is_out(out, subclass)) {
            return false;
        }
        options = options || out == Py_None;
    }
    return subclass || options;
}

bool is_chain(PyObject* const* args, Py_ssize_t given, PyObject* names) {
    if (given != 1 || names != nullptr || !is_sequence(args[0])) {
        return false;
    }
    bool subclass = false;
    for (Py_ssize_t i = 0; i < size_of(args[0]); ++i) {
        const Held item(Py_NewRef(item_of(args[0], i))); // another thread may change the list
        if (!is_operand(item.object, subclass)) {
            return false;
        }
    }
    return subclass;
}

} // namespace

bool is_numpys(Form form, PyObject* const* args, Py_ssize_t given, PyObject* names) {
    return form == Form::Pair    ? is_product(args, given, names)
           : form == Form::Chain ? is_chain(args, given, names)
                                 : false;
}

} // namespace einroute
