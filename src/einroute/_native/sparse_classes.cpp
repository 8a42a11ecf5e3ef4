#include "sparse_classes.hpp"

namespace einroute {

namespace {

constexpr int MOST = 32;

struct Class {
    PyTypeObject* type;
    Format format;
};

Class classes[MOST];
int count = 0;

PyObject* know_sparse(PyObject*, PyObject* args) {
    PyObject* type;
    const char* format;
    if (!PyArg_ParseTuple(args, "O!s:know_sparse", &PyType_Type, &type, &format)) {
        return nullptr;
    }
    if (count == MOST) {
        PyErr_Format(PyExc_ValueError, "more than %d classes", MOST);
        return nullptr;
    }
    const Format found = format[0] == 'r'   ? Format::Rows
                         : format[0] == 'c' ? Format::Columns
                         : format[0] == 'e' ? Format::Entries
                         : format[0] == 'b' ? Format::Blocks
                         : format[0] == 'd' ? Format::Diagonals
                         : format[0] == 't' ? Format::Table
                         : format[0] == 'g' ? Format::Gcxs
                                            : Format::Unknown;
    if (found == Format::Unknown) {
        PyErr_Format(PyExc_ValueError, "there is no format '%s'", format);
        return nullptr;
    }
    classes[count++] = {reinterpret_cast<PyTypeObject*>(Py_NewRef(type)), found};
    Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"know_sparse", know_sparse, METH_VARARGS,
     "know_sparse(cls, format, /)\n--\n\n"
     "Look operands of a class up. ``format``: 'rows' or 'columns' are compressed, 'entries' by coordinates, "
     "'blocks' and\n"
     "'diagonals', of scipy.sparse; a 'table' of coordinates and 'gcxs', of pydata/sparse."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

Format format_of(PyObject* operand) {
    for (int i = 0; i < count; ++i) {
        if (Py_TYPE(operand) == classes[i].type) {
            return classes[i].format;
        }
    }
    return Format::Unknown;
}

int add_sparse_classes(PyObject* module) {
    return PyModule_AddFunctions(module, functions);
}

} // namespace einroute
