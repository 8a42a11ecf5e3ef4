#include "copies.hpp"

#include "passing.hpp"

#include <cstddef>

namespace einroute {

namespace {

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

int add_copies(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
