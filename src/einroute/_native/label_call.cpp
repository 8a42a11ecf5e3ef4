#include "label_call.hpp"

#include "finite.hpp"
#include "label_arguments.hpp"
#include "label_look_ups.hpp"
#include "label_sums.hpp"
#include "object.hpp"
#include "pool.hpp"

namespace einroute {

namespace {

PyObject* labels_name = nullptr;

enum class Work { Count, Sum, Take };

// A call of a one-hot, whose labels are a vector, and perhaps of an array of one or two axes.
struct LabelCall {
    Held fallback; // answers what is not as expected, and says what is wrong with it
    Work work;
    char character;
    int type, threads, hot; // hot: which operand is the one-hot
    bool looks;             // whether a sum that is not finite is the fallback's
    npy_intp places, depth;
    int ndim; // of the array, 0 where there is none
    npy_intp shape[2];

    template <class Visit> void references(const Visit& visit) { visit(fallback.object); }
};

bool read_vector(const LabelCall& self, PyObject* labels, Places& p) {
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(labels);
    if (!PyArray_CheckExact(labels) || PyArray_NDIM(x) != 1 || PyArray_DIM(x, 0) != self.places ||
        !PyTypeNum_ISINTEGER(PyArray_TYPE(x)) || !PyArray_ISNOTSWAPPED(x)) {
        return false;
    }
    p.ndim = p.count = 1;
    p.shape[0] = p.size = self.places;
    p.steps[0] = 0;
    Labels& own = p.labels[0];
    own.data = PyArray_BYTES(x);
    own.strides[0] = PyArray_STRIDE(x, 0);
    own.size = static_cast<int>(PyArray_ITEMSIZE(x));
    own.is_signed = PyTypeNum_ISSIGNED(PyArray_TYPE(x)) != 0;
    own.length = static_cast<std::uint64_t>(self.depth);
    own.scale = 1;
    return true;
}

bool fits(const LabelCall& self, PyObject* given) {
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(given);
    return PyArray_CheckExact(given) && PyArray_TYPE(x) == self.type && PyArray_ISNOTSWAPPED(x) &&
           PyArray_NDIM(x) == self.ndim && PyArray_CompareLists(PyArray_DIMS(x), self.shape, self.ndim) &&
           (self.work != Work::Take || PyArray_IS_C_CONTIGUOUS(x));
}

bool is_finite(const LabelCall& self, PyArrayObject* out) {
    const bool single = self.type == NPY_FLOAT || self.type == NPY_CFLOAT;
    return all_finite(PyArray_BYTES(out), PyArray_NBYTES(out) / (single ? 4 : 8), single);
}

// The result; null without an exception where the fallback has to answer.
PyObject* made(const LabelCall& self, PyObject* const* args) {
    const Held labels(PyObject_GetAttr(args[self.hot], labels_name));
    Places p;
    if (!labels || !read_vector(self, labels.object, p)) {
        PyErr_Clear();
        return nullptr;
    }
    if (self.work == Work::Count) {
        return count_at_labels(p, self.depth, self.character, self.threads);
    }
    PyObject* const other = args[1 - self.hot];
    if (!fits(self, other)) {
        return nullptr;
    }
    PyArrayObject* const x = reinterpret_cast<PyArrayObject*>(other);
    npy_intp shape[] = {self.work == Work::Take ? self.places : self.depth, self.shape[1]};
    Held out(self.work == Work::Take ? empty(self.type, self.ndim, shape, nullptr)
                                     : PyArray_ZEROS(self.ndim, shape, self.type, 0));
    if (!out) {
        return nullptr;
    }
    const npy_intp width = self.ndim == 2 ? self.shape[1] : 1;
    const bool good = self.work == Work::Take ? take_at_labels(p, width, x, out.array(), self.threads)
                                              : add_at_labels(p, x, out.array(), self.threads);
    return good && (!self.looks || is_finite(self, out.array())) ? out.release() : nullptr;
}

PyObject* call(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names) {
    const LabelCall& self = state_of<LabelCall>(object);
    if (PyVectorcall_NARGS(nargsf) == (self.ndim == 0 ? 1 : 2) && names == nullptr) {
        PyObject* result = made(self, args);
        if (result != nullptr || PyErr_Occurred()) {
            return result;
        }
    }
    return PyObject_Vectorcall(self.fallback.object, args, nargsf, names);
}

// Reads the array's shape: a row for each place or class.
bool lay_out(LabelCall& self, PyObject* shape) {
    PyArray_Dims dims = {nullptr, 0};
    if (!PyArray_IntpConverter(shape, &dims)) {
        return false;
    }
    const npy_intp rows = self.work == Work::Take ? self.depth : self.places;
    bool good = self.work == Work::Count ? dims.len == 0 : dims.len == 1 || dims.len == 2;
    good = good && (dims.len == 0 || dims.ptr[0] == rows);
    self.ndim = dims.len;
    for (int i = 0; good && i < dims.len; ++i) {
        self.shape[i] = dims.ptr[i];
        good = dims.ptr[i] > 0;
    }
    PyDimMem_FREE(dims.ptr);
    return good && self.places > 0 && self.depth > 0 && self.hot >= 0 && self.hot <= (self.ndim == 0 ? 0 : 1);
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    static const char* const NAMES[] = {"fallback", "work",  "char",    "hot",   "places",
                                        "depth",    "shape", "threads", "looks", nullptr};
    PyObject *fallback, *shape;
    int work, character, hot, threads, looks;
    Py_ssize_t places, depth;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OiCinnOip:LabelCall", const_cast<char**>(NAMES),
                                     &fallback, &work, &character, &hot, &places, &depth, &shape, &threads,
                                     &looks)) {
        return nullptr;
    }
    PyArray_Descr* descr = PyArray_DescrFromType(character);
    if (descr == nullptr) {
        return nullptr;
    }
    const int number = descr->type_num;
    Py_DECREF(descr);
    const bool known = work >= 0 && work <= 2 && character < 128 &&
                       label_loops(static_cast<char>(character)) != nullptr &&
                       (!looks || (number >= NPY_FLOAT && number <= NPY_CDOUBLE && number != NPY_LONGDOUBLE));
    return make_object<LabelCall>(type, call, [&](LabelCall& self) {
        self.fallback.object = Py_NewRef(fallback);
        self.work = static_cast<Work>(work);
        self.character = static_cast<char>(character);
        self.type = number;
        self.threads = threads;
        self.hot = hot;
        self.looks = looks != 0;
        self.places = places;
        self.depth = depth;
        self.shape[1] = 1;
        return (known && lay_out(self, shape)) || label_fault("no loops for this, or shapes that do not fit");
    });
}

const char DOC[] =
    "LabelCall(fallback, work, char, hot, places, depth, shape, threads, looks)\n--\n\n"
    "Counts, sums of rows or a look-up (work 0 to 2) by the labels of a one-hot, called with the\n"
    "operands. What is not as expected, and what is not finite if it looks, is the fallback's.";

} // namespace

int add_label_call(PyObject* module) {
    labels_name = PyUnicode_InternFromString("labels");
    TypeParts parts{"einroute._native._core.LabelCall", make};
    parts.doc = DOC;
    return labels_name != nullptr && add_type<LabelCall>(module, parts) != nullptr ? 0 : -1;
}

} // namespace einroute
