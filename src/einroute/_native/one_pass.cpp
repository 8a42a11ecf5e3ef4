#include "one_pass.hpp"

#include "passing.hpp"
#include "pool.hpp"

#include <cstddef>

namespace einroute {

namespace {

constexpr int MOST_LABELS = 64;

// The labels of an array, by number; and which axis has a label, -1 if none has.
struct Labels {
    int count;
    int label[MOST_LABELS], axis[MOST_LABELS];
};

struct OnePass {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject* report;
    int type, threads, operands, labels;
    char character;
    npy_intp item;
    npy_intp sizes[MOST_LABELS];
    int loops[MOST_LABELS]; // outermost first
    Labels x[BOX_OPERANDS], out;
    npy_intp shape[MOST_LABELS], strides[MOST_LABELS]; // of a fresh result
};

// Reads up to `most` numbers, each from `low` to `high`; their number, or -1 with an exception set.
int read(PyObject* given, const char* name, npy_intp low, npy_intp high, int most, npy_intp* to) {
    PyObject* items = PySequence_Fast(given, "expected a sequence of numbers");
    if (items == nullptr) {
        return -1;
    }
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
    bool good = count <= most;
    for (Py_ssize_t i = 0; good && i < count; ++i) {
        to[i] = PyLong_AsSsize_t(PySequence_Fast_GET_ITEM(items, i));
        good = !(to[i] == -1 && PyErr_Occurred()) && low <= to[i] && to[i] <= high;
    }
    Py_DECREF(items);
    if (!good && !PyErr_Occurred()) {
        PyErr_Format(PyExc_ValueError, "%s: expected up to %d numbers from %zd to %zd", name, most,
                     Py_ssize_t(low), Py_ssize_t(high));
    }
    return good ? static_cast<int>(count) : -1;
}

// As `read`, of numbers that are all different and below `most`.
int read_different(PyObject* given, const char* name, int most, int* to) {
    npy_intp found[MOST_LABELS];
    bool taken[MOST_LABELS] = {false};
    const int count = read(given, name, 0, most - 1, most, found);
    for (int i = 0; i < count; ++i) {
        if (taken[found[i]]) {
            PyErr_Format(PyExc_ValueError, "%s: %zd is there twice", name, Py_ssize_t(found[i]));
            return -1;
        }
        taken[found[i]] = true;
        to[i] = static_cast<int>(found[i]);
    }
    return count;
}

bool read_labels(const OnePass* self, PyObject* given, const char* name, Labels& to) {
    to.count = read_different(given, name, self->labels, to.label);
    for (int& axis : to.axis) {
        axis = -1;
    }
    for (int i = 0; i < to.count; ++i) {
        to.axis[to.label[i]] = i;
    }
    return to.count >= 0;
}

bool read_operands(OnePass* self, PyObject* given) {
    PyObject* items = PySequence_Fast(given, "expected a sequence of operands");
    if (items == nullptr) {
        return false;
    }
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
    bool good = 0 < count && count <= BOX_OPERANDS;
    if (!good) {
        PyErr_Format(PyExc_ValueError, "%zd operands; expected 1 to %d", count, BOX_OPERANDS);
    }
    for (Py_ssize_t i = 0; good && i < count; ++i) {
        good = read_labels(self, PySequence_Fast_GET_ITEM(items, i), "an operand", self->x[i]);
    }
    self->operands = static_cast<int>(count);
    Py_DECREF(items);
    return good;
}

// Whether each label is one of an operand, and what a pass counts does not overflow.
bool sound(const OnePass* self) {
    double iterations = 1;
    for (int c = 0; c < self->labels; ++c) {
        bool found = false;
        for (int k = 0; k < self->operands; ++k) {
            found = found || self->x[k].axis[c] >= 0;
        }
        iterations *= static_cast<double>(self->sizes[c]);
        if (!found || iterations > 1e18) {
            PyErr_SetString(PyExc_ValueError,
                            found ? "more iterations than can be counted" : "a label is one of no operand");
            return false;
        }
    }
    return true;
}

// Strides of a fresh result whose axes lie in memory in the order given, outermost first.
bool lay_out(OnePass* self, PyObject* given) {
    int order[MOST_LABELS];
    const int count = read_different(given, "layout", self->out.count, order);
    if (count != self->out.count) {
        if (count >= 0) {
            PyErr_SetString(PyExc_ValueError, "layout does not name each axis of the result once");
        }
        return false;
    }
    npy_intp reach = self->item;
    for (int i = count - 1; i >= 0; --i) {
        self->shape[order[i]] = self->sizes[self->out.label[order[i]]];
        self->strides[order[i]] = reach;
        reach *= self->shape[order[i]];
    }
    return true;
}

bool read_type(OnePass* self, int character) {
    if (character > 127 || kernels_of(static_cast<char>(character)) == nullptr) {
        PyErr_Format(PyExc_ValueError, "no kernel for dtype character %c", character);
        return false;
    }
    self->character = static_cast<char>(character);
    PyArray_Descr* descr = PyArray_DescrFromType(character);
    if (descr == nullptr) {
        return false;
    }
    self->type = descr->type_num;
    self->item = PyDataType_ELSIZE(descr);
    Py_DECREF(descr);
    return true;
}

// The array as one that the pass was bound for; null with an exception set if it is another.
PyArrayObject* checked(const OnePass* self, PyObject* given, const Labels& labels, const char* name) {
    if (!PyArray_Check(given)) {
        PyErr_Format(PyExc_TypeError, "%s is of type %s; expected a numpy.ndarray", name,
                     Py_TYPE(given)->tp_name);
        return nullptr;
    }
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(given);
    bool same = PyArray_EquivTypenums(PyArray_TYPE(x), self->type) && PyArray_ISNOTSWAPPED(x) &&
                PyArray_NDIM(x) == labels.count;
    for (int i = 0; same && i < labels.count; ++i) {
        same = PyArray_DIM(x, i) == self->sizes[labels.label[i]];
    }
    if (!same) {
        PyErr_Format(PyExc_ValueError, "%s has another shape or dtype than the pass was bound for", name);
        return nullptr;
    }
    return x;
}

std::ptrdiff_t stride(PyArrayObject* x, const Labels& labels, int label) {
    return labels.axis[label] < 0 ? 0 : PyArray_STRIDE(x, labels.axis[label]);
}

bool run(const OnePass* self, PyArrayObject* const* x, PyArrayObject* out) {
    Nest nest;
    nest.operands = self->operands;
    nest.item = self->item;
    nest.out = PyArray_BYTES(out);
    nest.count = self->labels;
    for (int k = 0; k < self->operands; ++k) {
        nest.x[k] = PyArray_BYTES(x[k]);
    }
    for (int i = 0; i < self->labels; ++i) {
        const int c = self->loops[i];
        Loop& loop = nest.loops[i];
        loop = {self->sizes[c], {0}, stride(out, self->out, c), self->out.axis[c] < 0};
        for (int k = 0; k < self->operands; ++k) {
            loop.x[k] = stride(x[k], self->x[k], c);
        }
    }
    simplify(nest);
    int flags = 0;
    if (!pass(nest, *kernels_of(self->character), self->threads, flags)) {
        return false;
    }
    if (flags == 0) {
        return true;
    }
    PyObject* told = PyObject_CallFunction(self->report, "i", flags);
    Py_XDECREF(told);
    return told != nullptr;
}

PyArrayObject* result(const OnePass* self, PyObject* given) {
    if (given != nullptr) {
        if (PyArray_Check(given) &&
            PyArray_FailUnlessWriteable(reinterpret_cast<PyArrayObject*>(given), "out") < 0) {
            return nullptr;
        }
        PyArrayObject* out = checked(self, given, self->out, "out");
        Py_XINCREF(out);
        return out;
    }
    return reinterpret_cast<PyArrayObject*>(empty(self->type, self->out.count, self->shape, self->strides));
}

// The array `out` among the arguments, null for a fresh one. False with an exception set if they are wrong.
bool find_out(const OnePass* self, PyObject* const* args, Py_ssize_t count, PyObject* names, PyObject*& out) {
    const Py_ssize_t keywords = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
    if (count < self->operands || count + keywords > self->operands + 1) {
        PyErr_Format(PyExc_TypeError, "expected %d operands and perhaps out", self->operands);
        return false;
    }
    if (keywords == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "out") != 0) {
        PyErr_Format(PyExc_TypeError, "unexpected keyword argument %R; expected out",
                     PyTuple_GET_ITEM(names, 0));
        return false;
    }
    out = count + keywords > self->operands ? args[self->operands] : nullptr;
    if (out == Py_None) {
        out = nullptr;
    }
    return true;
}

PyObject* call(PyObject* object, PyObject* const* args, size_t nargsf, PyObject* names) {
    const OnePass* self = reinterpret_cast<OnePass*>(object);
    PyObject* given;
    if (!find_out(self, args, PyVectorcall_NARGS(nargsf), names, given)) {
        return nullptr;
    }
    // Before the operands are looked at: what says how much memory is kept, or is told of a warning, may run
    // anything.
    PyArrayObject* out = result(self, given);
    PyArrayObject* x[BOX_OPERANDS] = {nullptr};
    bool good = out != nullptr;
    for (int k = 0; good && k < self->operands; ++k) {
        // What a step before this one summed may be one of NumPy's scalars.
        PyObject* array =
            PyArray_IsScalar(args[k], Generic) ? PyArray_FromScalar(args[k], nullptr) : Py_NewRef(args[k]);
        x[k] = array == nullptr ? nullptr : checked(self, array, self->x[k], "an operand");
        good = x[k] != nullptr;
        if (!good) {
            Py_XDECREF(array);
        }
    }
    if (good && given != nullptr) { // a scalar's array is made by Python
        good = checked(self, given, self->out, "out") != nullptr;
    }
    if (!good || !run(self, x, out)) {
        Py_CLEAR(out);
    }
    for (PyArrayObject* held : x) {
        Py_XDECREF(held);
    }
    return reinterpret_cast<PyObject*>(out);
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    PyObject *sizes, *operands, *output, *layout, *loops, *report;
    int character, threads;
    static const char* const NAMES[] = {"char",  "sizes",   "operands", "output", "layout",
                                        "loops", "threads", "report",   nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "COOOOOiO:OnePass", const_cast<char**>(NAMES),
                                     &character, &sizes, &operands, &output, &layout, &loops, &threads,
                                     &report)) {
        return nullptr;
    }
    PyObject* object = type->tp_alloc(type, 0);
    if (object == nullptr) {
        return nullptr;
    }
    OnePass* self = reinterpret_cast<OnePass*>(object);
    self->vectorcall = call;
    self->report = Py_NewRef(report);
    self->threads = threads;
    bool good = read_type(self, character);
    self->labels = good ? read(sizes, "sizes", 1, NPY_MAX_INTP, MOST_LABELS, self->sizes) : -1;
    good = self->labels >= 0 && read_operands(self, operands) && sound(self) &&
           read_labels(self, output, "output", self->out) && lay_out(self, layout);
    if (good && read_different(loops, "loops", self->labels, self->loops) != self->labels) {
        good = false;
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "loops does not name each label once");
        }
    }
    if (!good) {
        Py_DECREF(object);
        return nullptr;
    }
    return object;
}

int traverse(PyObject* object, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(reinterpret_cast<OnePass*>(object)->report);
    return 0;
}

int clear(PyObject* object) {
    Py_CLEAR(reinterpret_cast<OnePass*>(object)->report);
    return 0;
}

void release(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

const char DOC[] = "OnePass(char, sizes, operands, output, layout, loops, threads, report)\n--\n\n"
                   "A sum of products, formed whole, in one pass over up to four arrays of known shapes and "
                   "dtype: called with them, and perhaps ``out``.";

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(OnePass, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>(DOC)},
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(clear)},
    {Py_tp_dealloc, reinterpret_cast<void*>(release)},
    {Py_tp_members, members},
    {0, nullptr},
};

PyType_Spec spec = {
    "einroute._native._core.OnePass",
    sizeof(OnePass),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

// The loops of a copy in the order of the result's memory; but that along which the source is contiguous next
// to the innermost.
void order_copy(Nest& nest) {
    const auto before = [](std::ptrdiff_t x, std::ptrdiff_t y) {
        return (x < 0 ? -x : x) > (y < 0 ? -y : y);
    };
    for (int i = 1; i < nest.count; ++i) {
        const Loop loop = nest.loops[i];
        int at = i;
        for (; at > 0 && before(loop.out, nest.loops[at - 1].out); --at) {
            nest.loops[at] = nest.loops[at - 1];
        }
        nest.loops[at] = loop;
    }
    simplify(nest);
    if (nest.loops[nest.count - 1].x[0] == nest.item) {
        return;
    }
    int rows = nest.count - 2;
    for (int i = 0; i < nest.count - 1; ++i) {
        rows = nest.loops[i].size > 1 && nest.loops[i].x[0] == nest.item ? i : rows;
    }
    const Loop loop = nest.loops[rows];
    for (int i = rows; i + 2 < nest.count; ++i) {
        nest.loops[i] = nest.loops[i + 1];
    }
    nest.loops[nest.count - 2] = loop;
}

PyObject* copy(PyObject*, PyObject* args) {
    PyArrayObject *from, *to;
    int threads;
    if (!PyArg_ParseTuple(args, "O!O!i:copy", &PyArray_Type, &from, &PyArray_Type, &to, &threads)) {
        return nullptr;
    }
    const npy_intp item = PyArray_ITEMSIZE(from);
    const TypeKernels* kernels = copies_of(item);
    if (kernels == nullptr || PyDataType_FLAGCHK(PyArray_DESCR(from), NPY_ITEM_REFCOUNT) ||
        PyArray_EquivTypes(PyArray_DESCR(from), PyArray_DESCR(to)) == 0 || !PyArray_SAMESHAPE(from, to)) {
        PyErr_SetString(PyExc_ValueError, "expected two arrays of one shape and plain dtype");
        return nullptr;
    }
    if (PyArray_FailUnlessWriteable(to, "out") < 0) {
        return nullptr;
    }
    if (PyArray_SIZE(to) == 0) {
        Py_RETURN_NONE;
    }
    Nest nest{1, {PyArray_BYTES(from)}, PyArray_BYTES(to), item, PyArray_NDIM(to), {}};
    for (int i = 0; i < nest.count; ++i) {
        nest.loops[i] = {PyArray_DIM(to, i), {PyArray_STRIDE(from, i)}, PyArray_STRIDE(to, i), false};
    }
    order_copy(nest);
    int flags = 0;
    if (!pass(nest, *kernels, threads, flags)) {
        return nullptr;
    }
    Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"copy", copy, METH_VARARGS,
     "copy(view, out, threads, /)\n--\n\nCopy an array into another of its shape and plain dtype, which "
     "must not overlap it."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_one_pass(PyObject* module) {
    PyObject* type = PyType_FromModuleAndSpec(module, &spec, nullptr);
    if (type == nullptr) {
        return -1;
    }
    const int result = PyModule_AddType(module, reinterpret_cast<PyTypeObject*>(type));
    Py_DECREF(type);
    return result < 0 ? -1 : PyModule_AddFunctions(module, methods);
}

} // namespace einroute
