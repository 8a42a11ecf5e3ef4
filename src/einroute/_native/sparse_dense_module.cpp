#include "sparse_dense_module.hpp"

#include "sparse_dense.hpp"
#include "sparse_parts.hpp"

namespace einroute {

namespace {

bool fits(PyArrayObject* indptr, PyArrayObject* indices, PyArrayObject* data, PyArrayObject* x,
          PyArrayObject* y, bool by_rows) {
    const int ndim = PyArray_NDIM(x);
    return is_plain_vector(reinterpret_cast<PyObject*>(indptr)) &&
           is_plain_vector(reinterpret_cast<PyObject*>(indices)) &&
           is_plain_vector(reinterpret_cast<PyObject*>(data)) && are_indices(indptr, indices) && ndim >= 1 &&
           ndim == PyArray_NDIM(y) && ndim - 1 <= SPARSE_FREE &&
           PyArray_CompareLists(PyArray_DIMS(x) + 1, PyArray_DIMS(y) + 1, ndim - 1) &&
           PyArray_EquivTypenums(PyArray_TYPE(data), PyArray_TYPE(x)) &&
           PyArray_EquivTypenums(PyArray_TYPE(data), PyArray_TYPE(y)) && PyArray_ISNOTSWAPPED(x) &&
           PyArray_ISNOTSWAPPED(y) && PyArray_DIM(indptr, 0) == PyArray_DIM(by_rows ? y : x, 0) + 1;
}

PyObject* multiply_compressed(PyObject*, PyObject* args) {
    PyArrayObject *indptr, *indices, *data, *x, *y;
    int by_rows, threads;
    if (!PyArg_ParseTuple(args, "O!O!O!pO!O!i:multiply_compressed", &PyArray_Type, &indptr, &PyArray_Type,
                          &indices, &PyArray_Type, &data, &by_rows, &PyArray_Type, &x, &PyArray_Type, &y,
                          &threads)) {
        return nullptr;
    }
    if (!fits(indptr, indices, data, x, y, by_rows != 0)) {
        PyErr_SetString(PyExc_ValueError, "the arrays do not fit each other");
        return nullptr;
    }
    if (PyArray_FailUnlessWriteable(y, "y") < 0) {
        return nullptr;
    }
    const char character = PyArray_DESCR(data)->type;
    if (!has_sparse_kernels(character)) {
        PyErr_Format(PyExc_ValueError, "no kernels for dtype %c", character);
        return nullptr;
    }
    const npy_intp there = PyArray_DIM(indices, 0), values = PyArray_DIM(data, 0);
    SparseDense p;
    p.character = character;
    p.wide = PyArray_ITEMSIZE(indices) == 8;
    p.by_rows = by_rows != 0;
    p.cleared = false;
    p.rows = PyArray_DIM(y, 0);
    p.columns = PyArray_DIM(x, 0);
    p.a = {PyArray_DATA(indptr), PyArray_DATA(indices), PyArray_BYTES(data), there < values ? there : values,
           p.by_rows ? p.columns : p.rows};
    p.x = PyArray_BYTES(x);
    p.x_by = PyArray_STRIDE(x, 0);
    p.y = PyArray_BYTES(y);
    p.y_by = PyArray_STRIDE(y, 0);
    p.free = PyArray_NDIM(x) - 1;
    for (int i = 0; i < p.free; ++i) {
        p.size[i] = PyArray_DIM(x, i + 1);
        p.x_step[i] = PyArray_STRIDE(x, i + 1);
        p.y_step[i] = PyArray_STRIDE(y, i + 1);
    }
    switch (p.columns == 0 ? Multiplied::Done : multiply(p, threads)) {
    case Multiplied::Done:
    case Multiplied::Finite:
        Py_RETURN_TRUE;
    case Multiplied::Unsound:
        Py_RETURN_FALSE;
    default:
        return nullptr;
    }
}

PyMethodDef methods[] = {
    {"multiply_compressed", multiply_compressed, METH_VARARGS,
     "multiply_compressed(indptr, indices, data, by_rows, x, y, threads, /)\n--\n\n"
     "y[i, ...] += sum of a[i, j] * x[j, ...] for a matrix whose rows, or columns, are compressed; y holds "
     "zeros\n"
     "where it is columns.\n"
     "False where its pointers decrease or an index is out of range: the result is no product then."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_sparse_dense(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
