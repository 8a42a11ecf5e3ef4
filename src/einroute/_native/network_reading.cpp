// What a network is made from: loops, steps, and the shapes of its arrays.

#include "network_object.hpp"

#include "sequences.hpp"

#include <cstddef>

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
bool read_numbers(PyObject* given, const char* name, std::ptrdiff_t least, std::vector<std::ptrdiff_t>& to) {
    return read_items(given, name, [&](Py_ssize_t, PyObject* item) {
               npy_intp value;
               if (!read_integer(item, name, least, NPY_MAX_INTP, value)) {
                   return false;
               }
               to.push_back(value);
               return true;
           }) >= 0;
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

// Whether loops have a stride of each array, none of the result that is summed, and reach no further than
// memory; false with an exception set.
bool is_sound(const Nested& nested) {
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
    if (!read_numbers(sizes, "sizes", 1, nested.size) ||
        !read_numbers(strides, "strides", 0, nested.stride)) {
        return false;
    }
    if (!is_sound(nested)) {
        return false;
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
    return read_items(given, "loops", [&](Py_ssize_t, PyObject* item) {
               to.loops.emplace_back();
               return read_loop(item, to.element, to.loops.back());
           }) >= 0;
}

std::ptrdiff_t place_in_bytes(std::ptrdiff_t place, std::ptrdiff_t item) {
    return place < 0 ? place : place * item;
}

// The steps: the number of a loop, and then the places of its operands and its result, in elements.
bool read_steps(PyObject* given, NetworkProgram& to) {
    std::vector<std::ptrdiff_t> flat;
    if (!read_numbers(given, "steps", PY_SSIZE_T_MIN, flat)) {
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

bool read_shapes(PyObject* given, Network& to) {
    to.begins.push_back(0);
    return read_items(given, "shapes", [&](Py_ssize_t, PyObject* item) {
               std::ptrdiff_t elements = 1;
               if (!read_numbers(item, "a shape", 1, to.shapes)) {
                   return false;
               }
               for (std::size_t d = static_cast<std::size_t>(to.begins.back()); d < to.shapes.size(); ++d) {
                   if (!multiply_into(elements, to.shapes[d])) {
                       return false;
                   }
               }
               to.begins.push_back(static_cast<npy_intp>(to.shapes.size()));
               to.program.given.push_back(elements);
               return true;
           }) >= 0;
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
    if (!read_numbers(shape, "the result's shape", 1, to.result.size) ||
        !read_numbers(strides, "the result's strides", 0, to.result.stride)) {
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

} // namespace

bool read_network(Network& self, int character, PyObject* loops, PyObject* steps, PyObject* shapes,
                  Py_ssize_t size, PyObject* result) {
    NetworkProgram& program = self.program;
    if (!choose_element(character, self.type, program.element)) {
        return false;
    }
    if (size < 0 || size > (Py_ssize_t{1} << 44)) {
        PyErr_Format(PyExc_ValueError, "size is %zd, expected elements of a buffer", size);
        return false;
    }
    program.size = size * item_size(program.element);
    if (!read_loops(loops, program) || !read_steps(steps, program) || !read_shapes(shapes, self) ||
        !read_result(result, program)) {
        return false;
    }
    const char* wrong = complete_program(program);
    if (wrong != nullptr) {
        PyErr_SetString(PyExc_ValueError, wrong);
    }
    return wrong == nullptr;
}

} // namespace einroute
