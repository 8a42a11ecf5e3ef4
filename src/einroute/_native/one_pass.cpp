#include "one_pass.hpp"

#include "array_arguments.hpp"
#include "object.hpp"
#include "passing.hpp"
#include "pool.hpp"
#include "sequences.hpp"

#include <cstddef>

namespace einroute {

namespace {

constexpr int MOST_LABELS = 64;

PyTypeObject* one_pass_type = nullptr;

// The labels of an array, by number; which axis has a label, -1 if none has; and the array's shape.
struct Labels {
    int count;
    int label[MOST_LABELS], axis[MOST_LABELS];
    npy_intp shape[MOST_LABELS];
};

struct OnePass {
    Held report;
    int type, threads, arrays, labels;
    char character;
    npy_intp item;
    npy_intp sizes[MOST_LABELS];
    int loops[MOST_LABELS]; // outermost first
    Labels x[BOX_OPERANDS], out;
    npy_intp strides[MOST_LABELS]; // of a fresh result

    template <class Visit> void references(const Visit& visit) { visit(report.object); }

    // As `call_arrays` asks for them.
    int operands() const { return arrays; }
    PyObject* fresh() const { return empty(type, out.count, out.shape, strides); }
    bool fits(PyObject* given, int operand) const {
        return is_expected(given, type, x[operand].count, x[operand].shape, "an operand");
    }
    bool fits_result(PyObject* given) const { return is_expected(given, type, out.count, out.shape, "out"); }
    bool run(const Operands& given, PyArrayObject* to, int& flags) const;
};

bool read_labels(const OnePass& self, PyObject* given, const char* name, Labels& to) {
    to.count = read_different(given, name, self.labels, to.label);
    for (int& axis : to.axis) {
        axis = -1;
    }
    for (int i = 0; i < to.count; ++i) {
        to.axis[to.label[i]] = i;
        to.shape[i] = self.sizes[to.label[i]];
    }
    return to.count >= 0;
}

bool read_operands(OnePass& self, PyObject* given) {
    const Py_ssize_t count = read_items(given, "operands", [&](Py_ssize_t i, PyObject* item) {
        if (i == BOX_OPERANDS) {
            PyErr_Format(PyExc_ValueError, "operands: expected %d at most", BOX_OPERANDS);
            return false;
        }
        return read_labels(self, item, "an operand", self.x[i]);
    });
    if (count == 0) {
        PyErr_SetString(PyExc_ValueError, "operands: expected 1 at least");
    }
    self.arrays = static_cast<int>(count);
    return count > 0;
}

// Whether each label is one of an operand, and what a pass counts does not overflow.
bool sound(const OnePass& self) {
    double iterations = 1;
    for (int c = 0; c < self.labels; ++c) {
        bool found = false;
        for (int k = 0; k < self.arrays; ++k) {
            found = found || self.x[k].axis[c] >= 0;
        }
        iterations *= static_cast<double>(self.sizes[c]);
        if (!found || iterations > 1e18) {
            PyErr_SetString(PyExc_ValueError,
                            found ? "more iterations than can be counted" : "a label is one of no operand");
            return false;
        }
    }
    return true;
}

bool read_type(OnePass& self, int character) {
    if (character > 127 || kernels_of(static_cast<char>(character)) == nullptr) {
        PyErr_Format(PyExc_ValueError, "no kernel for dtype character %c", character);
        return false;
    }
    self.character = static_cast<char>(character);
    PyArray_Descr* descr = PyArray_DescrFromType(character);
    if (descr == nullptr) {
        return false;
    }
    self.type = descr->type_num;
    self.item = PyDataType_ELSIZE(descr);
    Py_DECREF(descr);
    return true;
}

bool read_loops(OnePass& self, PyObject* given) {
    const int count = read_different(given, "loops", self.labels, self.loops);
    if (count >= 0 && count != self.labels) {
        PyErr_SetString(PyExc_ValueError, "loops does not name each label once");
    }
    return count == self.labels;
}

std::ptrdiff_t stride(PyArrayObject* x, const Labels& labels, int label) {
    return labels.axis[label] < 0 ? 0 : PyArray_STRIDE(x, labels.axis[label]);
}

bool OnePass::run(const Operands& given, PyArrayObject* to, int& flags) const {
    Nest nest;
    nest.operands = arrays;
    nest.item = item;
    nest.out = PyArray_BYTES(to);
    nest.count = labels;
    for (int k = 0; k < arrays; ++k) {
        nest.x[k] = PyArray_BYTES(given[k]);
    }
    for (int i = 0; i < labels; ++i) {
        const int c = loops[i];
        Loop& loop = nest.loops[i];
        loop = {sizes[c], {0}, stride(to, out, c), out.axis[c] < 0};
        for (int k = 0; k < arrays; ++k) {
            loop.x[k] = stride(given[k], x[k], c);
        }
    }
    simplify(nest);
    return pass(nest, *kernels_of(character), threads, flags);
}

PyObject* call(PyObject* object, PyObject* const* args, size_t nargsf, PyObject* names) {
    return call_told<Operands>(state_of<OnePass>(object), args, PyVectorcall_NARGS(nargsf), names);
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
    return make_object<OnePass>(type, call, [&](OnePass& self) {
        self.report.object = Py_NewRef(report);
        self.threads = threads;
        if (!read_type(self, character)) {
            return false;
        }
        self.labels = read_integers(sizes, "sizes", 1, NPY_MAX_INTP, MOST_LABELS, self.sizes);
        return self.labels >= 0 && read_operands(self, operands) && sound(self) &&
               read_labels(self, output, "output", self.out) &&
               read_layout(layout, self.out.count, self.out.shape, self.item, self.strides) &&
               read_loops(self, loops);
    });
}

const char DOC[] = "OnePass(char, sizes, operands, output, layout, loops, threads, report)\n--\n\n"
                   "A sum of products, formed whole, in one pass over up to four arrays of known shapes and "
                   "dtype: called with them, and perhaps ``out``.";

} // namespace

bool is_one_pass(PyObject* object) {
    return Py_TYPE(object) == one_pass_type;
}

PyObject* call_one_pass(PyObject* object, PyObject* const* args, Py_ssize_t count, PyObject* names,
                        int& flags) {
    return call_arrays<Operands>(state_of<OnePass>(object), args, count, names, flags);
}

int add_one_pass(PyObject* module) {
    TypeParts parts{"einroute._native._core.OnePass", make};
    parts.doc = DOC;
    one_pass_type = add_type<OnePass>(module, parts);
    return one_pass_type == nullptr ? -1 : 0;
}

} // namespace einroute
