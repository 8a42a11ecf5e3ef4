#include "blas.hpp"
#include "network.hpp"
#include "network_object.hpp"
#include "object.hpp"

namespace einroute {

namespace {

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    PyObject *loops, *steps, *shapes, *result, *report;
    int character;
    Py_ssize_t size;
    static const char* const NAMES[] = {"char", "loops",  "steps",  "shapes",
                                        "size", "result", "report", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "COOOnOO:Network", const_cast<char**>(NAMES), &character,
                                     &loops, &steps, &shapes, &size, &result, &report)) {
        return nullptr;
    }
    return make_object<Network>(type, call_network, [&](Network& self) {
        self.report.object = Py_NewRef(report);
        return read_network(self, character, loops, steps, shapes, size, result);
    });
}

PyObject* use_blas(PyObject*, PyObject* given) {
    const char* path = PyUnicode_AsUTF8(given);
    return path == nullptr ? nullptr : PyBool_FromLong(find_blas(path));
}

const char DOC[] =
    "Network(char, loops, steps, shapes, size, result, report)\n--\n\n"
    "A network of arrays of known shapes and dtype, contracted in one buffer of ``size`` elements.";

PyMethodDef methods[] = {
    {"attempt", fast_method(attempt_network), METH_FASTCALL,
     "attempt(*arrays)\n--\n\nThe result; NotImplemented where the arrays are not those that it was bound "
     "for."},
    {nullptr, nullptr, 0, nullptr},
};

PyMethodDef functions[] = {
    {"use_blas", use_blas, METH_O,
     "use_blas(path, /)\n--\n\nLook for BLAS in what NumPy's extension module is linked to; whether it is "
     "there."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_network(PyObject* module) {
    TypeParts parts{"einroute._native._core.Network", make};
    parts.doc = DOC;
    parts.methods = methods;
    return add_type<Network>(module, parts) == nullptr ? -1 : PyModule_AddFunctions(module, functions);
}

} // namespace einroute
