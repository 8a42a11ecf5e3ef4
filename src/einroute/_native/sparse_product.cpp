#include "sparse_product.hpp"

#include "finite.hpp"
#include "float_status.hpp"
#include "object.hpp"
#include "pool.hpp"
#include "sparse_compress.hpp"
#include "sparse_coordinates.hpp"
#include "sparse_dense.hpp"
#include "sparse_kept.hpp"
#include "sparse_parts.hpp"

#include <cstddef>
#include <cstdlib>

namespace einroute {

namespace {

constexpr int MOST = 32; // axes of the dense operand
// Entries, or rows, up to which coordinates are compressed for one call; or taken as given, by one vector.
constexpr npy_intp MANY = 1 << 14, MANY_GIVEN = 1 << 20;

PyTypeObject* product_type = nullptr;

// The dense operand has one axis along the columns of the sparse one, and others that are free. The result
// has the free axes in the same order, before or behind its rows.
struct Product {
    Held fallback; // answers what is not as expected, and says what is wrong with it
    char character;
    int type, threads;
    npy_intp few; // vectors up to which a matrix whose columns are compressed is taken as it is
    int sparse;   // which of both operands is the sparse one
    npy_intp rows, columns, extents[2]; // of the product, and of the operand as it is
    bool turned, fortran, floating;     // turned: the rows are the sparse operand's second axis
    int ndim, column;                   // of the dense operand, and which of its axes is the columns'
    npy_intp shape[MOST];               // of the dense operand
    int row;                            // which axis of the result is the rows'
    npy_intp out_shape[MOST];
    npy_intp width;

    template <class Visit> void references(const Visit& visit) { visit(fallback.object); }
};

// A matrix as the kernels take it; it holds what they read.
struct Matrix {
    Held indptr, indices, data;
    Memory made; // rows that were compressed for this call
    bool by_rows = true, wide = false, cleared = false;
    SparseLines lines{};
    bool as_given = false; // coordinates as they came, of a product with one vector
    Coordinates coordinates{};
    Format kept = Format::Rows; // blocks or diagonals, of such a product
    HeldBlocks blocks;
    HeldDiagonals diagonals;

    // Whether products are added to the result, one by one.
    bool adds() const { return as_given || kept != Format::Rows; }
};

// Rows by a counting sort of coordinates, whose lines are the rows.
bool compress_lines(const Product& self, const Coordinates& entries, Matrix& a) {
    const npy_intp values = entries.count * entries.item, pointers = (self.rows + 2) * 8;
    const npy_intp indices = entries.count * (entries.wide ? 8 : 4);
    a.made.reset(static_cast<char*>(std::malloc(static_cast<std::size_t>(values + pointers + indices + 1))));
    if (!a.made) {
        return false;
    }
    char *to_values = a.made.get(), *indptr = to_values + (values + 7) / 8 * 8,
         *to_indices = indptr + pointers - 8;
    a.wide = entries.wide;
    a.by_rows = true;
    a.lines = {indptr, to_indices, to_values, entries.count, self.columns};
    return compress(entries, self.rows, indptr, to_indices, to_values);
}

// Of entries that are compressed along the columns, those of the rows; false as `take_lines`, and of many,
// which is the fallback's to do: it remembers them.
bool turn_lines(const Product& self, Matrix& a) {
    const npy_intp count = a.lines.entries, item = PyArray_ITEMSIZE(a.data.array()), index = a.wide ? 8 : 4;
    if (count > MANY || self.rows > MANY || self.columns > MANY) {
        return false;
    }
    const Memory lines(static_cast<char*>(std::malloc(static_cast<std::size_t>(count * index + 1))));
    if (!lines || !number_lines(a.wide, a.lines.indptr, self.columns, count, lines.get())) {
        return false;
    }
    return compress_lines(self, {a.wide, a.lines.indices, lines.get(), a.lines.data, item, count}, a);
}

// Compressed lines as the kernels take them; false where they are not as expected.
bool take_lines(const Product& self, bool by_rows, Matrix& a) {
    if (!a.indptr || !a.indices || !a.data || !are_indices(a.indptr.array(), a.indices.array()) ||
        !PyArray_EquivTypenums(PyArray_TYPE(a.data.array()), self.type) ||
        PyArray_DIM(a.indptr.array(), 0) != (by_rows ? self.rows : self.columns) + 1) {
        return false;
    }
    const npy_intp there = PyArray_DIM(a.indices.array(), 0), values = PyArray_DIM(a.data.array(), 0);
    a.by_rows = by_rows;
    a.wide = PyArray_ITEMSIZE(a.indices.array()) == 8;
    a.lines = {PyArray_DATA(a.indptr.array()), PyArray_DATA(a.indices.array()), PyArray_BYTES(a.data.array()),
               there < values ? there : values, by_rows ? self.columns : self.rows};
    return by_rows || self.width <= self.few || are_few(a.lines.entries, self.rows, self.columns) ||
           turn_lines(self, a);
}

// The parts of a compressed matrix; false where they are not as expected.
bool take_compressed(const Product& self, PyObject* operand, bool by_rows, Matrix& a) {
    a.indptr.object = vector_part(operand, name_indptr);
    a.indices.object = vector_part(operand, name_indices);
    a.data.object = vector_part(operand, name_data);
    return take_lines(self, by_rows, a);
}

// Entries by coordinates, compressed into rows; of many that is the fallback's to do, which remembers it.
bool take_coordinates(const Product& self, PyObject* operand, Format format, Matrix& a) {
    Held coords;
    take_coordinates(operand, format, self.extents, 2, coords, a.data);
    if (!coords || !a.data || !PyArray_EquivTypenums(PyArray_TYPE(a.data.array()), self.type) ||
        PyTuple_GET_SIZE(coords.object) != 2) {
        return false;
    }
    a.indptr.object = Py_NewRef(PyTuple_GET_ITEM(coords.object, self.turned ? 1 : 0)); // the rows
    a.indices.object = Py_NewRef(PyTuple_GET_ITEM(coords.object, self.turned ? 0 : 1));
    if (!are_indices(a.indptr.array(), a.indices.array())) {
        return false;
    }
    const npy_intp count = PyArray_DIM(a.data.array(), 0), item = PyArray_ITEMSIZE(a.data.array());
    const npy_intp most = self.width == 1 ? MANY_GIVEN : MANY;
    if (count > most || self.rows > most || PyArray_DIM(a.indptr.array(), 0) != count ||
        PyArray_DIM(a.indices.array(), 0) != count) {
        return false;
    }
    const bool wide = PyArray_ITEMSIZE(a.indices.array()) == 8;
    const void *const rows = PyArray_DATA(a.indptr.array()), *const columns = PyArray_DATA(a.indices.array());
    a.coordinates = {wide, rows, columns, PyArray_BYTES(a.data.array()), item, count};
    a.as_given = self.width == 1;
    return a.as_given || compress_lines(self, a.coordinates, a);
}

// Blocks, or diagonals: as they are by a vector; else, and of lists, as rows made for this call.
bool take_kept(const Product& self, PyObject* operand, Format format, Matrix& a) {
    const npy_intp rows = self.extents[0], columns = self.extents[1];
    if (self.width == 1 && format != Format::Lists) {
        a.kept = format;
        const bool good = format == Format::Blocks ? read_blocks(operand, rows, columns, a.blocks)
                                                   : read_diagonals(operand, columns, a.diagonals);
        if (good && format == Format::Blocks && a.blocks.blocks.height * a.blocks.blocks.width == 1) {
            a.kept = Format::Rows; // the entries of rows, as they lie
            a.indptr.object = a.blocks.indptr.release();
            a.indices.object = a.blocks.indices.release();
            a.data.object = PyArray_Ravel(a.blocks.data.array(), NPY_CORDER);
            return take_lines(self, !self.turned, a);
        }
        return good &&
               PyArray_EquivTypenums(
                   PyArray_TYPE((format == Format::Blocks ? a.blocks.data : a.diagonals.data).array()),
                   self.type);
    }
    ExpandedRows made;
    if (!expand(operand, format, rows, columns, Wanted::Rows, made)) {
        return false;
    }
    a.indptr.object = made.indptr.release();
    a.indices.object = made.indices.release();
    a.data.object = made.data.release();
    return take_lines(self, !self.turned, a);
}

bool take_matrix(const Product& self, PyObject* operand, Matrix& a) {
    const Format format = format_of(operand);
    if (!is_zero_filled(operand, format)) {
        return false;
    }
    switch (format) {
    case Format::Entries:
    case Format::Table:
    case Format::Keys:
    case Format::Dictionary:
        return take_coordinates(self, operand, format, a);
    case Format::Blocks:
    case Format::Diagonals:
    case Format::Lists:
        return take_kept(self, operand, format, a);
    default:
        break;
    }
    const int axis = compressed_axis(operand, format);
    return axis >= 0 && take_compressed(self, operand, (axis == 0) != self.turned, a);
}

bool fits(const Product& self, PyObject* given) {
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(given);
    return PyArray_CheckExact(given) && PyArray_EquivTypenums(PyArray_TYPE(x), self.type) &&
           PyArray_ISBEHAVED_RO(x) && PyArray_NDIM(x) == self.ndim &&
           PyArray_CompareLists(PyArray_DIMS(x), self.shape, self.ndim);
}

// Elements of a result for each that has entries, from which only those are looked at: of a large result most
// is never read, and stays memory that no page is there for.
constexpr npy_intp SPREAD = 16;

bool is_finite(const Product& self, const Matrix& a, PyArrayObject* out) {
    if (!self.floating) {
        return true;
    }
    const bool single_vector = self.width == 1 && a.kept == Format::Rows && (a.as_given || !a.by_rows);
    const npy_intp entries = a.as_given ? a.coordinates.count : a.lines.entries;
    if (single_vector && entries < self.rows / SPREAD) {
        const int parts = PyTypeNum_ISCOMPLEX(self.type) ? 2 : 1;
        return finite_at({a.as_given ? a.coordinates.wide : a.wide,
                          a.as_given ? a.coordinates.lines : a.lines.indices, entries},
                         {PyArray_BYTES(out), PyArray_STRIDE(out, self.row), self.rows}, parts,
                         PyArray_ITEMSIZE(out) == 4 * parts);
    }
    const bool single = self.type == NPY_FLOAT || self.type == NPY_CFLOAT;
    return all_finite(PyArray_BYTES(out), PyArray_NBYTES(out) / (single ? 4 : 8), single);
}

Multiplied multiply_into(const Product& self, const Matrix& a, PyArrayObject* x, PyArrayObject* out) {
    if (self.columns == 0) {
        return Multiplied::Done;
    }
    if (a.as_given) {
        const bool sound = multiply_coordinates(a.coordinates, self.character, self.rows, self.columns,
                                                PyArray_BYTES(x), PyArray_STRIDE(x, self.column),
                                                PyArray_BYTES(out), PyArray_STRIDE(out, self.row));
        return sound ? Multiplied::Done : Multiplied::Unsound;
    }
    if (a.kept != Format::Rows) {
        const VectorProduct p{self.turned, PyArray_BYTES(x), PyArray_STRIDE(x, self.column),
                              PyArray_BYTES(out), PyArray_STRIDE(out, self.row)};
        return a.kept == Format::Blocks
                   ? multiply_blocks(a.blocks.blocks, self.character, p, self.threads)
                   : multiply_diagonals(a.diagonals, self.character, self.extents[0], p, self.threads);
    }
    SparseDense p;
    p.character = self.character;
    p.wide = a.wide;
    p.by_rows = a.by_rows;
    p.a = a.lines;
    p.rows = self.rows;
    p.columns = self.columns;
    p.x = PyArray_BYTES(x);
    p.x_by = PyArray_STRIDE(x, self.column);
    p.y = PyArray_BYTES(out);
    p.y_by = PyArray_STRIDE(out, self.row);
    p.cleared = a.cleared;
    p.free = 0;
    for (int i = 0, to = 0; i < self.ndim; ++i) {
        if (i == self.column) {
            continue;
        }
        to += to == self.row;
        p.size[p.free] = self.shape[i];
        p.x_step[p.free] = PyArray_STRIDE(x, i);
        p.y_step[p.free++] = PyArray_STRIDE(out, to++);
    }
    return multiply(p, self.threads);
}

// Zeros where products are added to them, or most rows have no entry; else rows are written whole.
PyObject* fresh_result(const Product& self, Matrix& a) {
    const bool rows = a.by_rows && !a.adds() && !self.fortran && a.lines.entries > 0 && self.columns > 0;
    a.cleared = !rows || begins_with_zeros(a.lines.entries, self.rows, self.width, self.row == self.ndim - 1,
                                           PyArray_ITEMSIZE(a.data.array()));
    npy_intp* const shape = const_cast<npy_intp*>(self.out_shape);
    return a.cleared ? PyArray_ZEROS(self.ndim, shape, self.type, self.fortran)
                     : empty(self.type, self.ndim, shape, nullptr);
}

// The result; null without an exception where the fallback has to answer.
PyArrayObject* multiplied(const Product& self, PyObject* sparse, PyObject* dense) {
    Matrix a; // asked of Python, and so before the dense operand is looked at
    if (!take_matrix(self, sparse, a) || !fits(self, dense)) {
        return nullptr;
    }
    PyArrayObject* out = reinterpret_cast<PyArrayObject*>(fresh_result(self, a));
    if (out == nullptr) {
        return nullptr;
    }
    const Multiplied became = multiply_into(self, a, reinterpret_cast<PyArrayObject*>(dense), out);
    if (became != Multiplied::Finite && (became != Multiplied::Done || !is_finite(self, a, out))) {
        Py_CLEAR(out);
    }
    return out;
}

PyObject* result(const Product& self, PyObject* const* operands) {
    PyArrayObject* out = multiplied(self, operands[self.sparse], operands[1 - self.sparse]);
    if (out != nullptr || PyErr_Occurred()) {
        return reinterpret_cast<PyObject*>(out);
    }
    return PyObject_Vectorcall(self.fallback.object, operands, 2, nullptr);
}

PyObject* call(PyObject* object, PyObject* const* args, size_t nargsf, PyObject* names) {
    const Product& self = state_of<Product>(object);
    if (PyVectorcall_NARGS(nargsf) != 2 || names != nullptr) { // `out`, or what is wrong
        return PyObject_Vectorcall(self.fallback.object, args, nargsf, names);
    }
    return result(self, args);
}

// Reads the dense operand's shape, which of its axes is the columns', and which axis of the result the rows'.
bool lay_out(Product& self, PyObject* shape) {
    PyArray_Dims dims = {nullptr, 0};
    if (!PyArray_IntpConverter(shape, &dims)) {
        return false;
    }
    self.ndim = dims.len;
    const bool good = dims.len <= MOST && self.column >= 0 && self.column < dims.len && self.row >= 0 &&
                      self.row < dims.len && dims.ptr[self.column] == self.columns && self.rows >= 0;
    self.width = 1;
    int to = 0;
    for (int i = 0; good && i < dims.len; ++i) {
        self.shape[i] = dims.ptr[i];
        if (i == self.column) {
            continue;
        }
        to += to == self.row;
        self.out_shape[to++] = dims.ptr[i];
        self.width *= dims.ptr[i];
    }
    if (good) {
        self.out_shape[self.row] = self.rows;
    }
    PyDimMem_FREE(dims.ptr);
    if (!good) {
        PyErr_SetString(PyExc_ValueError, "the dense operand does not fit the sparse one");
    }
    return good;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    static const char* const NAMES[] = {"fallback", "char", "sparse",  "turned",  "rows", "columns", "shape",
                                        "column",   "row",  "fortran", "threads", "few",  nullptr};
    PyObject *fallback, *shape;
    int character, sparse, turned, column, row, fortran = 0, threads = 1;
    Py_ssize_t rows, columns, few = PY_SSIZE_T_MAX;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OCipnnOii|pin:SparseProduct", const_cast<char**>(NAMES),
                                     &fallback, &character, &sparse, &turned, &rows, &columns, &shape,
                                     &column, &row, &fortran, &threads, &few)) {
        return nullptr;
    }
    if (character > 127 || !has_sparse_kernels(static_cast<char>(character)) ||
        (sparse != 0 && sparse != 1)) {
        PyErr_Format(PyExc_ValueError, "no kernels for dtype %c, or sparse is not 0 or 1", character);
        return nullptr;
    }
    PyArray_Descr* descr = PyArray_DescrFromType(character);
    if (descr == nullptr) {
        return nullptr;
    }
    const int number = descr->type_num;
    Py_DECREF(descr);
    return make_object<Product>(type, call, [&](Product& self) {
        self.fallback.object = Py_NewRef(fallback);
        self.character = static_cast<char>(character);
        self.threads = threads;
        self.few = few;
        self.type = number;
        self.floating = PyTypeNum_ISFLOAT(number) || PyTypeNum_ISCOMPLEX(number);
        self.sparse = sparse;
        self.turned = turned != 0;
        self.rows = rows;
        self.columns = columns;
        self.extents[turned != 0 ? 1 : 0] = rows;
        self.extents[turned != 0 ? 0 : 1] = columns;
        self.column = column;
        self.row = row;
        self.fortran = fortran != 0;
        return lay_out(self, shape);
    });
}

const char DOC[] =
    "SparseProduct(fallback, char, sparse, turned, rows, columns, shape, column, row, fortran=False, "
    "threads=1, few=sys.maxsize)\n--\n\n"
    "A sparse matrix by a dense array of a shape: called with\nboth. What is not as expected, and what is "
    "not finite, is the fallback's to answer.";

} // namespace

bool is_sparse_product(PyObject* object) {
    return Py_TYPE(object) == product_type;
}

PyObject* multiply_sparse(PyObject* product, PyObject* const* operands, Py_ssize_t) {
    return result(state_of<Product>(product), operands);
}

int add_sparse_product(PyObject* module) {
    TypeParts parts{"einroute._native._core.SparseProduct", make};
    parts.doc = DOC;
    product_type = add_type<Product>(module, parts);
    return product_type == nullptr ? -1 : 0;
}

} // namespace einroute
