#include "calls.hpp"

#include "described_classes.hpp"
#include "held.hpp"

#include <cstring>

namespace einroute {

namespace {

// Words that no axis and no fact of an operand is: what begins a sequence, and what comes before `out`, an
// order and `optimize=True`.
constexpr std::int64_t SEQUENCE = INT64_MIN, OUT = INT64_MIN + 1000, ORDER = INT64_MIN + 2000,
                       OPTIMIZED = INT64_MIN + 3000;
// Numbers in lists up to which those are made arrays here: looking at each is worth it for few.
constexpr int SHORT = 256;
// Labels of NumPy's lists: A to Z, then a to z.
constexpr int LABELS = 52;

bool is_sequence(PyObject* object) {
    return PyTuple_CheckExact(object) || PyList_CheckExact(object);
}

Py_ssize_t size_of(PyObject* sequence) {
    return PyTuple_CheckExact(sequence) ? PyTuple_GET_SIZE(sequence) : PyList_GET_SIZE(sequence);
}

PyObject* item_of(PyObject* sequence, Py_ssize_t i) {
    return PyTuple_CheckExact(sequence) ? PyTuple_GET_ITEM(sequence, i) : PyList_GET_ITEM(sequence, i);
}

bool is_named(PyObject* names, const char* name) {
    return PyTuple_GET_SIZE(names) == 1 &&
           PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), name) == 0;
}

// Adds the items of a tuple or list of small ints, or one int.
bool add_axes(Key& key, PyObject* axes, bool nested) {
    if (PyLong_CheckExact(axes)) {
        int overflow;
        const long value = PyLong_AsLongAndOverflow(axes, &overflow);
        return overflow == 0 && add_word(key, value);
    }
    if (!is_sequence(axes) || size_of(axes) > NPY_MAXDIMS || !add_word(key, SEQUENCE + size_of(axes))) {
        return false;
    }
    for (Py_ssize_t i = 0; i < size_of(axes); ++i) {
        PyObject* item = item_of(axes, i);
        if ((!nested && !PyLong_CheckExact(item)) || !add_axes(key, item, false)) {
            return false;
        }
    }
    return true;
}

// A number of Python's own, or of NumPy's.
bool is_number(PyObject* object) {
    return PyFloat_CheckExact(object) || PyLong_CheckExact(object) || PyComplex_CheckExact(object) ||
           PyBool_Check(object) || PyArray_IsScalar(object, Number) || PyArray_IsScalar(object, Bool);
}

// Whether a list holds nothing but a few numbers, at any depth: what NumPy makes of it is told by them alone.
// One that is empty takes the other operand's dtype in dot, inner and vdot, and is float64 elsewhere.
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

// ndarray.__array_function__, which a subclass inherits that functions treat as an array.
PyObject* inherited = nullptr;

// Whether an operand is of a subclass of arrays that overrides no function, as numpy.memmap and numpy.matrix.
bool is_plain_subclass(PyObject* operand) {
    if (!PyArray_Check(operand) || PyArray_CheckExact(operand)) {
        return false;
    }
    const Held own(
        PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(operand)), "__array_function__"));
    PyErr_Clear();
    return own.object == inherited;
}

// Whether an operand is none of its own, but an array of numbers to NumPy's functions; of subclasses einsum
// (unless it is to optimize) and tensordot take the arrays that they are.
bool is_array_like(PyObject* operand, bool subclasses) {
    return is_sequence(operand) || is_number(operand) || (subclasses && is_plain_subclass(operand));
}

// The operand itself, or the array that a number or a short list of them is: a new reference; null without an
// exception if a list is another one.
PyObject* as_array(PyObject* operand, bool subclasses) {
    if (!is_array_like(operand, subclasses)) {
        return Py_NewRef(operand);
    }
    if (PyArray_Check(operand)) {
        PyObject* view = PyArray_View(reinterpret_cast<PyArrayObject*>(operand), nullptr, &PyArray_Type);
        PyErr_Clear();
        return view;
    }
    int left = SHORT;
    const bool plain = !is_sequence(operand) || is_plain(operand, 0, left);
    PyObject* array = plain ? PyArray_FromAny(operand, nullptr, 0, 0, 0, nullptr) : nullptr;
    PyErr_Clear(); // lists of several lengths are Python's to refuse
    return array;
}

// Holds the arguments with arrays in place of lists; false if there is no list, or one is not short and
// plain.
bool hold_arrays(PyObject* const* args, Py_ssize_t first, Py_ssize_t end, Py_ssize_t all, bool subclasses,
                 Call& to) {
    bool any = false;
    for (Py_ssize_t i = first; i < end; ++i) {
        any = any || is_array_like(args[i], subclasses);
    }
    if (!any || all > Call::MOST_HELD) {
        return false;
    }
    for (Py_ssize_t i = 0; i < all; ++i) {
        PyObject* argument = i < first || i >= end ? Py_NewRef(args[i]) : as_array(args[i], subclasses);
        if (argument == nullptr) {
            return false;
        }
        to.held[to.holds++] = argument;
    }
    return true;
}

// Writes a list of labels as letters; null if one is no label of NumPy's.
char* write_labels(PyObject* labels, char* to, const char* end) {
    if (!is_sequence(labels) || size_of(labels) > end - to) {
        return nullptr;
    }
    for (Py_ssize_t i = 0; i < size_of(labels); ++i) {
        PyObject* item = item_of(labels, i);
        int overflow;
        const long label = PyLong_CheckExact(item) ? PyLong_AsLongAndOverflow(item, &overflow) : -1;
        if (label < 0 || label >= LABELS) {
            return nullptr;
        }
        *to++ = static_cast<char>(label < 26 ? 'A' + label : 'a' + label - 26);
    }
    return to;
}

// Holds a call whose operands are each followed by a list of labels as one with subscripts.
bool hold_subscripts(PyObject* const* args, Py_ssize_t given, Call& to) {
    const Py_ssize_t count = given / 2;
    if (count < 1 || count > MOST_OPERANDS) {
        return false;
    }
    char text[MOST_WORDS];
    char* at = text;
    const char* end = text + sizeof text - MOST_OPERANDS - 2;
    for (Py_ssize_t i = 0; i < count && at != nullptr; ++i) {
        if (i != 0) {
            *at++ = ',';
        }
        at = write_labels(args[2 * i + 1], at, end);
    }
    if (at != nullptr && given % 2 != 0) {
        *at++ = '-';
        *at++ = '>';
        at = write_labels(args[given - 1], at, end);
    }
    PyObject* subscripts = at == nullptr ? nullptr : PyUnicode_FromStringAndSize(text, at - text);
    if (subscripts == nullptr) {
        PyErr_Clear();
        return false;
    }
    to.held[to.holds++] = subscripts;
    for (Py_ssize_t i = 0; i < count; ++i) {
        to.held[to.holds++] = Py_NewRef(args[2 * i]);
    }
    return true;
}

// Holds the operands of a list or tuple, which another thread may change.
bool hold_chain(PyObject* list, Call& to) {
    if (!is_sequence(list) || size_of(list) > MOST_OPERANDS) {
        return false;
    }
    for (Py_ssize_t i = 0; i < size_of(list); ++i) {
        to.held[to.holds++] = Py_NewRef(item_of(list, i));
    }
    return true;
}

bool add_operands(Call& to) {
    int starts[MOST_OPERANDS + 1];
    int described = 0;
    for (Py_ssize_t i = 0; i < to.count; ++i) {
        PyObject* operand = to.arrays[i];
        starts[i] = to.key.count;
        if (!PyArray_CheckExact(operand) && is_described(operand)) {
            ++described;
            if (!add_described(to.key, operand)) {
                return false;
            }
        } else if (!add_operand(to.key, operand)) {
            return false;
        }
    }
    starts[to.count] = to.key.count;
    if (described > 1 && !add_aliases(to.key, to.arrays, to.count, starts)) {
        return false;
    }
    if (to.out == nullptr) {
        return true;
    }
    if (!PyArray_CheckExact(to.out)) {
        return false;
    }
    // NumPy's dot refuses what is not aligned.
    const bool aligned = PyArray_ISALIGNED(reinterpret_cast<PyArrayObject*>(to.out));
    return add_word(to.key, aligned ? OUT : OUT + 1) && add_operand(to.key, to.out);
}

// Finds the one thing named, if anything is: `out`.
bool find_out(PyObject* const* args, Py_ssize_t given, PyObject* names, Call& to) {
    if (names == nullptr) {
        return true;
    }
    to.out = is_named(names, "out") ? args[given] : nullptr;
    return to.out != nullptr;
}

bool read_order(PyObject* value, Call& to) {
    if (!PyUnicode_CheckExact(value) || PyUnicode_GET_LENGTH(value) != 1) {
        return false;
    }
    const Py_UCS4 order = PyUnicode_READ_CHAR(value, 0);
    to.bare = to.bare && (order == 'C' || order == 'K');
    to.order = order == 'C' ? 'C' : 'K';
    return order == 'K' ||
           ((order == 'C' || order == 'F' || order == 'A') && add_word(to.key, ORDER + order));
}

// Adds what is named after einsum's operands: `out` alone, or an order and whether to optimize.
bool read_named(PyObject* const* values, PyObject* names, Call& to) {
    const Py_ssize_t count = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
    PyObject* optimize = Py_False;
    PyObject* order = nullptr;
    for (Py_ssize_t i = 0; i < count; ++i) {
        PyObject* name = PyTuple_GET_ITEM(names, i);
        if (PyUnicode_CompareWithASCIIString(name, "order") == 0) {
            order = values[i];
        } else if (PyUnicode_CompareWithASCIIString(name, "optimize") == 0) {
            optimize = values[i];
        } else if (count == 1 && PyUnicode_CompareWithASCIIString(name, "out") == 0) {
            to.out = values[i];
        } else {
            return false;
        }
    }
    if (order != nullptr && !read_order(order, to)) {
        return false;
    }
    to.bare = to.bare && optimize == Py_False;
    return optimize == Py_False || (optimize == Py_True && add_word(to.key, OPTIMIZED));
}

bool read_einsum(int number, PyObject* const* args, Py_ssize_t given, PyObject* names, Call& to) {
    if (given < 2 || given > MOST_OPERANDS + 1 || !PyUnicode_CheckExact(args[0])) {
        return false;
    }
    to.arrays = args + 1;
    to.count = given - 1;
    return begin_key(to.key, number, args[0]) && read_named(args + given, names, to) && add_operands(to);
}

bool read_tensordot(int number, PyObject* const* args, Py_ssize_t given, PyObject* names, Call& to) {
    const bool named = names != nullptr;
    if (named ? given != 2 || !is_named(names, "axes") : given != 2 && given != 3) {
        return false;
    }
    to.arrays = args;
    to.count = 2;
    if (!begin_key(to.key, number, nullptr) || !add_operands(to)) {
        return false;
    }
    return named || given == 3 ? add_axes(to.key, args[2], true) : add_word(to.key, 2);
}

bool read_pair(int number, PyObject* const* args, Py_ssize_t given, PyObject* names, Call& to) {
    to.arrays = args;
    to.count = 2;
    if (given == 3 && names == nullptr) {
        to.out = args[2];
    } else if (given != 2 || !find_out(args, given, names, to)) {
        return false;
    }
    return begin_key(to.key, number, nullptr) && add_operands(to);
}

bool read_chain(int number, PyObject* const* args, Py_ssize_t given, PyObject* names, Call& to) {
    if (given != 1 || names != nullptr || !hold_chain(args[0], to)) {
        return false;
    }
    to.arrays = to.held;
    to.count = to.holds;
    return begin_key(to.key, number, nullptr) && add_word(to.key, to.count) && add_operands(to);
}

bool read(Form form, int number, PyObject* const* args, Py_ssize_t given, PyObject* names, Call& to) {
    to.arguments = args;
    to.given = static_cast<std::size_t>(given);
    to.out = nullptr;
    to.bare = true;
    to.order = 'K';
    switch (form) {
    case Form::Einsum:
        return read_einsum(number, args, given, names, to);
    case Form::Tensordot:
        return read_tensordot(number, args, given, names, to);
    case Form::Pair:
        return read_pair(number, args, given, names, to);
    case Form::Chain:
        return read_chain(number, args, given, names, to);
    }
    return false;
}

// Holds a call that is not read as it stands in a form that may be.
bool hold(Form form, PyObject* const* args, Py_ssize_t given, PyObject* names, Call& to) {
    const Py_ssize_t all = given + (names == nullptr ? 0 : PyTuple_GET_SIZE(names));
    if (form == Form::Einsum && given > 1 && !PyUnicode_Check(args[0])) {
        return names == nullptr && PyArray_CheckExact(args[0]) && hold_subscripts(args, given, to);
    }
    if (form == Form::Chain || given < 2) {
        return false;
    }
    if (form == Form::Einsum) {
        return hold_arrays(args, 1, given, all, names == nullptr, to);
    }
    return hold_arrays(args, 0, 2, all, form == Form::Tensordot, to);
}

} // namespace

Call::~Call() {
    for (int i = 0; i < holds; ++i) {
        Py_DECREF(held[i]);
    }
}

bool form_of(const char* name, Form& to) {
    static const struct {
        const char* name;
        Form form;
    } FORMS[] = {{"einsum", Form::Einsum},
                 {"tensordot", Form::Tensordot},
                 {"pair", Form::Pair},
                 {"chain", Form::Chain}};
    for (const auto& known : FORMS) {
        if (std::strcmp(known.name, name) == 0) {
            to = known.form;
            return true;
        }
    }
    return false;
}

int prepare_calls() {
    inherited = PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyArray_Type), "__array_function__");
    return inherited == nullptr ? -1 : 0;
}

bool read_call(Form form, int number, PyObject* const* args, Py_ssize_t given, PyObject* names, Call& to) {
    bool good = read(form, number, args, given, names, to);
    if (!good && hold(form, args, given, names, to)) {
        const Py_ssize_t held = to.holds - (names == nullptr ? 0 : PyTuple_GET_SIZE(names));
        good = read(form, number, to.held, held, names, to);
    }
    if (good) {
        end_key(to.key);
    }
    return good;
}

} // namespace einroute
