#include "product.hpp"

#include "array_arguments.hpp"
#include "float_status.hpp"
#include "object.hpp"
#include "product_object.hpp"
#include "sequences.hpp"

namespace einroute {

namespace {

// Multiply-adds from which the GIL is released, some 10 us: what it takes to give it up and to have it again,
// and to arrange each call anew, is nothing then.
constexpr double RELEASED = 100000;
// Multiply-adds between two looks for signals, at most: a tenth of a second.
constexpr double LONGEST = 1 << 26;
// Bytes of a kernel's workspace that lie on the stack.
constexpr std::size_t ON_STACK = 16384;

PyTypeObject* product_type = nullptr;

npy_intp stride(const npy_intp* strides, int axis) {
    return axis < 0 ? 0 : strides[axis];
}

// The axes of a problem from the strides of its arrays.
void describe(const Product& self, const npy_intp* a, const npy_intp* b, const npy_intp* out,
              Problem& problem) {
    problem.count = 0;
    bool lanes = false;
    for (int i = 0; i < self.count; ++i) {
        const Bound& axis = self.axes[i];
        lanes = lanes || axis.role != Role::Sum;
        problem.axes[problem.count++] = {axis.role, self.size_of(axis), stride(a, axis.a), stride(b, axis.b),
                                         stride(out, axis.out)};
    }
    if (!lanes) { // a dot product has an axis of length 1
        problem.axes[problem.count++] = {Role::Loop, 1, 0, 0, 0};
    }
}

// Runs a kernel, in pieces of the longest loop where it takes long: each element of the result is summed in
// the same order. False with an exception set if a signal's handler raised one in between.
bool run_pieces(Kernel kernel, Problem& problem, double products, PyThreadState*& state, int& flags) {
    Axis* longest = nullptr;
    for (int i = 0; i < problem.count; ++i) {
        Axis& axis = problem.axes[i];
        if (axis.role == Role::Loop && (longest == nullptr || axis.size > longest->size)) {
            longest = &axis;
        }
    }
    const std::ptrdiff_t whole = longest == nullptr ? 1 : longest->size;
    std::ptrdiff_t piece = whole;
    if (products > LONGEST) {
        piece = static_cast<std::ptrdiff_t>(LONGEST / (products / static_cast<double>(whole)));
        piece = piece < 1 ? 1 : piece;
    }
    for (std::ptrdiff_t from = 0; from < whole; from += piece) {
        if (longest != nullptr) {
            longest->size = from + piece < whole ? piece : whole - from;
        }
        clear_status();
        kernel(problem);
        flags |= read_status();
        if (from + piece < whole) {
            PyEval_RestoreThread(state);
            const bool good = PyErr_CheckSignals() == 0;
            state = good ? PyEval_SaveThread() : nullptr;
            if (!good) {
                return false;
            }
            problem.a += piece * longest->a;
            problem.b += piece * longest->b;
            problem.out += piece * longest->out;
        }
    }
    return true;
}

PyObject* call(PyObject* object, PyObject* const* args, size_t nargsf, PyObject* names) {
    return call_told<Operands>(state_of<Product>(object), args, PyVectorcall_NARGS(nargsf), names);
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    PyObject *a, *b, *out, *axes, *layout, *report;
    int character;
    static const char* const NAMES[] = {"char", "a", "b", "out", "axes", "layout", "report", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "COOOOOO:Product", const_cast<char**>(NAMES), &character,
                                     &a, &b, &out, &axes, &layout, &report)) {
        return nullptr;
    }
    return make_object<Product>(type, call, [&](Product& self) {
        self.report.object = Py_NewRef(report);
        return read_product(self, character, a, b, out, axes, layout);
    });
}

PyObject* instructions(PyObject* object, PyObject* args) {
    const Product& self = state_of<Product>(object);
    PyObject *a, *b;
    npy_intp of_a[MAX_AXES], of_b[MAX_AXES];
    if (!PyArg_ParseTuple(args, "OO:instructions", &a, &b) ||
        !read_count(a, "strides", NPY_MIN_INTP, NPY_MAX_INTP, self.a.ndim, of_a) ||
        !read_count(b, "strides", NPY_MIN_INTP, NPY_MAX_INTP, self.b.ndim, of_b)) {
        return nullptr;
    }
    Problem problem;
    describe(self, of_a, of_b, self.strides, problem);
    return PyFloat_FromDouble((kernels().*(self.kernel->price))(problem));
}

const char DOC[] =
    "Product(char, a, b, out, axes, layout, report)\n--\n\n"
    "A product of two arrays of known shapes and dtype: called with them, and perhaps ``out``.";

PyMethodDef methods[] = {
    {"instructions", instructions, METH_VARARGS,
     "instructions(a, b, /)\n--\n\nAbout how many instructions it takes, of operands of these strides."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

PyObject* Product::fresh() const {
    PyArray_Descr* descr = PyArray_DescrFromType(type);
    return descr == nullptr ? nullptr
                            : PyArray_NewFromDescr(&PyArray_Type, descr, out.ndim, out.sizes, strides,
                                                   nullptr, 0, nullptr);
}

bool Product::fits(PyObject* x, int operand) const {
    const Shape& shape = operand == 0 ? a : b;
    return is_expected(x, type, shape.ndim, shape.sizes,
                       operand == 0 ? "the first operand" : "the second operand");
}

bool Product::fits_result(PyObject* x) const {
    return is_expected(x, type, out.ndim, out.sizes, "out");
}

// Under the GIL, in one piece.
void Product::run_small(const Operands& given, PyArrayObject* to, void* workspace) const {
    const npy_intp *of_a = PyArray_STRIDES(given[0]), *of_b = PyArray_STRIDES(given[1]),
                   *of_out = PyArray_STRIDES(to);
    bool same = known.begin();
    same = known.next(of_a, a.ndim) && same;
    same = known.next(of_b, b.ndim) && same;
    if (!known.next(of_out, out.ndim) || !same) {
        Problem problem;
        describe(*this, of_a, of_b, of_out, problem);
        (kernels().*(kernel->arrange))(problem, way.room(), way.arranged);
    }
    (kernels().*(kernel->run))(way.arranged, PyArray_BYTES(given[0]), PyArray_BYTES(given[1]),
                               PyArray_BYTES(to), workspace);
}

// Without the GIL.
bool Product::run_large(const Operands& given, PyArrayObject* to, void* workspace, int& flags) const {
    Problem problem;
    problem.a = PyArray_BYTES(given[0]);
    problem.b = PyArray_BYTES(given[1]);
    problem.out = PyArray_BYTES(to);
    problem.work = workspace;
    describe(*this, PyArray_STRIDES(given[0]), PyArray_STRIDES(given[1]), PyArray_STRIDES(to), problem);
    PyThreadState* state = PyEval_SaveThread();
    const bool ended = !run_pieces(kernels().*(kernel->whole), problem, products, state, flags);
    if (state != nullptr) {
        PyEval_RestoreThread(state);
    }
    return !ended;
}

bool Product::run(const Operands& given, PyArrayObject* to, int& flags) const {
    alignas(32) char stack[ON_STACK];
    const std::unique_ptr<void, void (*)(void*)> heap(work > ON_STACK ? PyMem_RawMalloc(work) : nullptr,
                                                      PyMem_RawFree);
    if (work > ON_STACK && heap == nullptr) {
        PyErr_NoMemory();
        return false;
    }
    void* workspace = heap == nullptr ? stack : heap.get();
    if (products >= RELEASED) {
        return run_large(given, to, workspace, flags);
    }
    clear_status();
    run_small(given, to, workspace);
    flags |= read_status();
    return true;
}

bool is_product(PyObject* object) {
    return Py_TYPE(object) == product_type;
}

PyObject* call_product(PyObject* object, PyObject* const* args, Py_ssize_t count, PyObject* names,
                       int& flags) {
    return call_arrays<Operands>(state_of<Product>(object), args, count, names, flags);
}

int add_product(PyObject* module) {
    TypeParts parts{"einroute._native._core.Product", make};
    parts.doc = DOC;
    parts.methods = methods;
    product_type = add_type<Product>(module, parts);
    return product_type == nullptr ? -1 : 0;
}

} // namespace einroute
