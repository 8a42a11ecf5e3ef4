#include "sparse_product.hpp"

#include "finite.hpp"
#include "float_status.hpp"
#include "sparse_classes.hpp"
#include "sparse_loops.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace einroute {

namespace {

constexpr int MOST = 32; // axes of the dense operand

PyTypeObject* product_type = nullptr;
PyObject *name_data = nullptr, *name_indices = nullptr, *name_indptr = nullptr;

// The dense operand has one axis along the columns of the sparse one, and others that are free. The result
// has the free axes in the same order, before or behind its rows.
struct Product {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject* fallback; // answers what is not as expected, and says what is wrong with it
    SparseLoops loops;
    int type;
    int sparse; // which of both operands is the sparse one
    npy_intp rows, columns;
    bool turned, fortran, floating; // turned: the rows are the sparse operand's second axis
    int ndim, column;               // of the dense operand, and which of its axes is the columns'
    npy_intp shape[MOST];           // of the dense operand
    int row;                        // which axis of the result is the rows'
    npy_intp out_shape[MOST];
    npy_intp width;
};

Product* self_of(PyObject* object) {
    return reinterpret_cast<Product*>(object);
}

// A part of a sparse operand, if it is a plain vector; null without an exception where it is not.
PyArrayObject* part(PyObject* operand, PyObject* name) {
    PyObject* found = PyObject_GetAttr(operand, name);
    if (found == nullptr) {
        PyErr_Clear();
        return nullptr;
    }
    if (!PyArray_CheckExact(found) || PyArray_NDIM(reinterpret_cast<PyArrayObject*>(found)) != 1 ||
        !PyArray_ISCARRAY_RO(reinterpret_cast<PyArrayObject*>(found))) {
        Py_DECREF(found);
        return nullptr;
    }
    return reinterpret_cast<PyArrayObject*>(found);
}

bool is_index(PyArrayObject* x) {
    const int type = PyArray_TYPE(x);
    return PyTypeNum_ISSIGNED(type) && (PyArray_ITEMSIZE(x) == 4 || PyArray_ITEMSIZE(x) == 8);
}

// The parts of the sparse operand, held while the loops run.
struct Parts {
    PyArrayObject *indptr, *indices, *data;

    explicit Parts(PyObject* operand)
        : indptr(part(operand, name_indptr)), indices(part(operand, name_indices)),
          data(part(operand, name_data)) {}
    ~Parts() {
        Py_XDECREF(indptr);
        Py_XDECREF(indices);
        Py_XDECREF(data);
    }
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;

    bool fit(const Product* self, bool by_rows) const {
        return indptr != nullptr && indices != nullptr && data != nullptr && is_index(indptr) &&
               is_index(indices) && PyArray_ITEMSIZE(indptr) == PyArray_ITEMSIZE(indices) &&
               PyArray_TYPE(data) == self->type &&
               PyArray_DIM(indptr, 0) == (by_rows ? self->rows : self->columns) + 1;
    }

    // Entries that there are both indices and values of.
    npy_intp entries() const {
        const npy_intp i = PyArray_DIM(indices, 0), d = PyArray_DIM(data, 0);
        return i < d ? i : d;
    }
};

bool fits(const Product* self, PyObject* given) {
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(given);
    return PyArray_CheckExact(given) && PyArray_TYPE(x) == self->type && PyArray_ISBEHAVED_RO(x) &&
           PyArray_NDIM(x) == self->ndim && PyArray_CompareLists(PyArray_DIMS(x), self->shape, self->ndim);
}

// The stride of the free axes as one; false where they do not lie so.
bool fused(const npy_intp* shape, const npy_intp* strides, int ndim, int without, npy_intp& stride) {
    npy_intp reach = 0;
    stride = 0;
    for (int i = ndim - 1; i >= 0; --i) {
        if (i == without || shape[i] == 1) {
            continue;
        }
        if (reach == 0) {
            stride = strides[i];
        } else if (strides[i] != reach) {
            return false;
        }
        reach = strides[i] * shape[i];
        if (reach == 0) { // of stride 0 all are one
            return false;
        }
    }
    return true;
}

bool is_finite(const Product* self, PyArrayObject* out) {
    if (!self->floating) {
        return true;
    }
    const bool single = self->type == NPY_FLOAT || self->type == NPY_CFLOAT;
    return all_finite(PyArray_BYTES(out), PyArray_NBYTES(out) / (single ? 4 : 8), single);
}

// The result; null without an exception where the fallback has to answer.
PyArrayObject* multiplied(const Product* self, PyObject* sparse, PyObject* dense) {
    const Format format = format_of(sparse);
    if (format != Format::Rows && format != Format::Columns) {
        return nullptr;
    }
    const bool by_rows = (format == Format::Rows) != self->turned;
    const Parts parts(sparse); // asked of Python, and so before the dense operand is looked at
    if (!parts.fit(self, by_rows) || !fits(self, dense)) {
        return nullptr;
    }
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(dense);
    einroute::SparseProduct p;
    npy_intp x_by_free, out_by_free;
    if (!fused(self->shape, PyArray_STRIDES(x), self->ndim, self->column, x_by_free)) {
        return nullptr;
    }
    PyArrayObject* out = reinterpret_cast<PyArrayObject*>(
        PyArray_ZEROS(self->ndim, const_cast<npy_intp*>(self->out_shape), self->type, self->fortran));
    if (out == nullptr) {
        return nullptr;
    }
    if (!fused(self->out_shape, PyArray_STRIDES(out), self->ndim, self->row, out_by_free)) {
        Py_DECREF(out);
        return nullptr;
    }
    p.rows = self->rows;
    p.columns = self->columns;
    p.width = self->width;
    p.by_rows = by_rows;
    p.wide = PyArray_ITEMSIZE(parts.indices) == 8;
    p.indptr = PyArray_DATA(parts.indptr);
    p.indices = PyArray_DATA(parts.indices);
    p.entries = parts.entries();
    p.data = PyArray_BYTES(parts.data);
    p.x = PyArray_BYTES(x);
    p.x_by_column = PyArray_STRIDE(x, self->column);
    p.x_by_free = x_by_free;
    p.out = PyArray_BYTES(out);
    p.out_by_row = PyArray_STRIDE(out, self->row);
    p.out_by_free = out_by_free;
    const bool sound = self->loops(p);
    clear_status();
    if (!sound || !is_finite(self, out)) {
        Py_CLEAR(out);
    }
    return out;
}

PyObject* result(const Product* self, PyObject* const* operands) {
    PyArrayObject* out = multiplied(self, operands[self->sparse], operands[1 - self->sparse]);
    if (out != nullptr || PyErr_Occurred()) {
        return reinterpret_cast<PyObject*>(out);
    }
    return PyObject_Vectorcall(self->fallback, operands, 2, nullptr);
}

PyObject* call(PyObject* object, PyObject* const* args, size_t nargsf, PyObject* names) {
    const Product* self = self_of(object);
    if (PyVectorcall_NARGS(nargsf) != 2 || names != nullptr) { // `out`, or what is wrong
        return PyObject_Vectorcall(self->fallback, args, nargsf, names);
    }
    return result(self, args);
}

// Reads the dense operand's shape, which of its axes is the columns', and which axis of the result the rows'.
bool lay_out(Product* self, PyObject* shape) {
    PyArray_Dims dims = {nullptr, 0};
    if (!PyArray_IntpConverter(shape, &dims)) {
        return false;
    }
    self->ndim = dims.len;
    const bool good = dims.len <= MOST && self->column >= 0 && self->column < dims.len && self->row >= 0 &&
                      self->row < dims.len && dims.ptr[self->column] == self->columns && self->rows >= 0;
    self->width = 1;
    int to = 0;
    for (int i = 0; good && i < dims.len; ++i) {
        self->shape[i] = dims.ptr[i];
        if (i == self->column) {
            continue;
        }
        to += to == self->row;
        self->out_shape[to++] = dims.ptr[i];
        self->width *= dims.ptr[i];
    }
    if (good) {
        self->out_shape[self->row] = self->rows;
    }
    PyDimMem_FREE(dims.ptr);
    if (!good) {
        PyErr_SetString(PyExc_ValueError, "the dense operand does not fit the sparse one");
    }
    return good;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    static const char* const NAMES[] = {"fallback", "char",   "sparse", "turned",  "rows", "columns",
                                        "shape",    "column", "row",    "fortran", nullptr};
    PyObject *fallback, *shape;
    int character, sparse, turned, column, row, fortran = 0;
    Py_ssize_t rows, columns;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OCipnnOii|p:SparseProduct", const_cast<char**>(NAMES),
                                     &fallback, &character, &sparse, &turned, &rows, &columns, &shape,
                                     &column, &row, &fortran)) {
        return nullptr;
    }
    const SparseLoops loops = character < 128 ? find_sparse_loops(static_cast<char>(character)) : nullptr;
    if (loops == nullptr || (sparse != 0 && sparse != 1)) {
        PyErr_Format(PyExc_ValueError, "no loops for dtype %c, or sparse is not 0 or 1", character);
        return nullptr;
    }
    PyArray_Descr* descr = PyArray_DescrFromType(character);
    PyObject* object = descr == nullptr ? nullptr : type->tp_alloc(type, 0);
    if (object == nullptr) {
        Py_XDECREF(descr);
        return nullptr;
    }
    Product* self = self_of(object);
    self->vectorcall = call;
    self->fallback = Py_NewRef(fallback);
    self->loops = loops;
    self->type = descr->type_num;
    self->floating = PyTypeNum_ISFLOAT(descr->type_num) || PyTypeNum_ISCOMPLEX(descr->type_num);
    Py_DECREF(descr);
    self->sparse = sparse;
    self->turned = turned != 0;
    self->rows = rows;
    self->columns = columns;
    self->column = column;
    self->row = row;
    self->fortran = fortran != 0;
    if (!lay_out(self, shape)) {
        Py_CLEAR(object);
    }
    return object;
}

int traverse(PyObject* object, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self_of(object)->fallback);
    return 0;
}

void release(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_XDECREF(self_of(object)->fallback);
    type->tp_free(object);
    Py_DECREF(type);
}

const char DOC[] =
    "SparseProduct(fallback, char, sparse, turned, rows, columns, shape, column, row, fortran=False)\n--\n\n"
    "A matrix of scipy.sparse whose rows, or columns, are compressed, by a dense array of a shape: called "
    "with\n"
    "both. What is not as expected, and what is not finite, is the fallback's to answer.";

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Product, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>(DOC)},
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_dealloc, reinterpret_cast<void*>(release)},
    {Py_tp_members, members},
    {0, nullptr},
};

PyType_Spec spec = {
    "einroute._native._core.SparseProduct",
    sizeof(Product),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

} // namespace

bool is_sparse_product(PyObject* object) {
    return Py_TYPE(object) == product_type;
}

PyObject* multiply_sparse(PyObject* product, PyObject* const* operands, Py_ssize_t) {
    return result(self_of(product), operands);
}

int add_sparse_product(PyObject* module) {
    name_data = PyUnicode_InternFromString("data");
    name_indices = PyUnicode_InternFromString("indices");
    name_indptr = PyUnicode_InternFromString("indptr");
    if (name_data == nullptr || name_indices == nullptr || name_indptr == nullptr) {
        return -1;
    }
    product_type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
    return product_type == nullptr ? -1 : PyModule_AddType(module, product_type);
}

} // namespace einroute
