#include "product.hpp"

#include "float_status.hpp"
#include "isa.hpp"
#include "problem.hpp"
#include "strides.hpp"

#include <cstddef>
#include <new>

namespace einroute {

namespace {

// Multiply-adds from which the GIL is released: what it takes to give it up and to have it again is nothing
// then.
constexpr double RELEASED = 20000;
// Bytes of a kernel's workspace that lie on the stack.
constexpr std::size_t ON_STACK = 16384;

// An axis of the problem, and which axis of each array it is; -1 where the array lacks it. A loop may be one
// of an operand and the result: then all rows share the other operand.
struct Bound {
    Role role;
    int a, b, out;
};

struct Shape {
    int ndim;
    npy_intp sizes[MAX_AXES];
};

struct Product {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject* report;
    int type;
    int count;
    Bound axes[MAX_AXES];
    Shape a, b, out;
    npy_intp strides[MAX_AXES]; // of a fresh result
    Kernel Kernels::* kernel;
    Pricing Kernels::* pricing;
    std::size_t work;
    double products;
};

PyObject* call(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* names);

// The array as one that the product was bound for; null with an exception set if it is another.
PyArrayObject* checked(const Product* self, PyObject* given, const Shape& shape, const char* name) {
    if (!PyArray_Check(given)) {
        PyErr_Format(PyExc_TypeError, "%s is of type %s; expected a numpy.ndarray", name,
                     Py_TYPE(given)->tp_name);
        return nullptr;
    }
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(given);
    bool same = PyArray_TYPE(x) == self->type && PyArray_ISNOTSWAPPED(x) && PyArray_NDIM(x) == shape.ndim;
    for (int i = 0; same && i < shape.ndim; ++i) {
        same = PyArray_DIM(x, i) == shape.sizes[i];
    }
    if (!same) {
        PyErr_Format(PyExc_ValueError, "%s has another shape or dtype than the product was bound for", name);
        return nullptr;
    }
    return x;
}

PyArrayObject* fresh(const Product* self) {
    PyArray_Descr* descr = PyArray_DescrFromType(self->type);
    if (descr == nullptr) {
        return nullptr;
    }
    return reinterpret_cast<PyArrayObject*>(PyArray_NewFromDescr(
        &PyArray_Type, descr, self->out.ndim, self->out.sizes, self->strides, nullptr, 0, nullptr));
}

npy_intp stride(const npy_intp* strides, int axis) {
    return axis < 0 ? 0 : strides[axis];
}

// The axes of a problem from the strides of its arrays.
void describe(const Product* self, const npy_intp* a, const npy_intp* b, const npy_intp* out,
              Problem& problem) {
    problem.count = 0;
    bool lanes = false;
    for (int i = 0; i < self->count; ++i) {
        const Bound& axis = self->axes[i];
        const npy_intp size = axis.a >= 0 ? self->a.sizes[axis.a] : self->b.sizes[axis.b];
        lanes = lanes || axis.role != Role::Sum;
        problem.axes[problem.count++] = {axis.role, size, stride(a, axis.a), stride(b, axis.b),
                                         stride(out, axis.out)};
    }
    if (!lanes) { // a dot product has an axis of length 1
        problem.axes[problem.count++] = {Role::Loop, 1, 0, 0, 0};
    }
}

// Runs the kernel and tells of the floating-point flags it raised; false with an exception set if that fails.
bool run(const Product* self, PyArrayObject* a, PyArrayObject* b, PyArrayObject* out) {
    alignas(32) char stack[ON_STACK];
    Problem problem;
    problem.a = PyArray_BYTES(a);
    problem.b = PyArray_BYTES(b);
    problem.out = PyArray_BYTES(out);
    describe(self, PyArray_STRIDES(a), PyArray_STRIDES(b), PyArray_STRIDES(out), problem);
    void* heap = nullptr;
    problem.work = stack;
    if (self->work > ON_STACK) {
        heap = problem.work = PyMem_RawMalloc(self->work);
        if (heap == nullptr) {
            PyErr_NoMemory();
            return false;
        }
    }
    const Kernel kernel = kernels().*(self->kernel);
    PyThreadState* state = self->products >= RELEASED ? PyEval_SaveThread() : nullptr;
    clear_status();
    kernel(problem);
    const int flags = read_status();
    if (state != nullptr) {
        PyEval_RestoreThread(state);
    }
    PyMem_RawFree(heap);
    if (flags == 0) {
        return true;
    }
    PyObject* told = PyObject_CallFunction(self->report, "i", flags);
    Py_XDECREF(told);
    return told != nullptr;
}

// The array `out` among the arguments; none is a fresh one. False with an exception set if they are wrong.
bool find_out(PyObject* const* args, Py_ssize_t count, PyObject* names, PyObject*& out) {
    const Py_ssize_t keywords = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
    if (count < 2 || count + keywords > 3) {
        PyErr_SetString(PyExc_TypeError, "expected two operands and perhaps out");
        return false;
    }
    out = count == 3 ? args[2] : nullptr;
    if (keywords == 1) {
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "out") != 0) {
            PyErr_Format(PyExc_TypeError, "unexpected keyword argument %R; expected out",
                         PyTuple_GET_ITEM(names, 0));
            return false;
        }
        out = args[2];
    }
    if (out == Py_None) {
        out = nullptr;
    }
    return true;
}

PyObject* call(PyObject* object, PyObject* const* args, size_t nargsf, PyObject* names) {
    const Product* self = reinterpret_cast<Product*>(object);
    PyObject* given;
    if (!find_out(args, PyVectorcall_NARGS(nargsf), names, given)) {
        return nullptr;
    }
    // Of this a warning may be told, whose handler may run anything: it comes before the checks of shapes.
    if (given != nullptr && PyArray_Check(given) &&
        PyArray_FailUnlessWriteable(reinterpret_cast<PyArrayObject*>(given), "out") < 0) {
        return nullptr;
    }
    PyArrayObject* a = checked(self, args[0], self->a, "the first operand");
    PyArrayObject* b = a == nullptr ? nullptr : checked(self, args[1], self->b, "the second operand");
    if (b == nullptr) {
        return nullptr;
    }
    PyArrayObject* out;
    if (given == nullptr) {
        out = fresh(self);
    } else {
        out = checked(self, given, self->out, "out");
        Py_XINCREF(out);
    }
    if (out == nullptr) {
        return nullptr;
    }
    if (!run(self, a, b, out)) {
        Py_DECREF(out);
        return nullptr;
    }
    return reinterpret_cast<PyObject*>(out);
}

bool read_shape(PyObject* given, Shape& to) {
    PyObject* items = PySequence_Fast(given, "expected a sequence of sizes");
    if (items == nullptr) {
        return false;
    }
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
    bool good = count <= MAX_AXES;
    for (Py_ssize_t i = 0; good && i < count; ++i) {
        to.sizes[i] = PyLong_AsSsize_t(PySequence_Fast_GET_ITEM(items, i));
        good = to.sizes[i] > 0;
    }
    to.ndim = static_cast<int>(count);
    Py_DECREF(items);
    if (!good && !PyErr_Occurred()) {
        PyErr_Format(PyExc_ValueError, "expected up to %d sizes, each 1 or more", MAX_AXES);
    }
    return good;
}

// Whether an axis is one of an array and no other axis of the problem is.
bool takes(int axis, const Shape& shape, bool (&taken)[MAX_AXES]) {
    if (axis < -1 || axis >= shape.ndim || (axis >= 0 && taken[axis])) {
        return false;
    }
    if (axis >= 0) {
        taken[axis] = true;
    }
    return true;
}

bool whole(const Shape& shape, const bool (&taken)[MAX_AXES]) {
    for (int i = 0; i < shape.ndim; ++i) {
        if (!taken[i]) {
            return false;
        }
    }
    return true;
}

// What an axis is, from which arrays have it; false if it is none of a product or its sizes differ.
bool role_of(const Product* self, Bound& axis, bool loop) {
    const npy_intp size = axis.a >= 0 ? self->a.sizes[axis.a] : axis.b >= 0 ? self->b.sizes[axis.b] : 0;
    if ((axis.b >= 0 && self->b.sizes[axis.b] != size) ||
        (axis.out >= 0 && self->out.sizes[axis.out] != size)) {
        return false;
    }
    if (axis.out < 0) {
        axis.role = Role::Sum;
        return axis.a >= 0 && axis.b >= 0 && !loop;
    }
    const bool both = axis.a >= 0 && axis.b >= 0;
    axis.role = both || loop ? Role::Loop : axis.a >= 0 ? Role::Row : Role::Column;
    return size > 0;
}

bool read_axes(Product* self, PyObject* given) {
    PyObject* items = PySequence_Fast(given, "expected a sequence of axes");
    if (items == nullptr) {
        return false;
    }
    bool of_a[MAX_AXES] = {false}, of_b[MAX_AXES] = {false}, of_out[MAX_AXES] = {false};
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
    bool good = count < MAX_AXES;
    for (Py_ssize_t i = 0; good && i < count; ++i) {
        Bound& axis = self->axes[i];
        int loop = 0;
        good = PyTuple_Check(PySequence_Fast_GET_ITEM(items, i)) &&
               PyArg_ParseTuple(PySequence_Fast_GET_ITEM(items, i), "iiip", &axis.a, &axis.b, &axis.out,
                                &loop) &&
               takes(axis.a, self->a, of_a) && takes(axis.b, self->b, of_b) &&
               takes(axis.out, self->out, of_out) && role_of(self, axis, loop != 0);
    }
    self->count = static_cast<int>(count);
    Py_DECREF(items);
    good = good && whole(self->a, of_a) && whole(self->b, of_b) && whole(self->out, of_out);
    if (!good && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "the axes are not those of a product of arrays of these shapes");
    }
    return good;
}

// Strides of a fresh result whose axes lie in memory in the order given, outermost first.
bool lay_out(Product* self, PyObject* order, npy_intp itemsize) {
    Shape axes;
    PyObject* items = PySequence_Fast(order, "expected the order of the axes of the result");
    if (items == nullptr) {
        return false;
    }
    axes.ndim = static_cast<int>(PySequence_Fast_GET_SIZE(items));
    bool taken[MAX_AXES] = {false};
    bool good = axes.ndim == self->out.ndim;
    npy_intp reach = itemsize;
    for (int i = axes.ndim - 1; good && i >= 0; --i) {
        const long axis = PyLong_AsLong(PySequence_Fast_GET_ITEM(items, i));
        good = axis >= 0 && axis < axes.ndim && !taken[axis];
        if (good) {
            taken[axis] = true;
            self->strides[axis] = reach;
            reach *= self->out.sizes[axis];
        }
    }
    Py_DECREF(items);
    if (!good && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "the layout does not name each axis of the result once");
    }
    return good;
}

bool choose_kernel(Product* self, int character, npy_intp& itemsize) {
    switch (character) {
    case 'f':
        self->type = NPY_FLOAT, self->kernel = &Kernels::float32, self->pricing = &Kernels::price_float32,
        itemsize = 4;
        return true;
    case 'd':
        self->type = NPY_DOUBLE, self->kernel = &Kernels::float64, self->pricing = &Kernels::price_float64,
        itemsize = 8;
        return true;
    case 'F':
        self->type = NPY_CFLOAT, self->kernel = &Kernels::complex64,
        self->pricing = &Kernels::price_complex64, itemsize = 8;
        return true;
    case 'D':
        self->type = NPY_CDOUBLE, self->kernel = &Kernels::complex128,
        self->pricing = &Kernels::price_complex128, itemsize = 16;
        return true;
    default:
        PyErr_Format(PyExc_ValueError, "no kernel for dtype character %c; expected one of f, d, F, D",
                     character);
        return false;
    }
}

// The extents that kernels keep offsets and workspace for.
bool measure(Product* self) {
    npy_intp rows = 1, columns = 1, sums = 1;
    self->products = 1;
    for (int i = 0; i < self->count; ++i) {
        const Bound& axis = self->axes[i];
        const npy_intp size = axis.a >= 0 ? self->a.sizes[axis.a] : self->b.sizes[axis.b];
        self->products *= static_cast<double>(size);
        npy_intp* extent = axis.role == Role::Row      ? &rows
                           : axis.role == Role::Column ? &columns
                           : axis.role == Role::Sum    ? &sums
                                                       : nullptr;
        if (extent != nullptr && size > MAX_EXTENT / *extent) {
            PyErr_Format(PyExc_ValueError, "rows, columns or sums of more than %d elements", int(MAX_EXTENT));
            return false;
        }
        if (extent != nullptr) {
            *extent *= size;
        }
    }
    self->work = workspace(rows, columns, sums);
    return true;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    PyObject *a, *b, *out, *axes, *layout, *report;
    int character;
    static const char* const NAMES[] = {"char", "a", "b", "out", "axes", "layout", "report", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "COOOOOO:Product", const_cast<char**>(NAMES), &character,
                                     &a, &b, &out, &axes, &layout, &report)) {
        return nullptr;
    }
    PyObject* object = type->tp_alloc(type, 0);
    if (object == nullptr) {
        return nullptr;
    }
    Product* self = reinterpret_cast<Product*>(object);
    self->vectorcall = call;
    self->report = Py_NewRef(report);
    npy_intp itemsize;
    if (!choose_kernel(self, character, itemsize) || !read_shape(a, self->a) || !read_shape(b, self->b) ||
        !read_shape(out, self->out) || !read_axes(self, axes) || !lay_out(self, layout, itemsize) ||
        !measure(self)) {
        Py_DECREF(object);
        return nullptr;
    }
    return object;
}

PyObject* instructions(PyObject* object, PyObject* args) {
    const Product* self = reinterpret_cast<Product*>(object);
    PyObject *a, *b;
    npy_intp of_a[MAX_AXES], of_b[MAX_AXES];
    if (!PyArg_ParseTuple(args, "OO:instructions", &a, &b) || !read_strides(a, self->a.ndim, of_a) ||
        !read_strides(b, self->b.ndim, of_b)) {
        return nullptr;
    }
    Problem problem;
    describe(self, of_a, of_b, self->strides, problem);
    return PyFloat_FromDouble((kernels().*(self->pricing))(problem));
}

int traverse(PyObject* object, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(reinterpret_cast<Product*>(object)->report);
    return 0;
}

int clear(PyObject* object) {
    Py_CLEAR(reinterpret_cast<Product*>(object)->report);
    return 0;
}

void release(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

const char DOC[] =
    "Product(char, a, b, out, axes, layout, report)\n--\n\n"
    "A product of two arrays of known shapes and dtype: called with them, and perhaps ``out``.";

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Product, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyMethodDef methods[] = {
    {"instructions", instructions, METH_VARARGS,
     "instructions(a, b, /)\n--\n\nAbout how many instructions it takes, of operands of these strides."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>(DOC)},
    {Py_tp_methods, methods},
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(clear)},
    {Py_tp_dealloc, reinterpret_cast<void*>(release)},
    {Py_tp_members, members},
    {0, nullptr},
};

PyType_Spec spec = {
    "einroute._native._core.Product",
    sizeof(Product),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

} // namespace

int add_product(PyObject* module) {
    PyObject* type = PyType_FromModuleAndSpec(module, &spec, nullptr);
    if (type == nullptr) {
        return -1;
    }
    const int result = PyModule_AddType(module, reinterpret_cast<PyTypeObject*>(type));
    Py_DECREF(type);
    return result;
}

} // namespace einroute
