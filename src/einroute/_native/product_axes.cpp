// What a product is made from: shapes, and which axes of the arrays are one.

#include "product_object.hpp"

#include "elements.hpp"
#include "sequences.hpp"

namespace einroute {

namespace {

bool choose_kernel(Product& self, int character) {
    Element element;
    if (character < 128 && element_of(static_cast<char>(character), element)) {
        self.kernel = kernel_of(element);
        if (self.kernel != nullptr) {
            constexpr int TYPES[] = {NPY_FLOAT, NPY_DOUBLE, NPY_CFLOAT, NPY_CDOUBLE};
            self.type = TYPES[static_cast<int>(element) - static_cast<int>(Element::Float32)];
            self.item = item_size(element);
            return true;
        }
    }
    PyErr_Format(PyExc_ValueError, "no kernel for dtype character %c; expected one of f, d, F, D", character);
    return false;
}

bool read_shape(PyObject* given, const char* name, Shape& to) {
    to.ndim = read_integers(given, name, 1, NPY_MAX_INTP, MAX_AXES, to.sizes);
    return to.ndim >= 0;
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
bool role_of(const Product& self, Bound& axis, bool loop) {
    const npy_intp size = axis.a >= 0 ? self.a.sizes[axis.a] : axis.b >= 0 ? self.b.sizes[axis.b] : 0;
    if ((axis.b >= 0 && self.b.sizes[axis.b] != size) ||
        (axis.out >= 0 && self.out.sizes[axis.out] != size)) {
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

bool fault() {
    if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "the axes are not those of a product of arrays of these shapes");
    }
    return false;
}

bool read_axes(Product& self, PyObject* given) {
    bool of_a[MAX_AXES] = {false}, of_b[MAX_AXES] = {false}, of_out[MAX_AXES] = {false};
    const Py_ssize_t count = read_items(given, "axes", [&](Py_ssize_t i, PyObject* item) {
        if (i + 1 >= MAX_AXES || !PyTuple_Check(item)) {
            return fault();
        }
        Bound& axis = self.axes[i];
        int loop = 0;
        const bool good = PyArg_ParseTuple(item, "iiip", &axis.a, &axis.b, &axis.out, &loop) &&
                          takes(axis.a, self.a, of_a) && takes(axis.b, self.b, of_b) &&
                          takes(axis.out, self.out, of_out) && role_of(self, axis, loop != 0);
        return good || fault();
    });
    self.count = static_cast<int>(count);
    return count >= 0 && ((whole(self.a, of_a) && whole(self.b, of_b) && whole(self.out, of_out)) || fault());
}

// The extents that kernels keep offsets and workspace for.
bool measure(Product& self) {
    npy_intp rows = 1, columns = 1, sums = 1;
    self.products = 1;
    for (int i = 0; i < self.count; ++i) {
        const Bound& axis = self.axes[i];
        const npy_intp size = self.size_of(axis);
        self.products *= static_cast<double>(size);
        if (axis.role == Role::Loop) {
            continue;
        }
        npy_intp& extent = axis.role == Role::Row ? rows : axis.role == Role::Column ? columns : sums;
        if (size > MAX_EXTENT / extent) {
            PyErr_Format(PyExc_ValueError, "rows, columns or sums of more than %d elements", int(MAX_EXTENT));
            return false;
        }
        extent *= size;
    }
    self.work = workspace(rows, columns, sums);
    self.known.reserve(static_cast<std::size_t>(self.a.ndim + self.b.ndim + self.out.ndim));
    self.way.reserve(self.count + 1, rows + columns + sums);
    return true;
}

} // namespace

bool read_product(Product& self, int character, PyObject* a, PyObject* b, PyObject* out, PyObject* axes,
                  PyObject* layout) {
    return choose_kernel(self, character) && read_shape(a, "a", self.a) && read_shape(b, "b", self.b) &&
           read_shape(out, "out", self.out) && read_axes(self, axes) &&
           read_layout(layout, self.out.ndim, self.out.sizes, self.item, self.strides) && measure(self);
}

} // namespace einroute
