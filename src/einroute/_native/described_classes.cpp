#include "described_classes.hpp"

#include <cstring>

namespace einroute {

namespace {

constexpr int MOST = 16;
constexpr Py_ssize_t MOST_ATTRIBUTES = 6;
// The first word of an array that an attribute before it was, too; no other first word is negative.
constexpr std::int64_t AGAIN = -1;

struct Class {
    PyTypeObject* type;
    PyObject* attributes; // a tuple of interned names
};

Class classes[MOST];
int known = 0;

const Class* class_of(PyObject* operand) {
    for (int i = 0; i < known; ++i) {
        if (Py_TYPE(operand) == classes[i].type) {
            return &classes[i];
        }
    }
    return nullptr;
}

bool add_number(Key& key, PyObject* value) {
    int overflow;
    const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    return overflow == 0 && add_word(key, number);
}

bool add_dtype(Key& key, const PyArray_Descr* dtype) {
    // What is not one of NumPy's own numbers, in native byte order, is Python's to compare.
    return PyTypeNum_ISNUMBER(dtype->type_num) || dtype->type_num == NPY_BOOL
               ? PyArray_ISNBO(dtype->byteorder) && add_word(key, dtype->type_num)
               : false;
}

// The values of a class's attributes, held as long as they are looked at: another thread may replace them.
class Values {
  public:
    Values(const Class& of, PyObject* operand) {
        const Py_ssize_t count = PyTuple_GET_SIZE(of.attributes);
        for (; count_ < count; ++count_) {
            values_[count_] = PyObject_GetAttr(operand, PyTuple_GET_ITEM(of.attributes, count_));
            if (values_[count_] == nullptr) {
                PyErr_Clear();
                return;
            }
        }
        whole_ = true;
    }
    ~Values() {
        for (Py_ssize_t i = 0; i < count_; ++i) {
            Py_DECREF(values_[i]);
        }
    }
    Values(const Values&) = delete;
    Values& operator=(const Values&) = delete;

    bool whole() const { return whole_; }
    Py_ssize_t count() const { return count_; }
    PyObject* operator[](Py_ssize_t i) const { return values_[i]; }

    // Whether a value is one that came before it.
    bool came_before(Py_ssize_t i) const {
        for (Py_ssize_t j = 0; j < i; ++j) {
            if (values_[j] == values_[i]) {
                return true;
            }
        }
        return false;
    }

  private:
    PyObject* values_[MOST_ATTRIBUTES];
    Py_ssize_t count_ = 0;
    bool whole_ = false;
};

bool add_value(Key& key, const Values& values, Py_ssize_t i) {
    PyObject* value = values[i];
    if (PyArray_CheckExact(value)) {
        return values.came_before(i) ? add_word(key, AGAIN) : add_operand(key, value);
    }
    if (PyLong_CheckExact(value)) {
        return add_number(key, value);
    }
    return PyArray_DescrCheck(value) && add_dtype(key, reinterpret_cast<PyArray_Descr*>(value));
}

// Whether the arrays of two operands of the same facts lie in the same memory.
bool same_memory(PyObject* x, PyObject* y) {
    const Class* of = class_of(x);
    const Values a(*of, x), b(*of, y);
    if (!a.whole() || !b.whole()) {
        return false;
    }
    for (Py_ssize_t i = 0; i < a.count(); ++i) {
        if (!PyArray_CheckExact(a[i]) || !PyArray_CheckExact(b[i])) {
            continue;
        }
        PyArrayObject* u = reinterpret_cast<PyArrayObject*>(a[i]);
        PyArrayObject* v = reinterpret_cast<PyArrayObject*>(b[i]);
        if (u != v &&
            (PyArray_DATA(u) != PyArray_DATA(v) || PyArray_ISWRITEABLE(u) != PyArray_ISWRITEABLE(v))) {
            return false;
        }
    }
    return true;
}

bool same_facts(const Key& key, int first, int second, int length) {
    return std::memcmp(key.words + first, key.words + second,
                       static_cast<std::size_t>(length) * sizeof key.words[0]) == 0;
}

PyObject* know_operands(PyObject*, PyObject* args) {
    PyObject *type, *names;
    if (!PyArg_ParseTuple(args, "O!O!:know_operands", &PyType_Type, &type, &PyTuple_Type, &names)) {
        return nullptr;
    }
    const Py_ssize_t count = PyTuple_GET_SIZE(names);
    int place = 0;
    while (place < known && classes[place].type != reinterpret_cast<PyTypeObject*>(type)) {
        ++place;
    }
    if (count > MOST_ATTRIBUTES || place == MOST) {
        PyErr_Format(PyExc_ValueError, "expected at most %d classes of at most %zd attributes each", MOST,
                     MOST_ATTRIBUTES);
        return nullptr;
    }
    PyObject* attributes = PyTuple_New(count);
    for (Py_ssize_t i = 0; attributes != nullptr && i < count; ++i) {
        PyObject* name = Py_NewRef(PyTuple_GET_ITEM(names, i));
        PyTuple_SET_ITEM(attributes, i, name);
        if (!PyUnicode_CheckExact(name)) {
            PyErr_Format(PyExc_TypeError, "expected names of attributes, not %s", Py_TYPE(name)->tp_name);
            Py_CLEAR(attributes);
        }
    }
    if (attributes == nullptr) {
        return nullptr;
    }
    if (place == known) { // what is known of a class is never replaced
        classes[known++] = {reinterpret_cast<PyTypeObject*>(Py_NewRef(type)), attributes};
    } else {
        Py_DECREF(attributes);
    }
    Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"know_operands", know_operands, METH_VARARGS,
     "know_operands(cls, attributes, /)\n--\n\n"
     "Look operands of a class up by the named attributes: arrays, ints and dtypes, which are all that what\n"
     "runs a call depends on, the type aside."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

bool is_described(PyObject* operand) {
    return class_of(operand) != nullptr;
}

bool add_described(Key& key, PyObject* operand) {
    const Class* of = class_of(operand);
    if (of == nullptr || !add_word(key, reinterpret_cast<std::intptr_t>(of->type))) {
        return false;
    }
    const Values values(*of, operand);
    for (Py_ssize_t i = 0; values.whole() && i < values.count(); ++i) {
        if (!add_value(key, values, i)) {
            return false;
        }
    }
    return values.whole();
}

bool add_aliases(Key& key, PyObject* const* operands, Py_ssize_t count, const int* starts) {
    bool first = true;
    for (Py_ssize_t i = 0; i < count; ++i) {
        if (PyArray_CheckExact(operands[i]) || !is_described(operands[i])) {
            continue;
        }
        const int length = starts[i + 1] - starts[i];
        Py_ssize_t same = 0;
        while (same < i && !(Py_TYPE(operands[same]) == Py_TYPE(operands[i]) &&
                             length == starts[same + 1] - starts[same] &&
                             same_facts(key, starts[same], starts[i], length) &&
                             (operands[same] == operands[i] || same_memory(operands[same], operands[i])))) {
            ++same;
        }
        if (!first && !add_word(key, same < i ? same : -1)) {
            return false;
        }
        first = false;
    }
    return true;
}

int add_described_classes(PyObject* module) {
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
