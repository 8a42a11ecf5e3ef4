#include "structured_operands.hpp"

#include "held.hpp"
#include "object.hpp"

namespace einroute {

namespace {

// Names of slots.
struct Names {
    PyObject *labels, *depth, *base, *k, *axis, *step, *shift, *dtype, *shape;
};

Names names;

// An object whose slots are filled before anybody sees it: its class lets nobody set them.
class Made {
  public:
    explicit Made(PyTypeObject* type) : object_(type->tp_alloc(type, 0)), good_(object_) {}

    // Fills a slot with a new reference; null is an exception that is set.
    void put(PyObject* name, PyObject* value) {
        const Held held(value);
        good_ = good_ && held && PyObject_GenericSetAttr(object_.object, name, value) == 0;
    }
    PyObject* release() { return good_ ? object_.release() : nullptr; }

  private:
    Held object_;
    bool good_;
};

// An int that is no more than an int, or false.
bool plain_int(PyObject* object, long long& value) {
    if (!PyLong_CheckExact(object)) {
        return false;
    }
    int overflow;
    value = PyLong_AsLongLongAndOverflow(object, &overflow);
    return overflow == 0;
}

PyObject* view_of(PyArrayObject* x) {
    return PyArray_View(x, nullptr, nullptr);
}

PyObject* dtype_of(PyArrayObject* x) {
    return Py_NewRef(reinterpret_cast<PyObject*>(PyArray_DESCR(x)));
}

// The shape of an array with one more axis.
PyObject* shape_with(PyArrayObject* x, int axis, PyObject* length) {
    const int ndim = PyArray_NDIM(x);
    Held shape(PyTuple_New(ndim + 1));
    for (int a = 0; shape && a <= ndim; ++a) {
        PyObject* n =
            a == axis ? Py_NewRef(length) : PyLong_FromSsize_t(PyArray_DIM(x, a < axis ? a : a - 1));
        if (n == nullptr) {
            return nullptr;
        }
        PyTuple_SET_ITEM(shape.object, a, n);
    }
    return shape.release();
}

// The step of least size that rolls an axis of length d as another does; of two, the positive one.
long long shortest(long long step, npy_intp d) {
    if (d < 2) {
        return 0;
    }
    step %= d;
    step += step < 0 ? d : 0;
    return step <= d - step ? step : step - d;
}

// Whether there are as many arguments as a function takes, the first of them a class.
bool takes(const char* name, PyObject* const* args, Py_ssize_t given, Py_ssize_t expected) {
    if (given == expected && PyType_Check(args[0])) {
        return true;
    }
    PyErr_Format(PyExc_TypeError, "%s takes a class and %zd arguments", name, expected - 1);
    return false;
}

PyObject* one_hot_of(PyObject*, PyObject* const* args, Py_ssize_t count) {
    if (!takes("one_hot_of", args, count, 4)) {
        return nullptr;
    }
    PyArrayObject* labels = reinterpret_cast<PyArrayObject*>(args[1]);
    long long depth;
    if (!PyArray_CheckExact(args[1]) || !PyTypeNum_ISINTEGER(PyArray_TYPE(labels)) ||
        !plain_int(args[2], depth) || depth < 0 || depth > NPY_MAX_INTP || !PyArray_DescrCheck(args[3])) {
        Py_RETURN_NONE;
    }
    Made made(reinterpret_cast<PyTypeObject*>(args[0]));
    made.put(names.labels, view_of(labels));
    made.put(names.depth, Py_NewRef(args[2]));
    made.put(names.dtype, Py_NewRef(args[3]));
    made.put(names.shape, shape_with(labels, PyArray_NDIM(labels), args[2]));
    return made.release();
}

PyObject* rolled_of(PyObject*, PyObject* const* args, Py_ssize_t count) {
    if (!takes("rolled_of", args, count, 5)) {
        return nullptr;
    }
    PyArrayObject* base = reinterpret_cast<PyArrayObject*>(args[1]);
    long long k, axis, step;
    if (!PyArray_CheckExact(args[1]) || !plain_int(args[2], k) || !plain_int(args[3], axis) ||
        !plain_int(args[4], step)) {
        Py_RETURN_NONE;
    }
    const npy_intp bytes = PyArray_NBYTES(base) > 0 ? PyArray_NBYTES(base) : 1;
    const int ndim = PyArray_NDIM(base);
    if (k < 1 || k > NPY_MAX_INTP / bytes || axis < -ndim || axis >= ndim) {
        Py_RETURN_NONE;
    }
    const int at = static_cast<int>(axis < 0 ? axis + ndim : axis);
    Made made(reinterpret_cast<PyTypeObject*>(args[0]));
    made.put(names.base, view_of(base));
    made.put(names.k, Py_NewRef(args[2]));
    made.put(names.axis, PyLong_FromLong(at));
    made.put(names.step, Py_NewRef(args[4]));
    made.put(names.shift, PyLong_FromLongLong(shortest(step, PyArray_DIM(base, at))));
    made.put(names.dtype, dtype_of(base));
    made.put(names.shape, shape_with(base, at + 1, args[2]));
    return made.release();
}

PyMethodDef functions[] = {
    {"one_hot_of", fast_method(one_hot_of), METH_FASTCALL,
     "one_hot_of(cls, labels, depth, dtype, /)\n--\n\n"
     "The operand that the class makes of an array of integers; None where its constructor has more to do\n"
     "or to say."},
    {"rolled_of", fast_method(rolled_of), METH_FASTCALL,
     "rolled_of(cls, b, k, axis, step, /)\n--\n\n"
     "The operand that the class makes of an array and ints; None where its constructor has more to do or\n"
     "to say."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_structured_operands(PyObject* module) {
    const struct {
        PyObject** name;
        const char* text;
    } slots[] = {{&names.labels, "labels"}, {&names.depth, "depth"}, {&names.base, "base"},
                 {&names.k, "k"},           {&names.axis, "axis"},   {&names.step, "step"},
                 {&names.shift, "shift"},   {&names.dtype, "dtype"}, {&names.shape, "shape"}};
    for (const auto& slot : slots) {
        *slot.name = PyUnicode_InternFromString(slot.text);
        if (*slot.name == nullptr) {
            return -1;
        }
    }
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
