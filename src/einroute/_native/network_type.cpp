#include "network.hpp"
#include "network_object.hpp"

#include <cstddef>
#include <new>

namespace einroute {

namespace {

bool choose_element(int character, int& type, Element& element) {
    PyArray_Descr* descr = character > 127 || !element_of(static_cast<char>(character), element)
                               ? nullptr
                               : PyArray_DescrFromType(character);
    if (descr == nullptr) {
        PyErr_Clear();
        PyErr_Format(PyExc_ValueError, "no loops for dtype character %c", character);
        return false;
    }
    type = descr->type_num;
    Py_DECREF(descr);
    return true;
}

// Integers of a sequence, each at least `least`; false with an exception set.
bool read_integers(PyObject* given, std::ptrdiff_t least, std::vector<std::ptrdiff_t>& to) {
    PyObject* items = PySequence_Fast(given, "expected a sequence of integers");
    if (items == nullptr) {
        return false;
    }
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
    to.reserve(to.size() + static_cast<std::size_t>(count));
    bool good = true;
    for (Py_ssize_t i = 0; good && i < count; ++i) {
        const Py_ssize_t value = PyLong_AsSsize_t(PySequence_Fast_GET_ITEM(items, i));
        good = value >= least && (value != -1 || !PyErr_Occurred());
        to.push_back(value);
    }
    Py_DECREF(items);
    if (!good && !PyErr_Occurred()) {
        PyErr_Format(PyExc_ValueError, "expected integers of %zd and more", static_cast<Py_ssize_t>(least));
    }
    return good;
}

// A product of sizes, or of a size and bytes, that fits; false with an exception set.
bool multiply_into(std::ptrdiff_t& product, std::ptrdiff_t by) {
    if (by != 0 && product > (std::ptrdiff_t{1} << 48) / by) {
        PyErr_SetString(PyExc_ValueError, "expected loops over arrays that memory can hold");
        return false;
    }
    product *= by;
    return true;
}

bool in_bytes(std::vector<std::ptrdiff_t>& elements, std::ptrdiff_t item) {
    for (std::ptrdiff_t& x : elements) {
        if (!multiply_into(x, item)) {
            return false;
        }
    }
    return true;
}

// A loop: operands, kept loops, whether it sums, whether it is silent, sizes, and strides in elements.
bool read_loop(PyObject* given, Element element, NetworkLoop& to) {
    Nested nested;
    PyObject *sizes, *strides;
    int summed, silent;
    if (!PyTuple_Check(given) || !PyArg_ParseTuple(given, "iippOO", &nested.operands, &nested.kept, &summed,
                                                   &silent, &sizes, &strides)) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "expected loops as tuples");
        }
        return false;
    }
    nested.summed = summed != 0;
    if (!read_integers(sizes, 1, nested.size) || !read_integers(strides, 0, nested.stride)) {
        return false;
    }
    const std::ptrdiff_t loops = static_cast<std::ptrdiff_t>(nested.size.size());
    std::ptrdiff_t all = 1;
    bool good = nested.operands >= 1 && nested.operands <= MAX_OPERANDS && nested.kept >= 0 &&
                nested.kept <= loops &&
                static_cast<std::ptrdiff_t>(nested.stride.size()) == loops * (nested.operands + 1);
    for (std::ptrdiff_t l = nested.kept; good && l < loops; ++l) {
        good = nested.stride[l * (nested.operands + 1) + nested.operands] == 0;
    }
    if (!good) {
        PyErr_SetString(PyExc_ValueError,
                        "expected up to 8 operands, and for each loop a stride of each array");
        return false;
    }
    for (std::ptrdiff_t l = 0; l < loops; ++l) {
        if (!multiply_into(all, nested.size[l])) {
            return false;
        }
        for (int i = 0; i <= nested.operands; ++i) {
            std::ptrdiff_t reach = nested.stride[l * (nested.operands + 1) + i];
            if (!multiply_into(reach, nested.size[l])) {
                return false;
            }
        }
    }
    if (!in_bytes(nested.stride, item_size(element))) {
        return false;
    }
    to.silent = silent != 0;
    if (!make_loop(std::move(nested), element, to)) {
        PyErr_SetString(PyExc_ValueError, "more loops than the core takes");
        return false;
    }
    return true;
}

bool read_loops(PyObject* given, NetworkProgram& to) {
    PyObject* items = PySequence_Fast(given, "expected a sequence of loops");
    if (items == nullptr) {
        return false;
    }
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
    to.loops.resize(static_cast<std::size_t>(count));
    bool good = true;
    for (Py_ssize_t i = 0; good && i < count; ++i) {
        good = read_loop(PySequence_Fast_GET_ITEM(items, i), to.element, to.loops[i]);
    }
    Py_DECREF(items);
    return good;
}

std::ptrdiff_t place_in_bytes(std::ptrdiff_t place, std::ptrdiff_t item) {
    return place < 0 ? place : place * item;
}

// The steps: the number of a loop, and then the places of its operands and its result, in elements.
bool read_steps(PyObject* given, NetworkProgram& to) {
    std::vector<std::ptrdiff_t> flat;
    if (!read_integers(given, PY_SSIZE_T_MIN, flat)) {
        return false;
    }
    const std::ptrdiff_t item = item_size(to.element);
    std::size_t at = 0;
    while (at < flat.size()) {
        const std::ptrdiff_t loop = flat[at++];
        if (loop < 0 || static_cast<std::size_t>(loop) >= to.loops.size()) {
            PyErr_SetString(PyExc_ValueError, "a step names a loop that is not there");
            return false;
        }
        const std::size_t arrays = static_cast<std::size_t>(to.loops[loop].operands) + 1;
        if (flat.size() - at < arrays) {
            PyErr_SetString(PyExc_ValueError, "a step has fewer places than its loop has arrays");
            return false;
        }
        to.steps.push_back({static_cast<std::uint32_t>(loop), static_cast<std::uint32_t>(to.places.size())});
        for (std::size_t i = 0; i < arrays; ++i, ++at) {
            if (flat[at] > (std::ptrdiff_t{1} << 48)) {
                PyErr_SetString(PyExc_ValueError, "a step reaches beyond the buffer or an operand");
                return false;
            }
            to.places.push_back(place_in_bytes(flat[at], item));
        }
    }
    return true;
}

bool read_shapes(PyObject* given, Network* to) {
    PyObject* items = PySequence_Fast(given, "expected a sequence of shapes");
    if (items == nullptr) {
        return false;
    }
    bool good = true;
    for (Py_ssize_t i = 0; good && i < PySequence_Fast_GET_SIZE(items); ++i) {
        const std::size_t begin = to->shapes->size();
        std::ptrdiff_t elements = 1;
        good = read_integers(PySequence_Fast_GET_ITEM(items, i), 1, *to->shapes);
        for (std::size_t d = begin; good && d < to->shapes->size(); ++d) {
            good = multiply_into(elements, (*to->shapes)[d]);
        }
        to->ndims->push_back(static_cast<int>(to->shapes->size() - begin));
        to->program->given.push_back(elements);
    }
    Py_DECREF(items);
    return good;
}

// The result: its shape, its strides in elements, and its place.
bool read_result(PyObject* given, NetworkProgram& to) {
    PyObject *shape, *strides;
    Py_ssize_t at;
    if (!PyTuple_Check(given) || !PyArg_ParseTuple(given, "OOn", &shape, &strides, &at)) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "expected the result as a tuple");
        }
        return false;
    }
    if (!read_integers(shape, 1, to.result.size) || !read_integers(strides, 0, to.result.stride)) {
        return false;
    }
    const std::size_t ndim = to.result.size.size();
    std::ptrdiff_t all = item_size(to.element);
    bool good = ndim == to.result.stride.size() && ndim <= NPY_MAXDIMS && at <= (Py_ssize_t{1} << 48);
    for (std::size_t d = 0; good && d < ndim; ++d) {
        std::ptrdiff_t reach = to.result.stride[d];
        if (!multiply_into(all, to.result.size[d]) || !multiply_into(reach, to.result.size[d])) {
            return false;
        }
    }
    if (!good) {
        PyErr_SetString(PyExc_ValueError, "expected a stride for each axis of the result");
        return false;
    }
    to.result.ndim = static_cast<int>(ndim);
    to.result_at = place_in_bytes(at, item_size(to.element));
    return in_bytes(to.result.stride, item_size(to.element));
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    PyObject *loops, *steps, *shapes, *result, *report;
    int character;
    Py_ssize_t size;
    static const char* const NAMES[] = {"char", "loops",  "steps",  "shapes",
                                        "size", "result", "report", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "COOOnOO:Network", const_cast<char**>(NAMES), &character,
                                     &loops, &steps, &shapes, &size, &result, &report)) {
        return nullptr;
    }
    PyObject* object = type->tp_alloc(type, 0);
    if (object == nullptr) {
        return nullptr;
    }
    Network* self = reinterpret_cast<Network*>(object);
    self->vectorcall = call_network;
    self->report = Py_NewRef(report);
    try {
        self->program = new NetworkProgram{};
        self->shapes = new std::vector<npy_intp>;
        self->ndims = new std::vector<int>;
        NetworkProgram& program = *self->program;
        bool good = choose_element(character, self->type, program.element);
        if (good && (size < 0 || size > (Py_ssize_t{1} << 44))) {
            PyErr_Format(PyExc_ValueError, "size is %zd, expected elements of a buffer", size);
            good = false;
        }
        if (good) {
            program.size = size * item_size(program.element);
            good = read_loops(loops, program) && read_steps(steps, program) && read_shapes(shapes, self) &&
                   read_result(result, program);
        }
        const char* wrong = good ? complete_program(program) : nullptr;
        if (wrong != nullptr) {
            PyErr_SetString(PyExc_ValueError, wrong);
        }
        if (good && wrong == nullptr) {
            return object;
        }
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    }
    Py_DECREF(object);
    return nullptr;
}

PyObject* attempt(PyObject* self, PyObject* const* args, Py_ssize_t count) {
    return attempt_network(self, args, count);
}

int traverse(PyObject* object, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(reinterpret_cast<Network*>(object)->report);
    return 0;
}

int clear(PyObject* object) {
    Py_CLEAR(reinterpret_cast<Network*>(object)->report);
    return 0;
}

void release(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    clear(object);
    Network* self = reinterpret_cast<Network*>(object);
    delete self->program;
    delete self->shapes;
    delete self->ndims;
    type->tp_free(object);
    Py_DECREF(type);
}

PyObject* use_blas(PyObject*, PyObject* given) {
    const char* path = PyUnicode_AsUTF8(given);
    return path == nullptr ? nullptr : PyBool_FromLong(find_blas(path));
}

const char DOC[] =
    "Network(char, loops, steps, shapes, size, result, report)\n--\n\n"
    "A network of arrays of known shapes and dtype, contracted in one buffer of ``size`` elements.";

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Network, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyMethodDef methods[] = {
    {"attempt", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(attempt)), METH_FASTCALL,
     "attempt(*arrays)\n--\n\nThe result; NotImplemented where the arrays are not those that it was bound "
     "for."},
    {nullptr, nullptr, 0, nullptr},
};

PyMethodDef functions[] = {
    {"use_blas", use_blas, METH_O,
     "use_blas(path, /)\n--\n\nLook for BLAS in what NumPy's extension module is linked to; whether it is "
     "there."},
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
    "einroute._native._core.Network",
    sizeof(Network),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

} // namespace

int add_network(PyObject* module) {
    PyObject* type = PyType_FromModuleAndSpec(module, &spec, nullptr);
    if (type == nullptr) {
        return -1;
    }
    const int result = PyModule_AddType(module, reinterpret_cast<PyTypeObject*>(type));
    Py_DECREF(type);
    return result < 0 ? -1 : PyModule_AddFunctions(module, functions);
}

} // namespace einroute
