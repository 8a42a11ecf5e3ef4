#include "sparse_classes.hpp"

#include <cstring>

namespace einroute {

namespace {

constexpr int MOST = 32;

struct Class {
    PyTypeObject* type;
    Format format;
};

struct Named {
    const char* name;
    Format format;
};

constexpr Named NAMES[] = {{"rows", Format::Rows},           {"columns", Format::Columns},
                           {"entries", Format::Entries},     {"blocks", Format::Blocks},
                           {"diagonals", Format::Diagonals}, {"lists", Format::Lists},
                           {"keys", Format::Keys},           {"table", Format::Table},
                           {"gcxs", Format::Gcxs},           {"dictionary", Format::Dictionary}};

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
    Format found = Format::Unknown;
    for (const Named& one : NAMES) {
        if (std::strcmp(one.name, format) == 0) {
            found = one.format;
        }
    }
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
     "'blocks', "
     "'diagonals', 'lists' and 'keys',\n"
     "of scipy.sparse; a 'table' of coordinates, 'gcxs' and a 'dictionary', of pydata/sparse."},
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
