// Calls of the core's products that tell nobody of floating-point flags: what overflowed is made again.

#include "silent.hpp"

#include "array_arguments.hpp"
#include "float_status.hpp"
#include "object.hpp"
#include "one_pass.hpp"
#include "product.hpp"

namespace einroute {

namespace {

struct Silent {
    Held run, again; // None for the latter: no order of work overflows where another does not
    Flagging call = nullptr;

    template <class Visit> void references(const Visit& visit) { visit(again.object); }
};

// A 0-d array as NumPy's scalar, unless it was given.
PyObject* handed_over(PyObject* result, PyObject* given) {
    return result == given ? result : PyArray_Return(reinterpret_cast<PyArrayObject*>(result));
}

PyObject* call(PyObject* object, PyObject* const* args, size_t nargsf, PyObject* names) {
    const Silent& self = state_of<Silent>(object);
    const Py_ssize_t count = PyVectorcall_NARGS(nargsf),
                     all = count + (names == nullptr ? 0 : PyTuple_GET_SIZE(names));
    int flags = 0;
    PyObject* result = self.call(self.run.object, args, count, names, flags);
    if (result == nullptr) {
        return nullptr;
    }
    if ((flags & (OVERFLOWED | INVALID)) != 0 && self.again.object != Py_None) {
        Py_DECREF(result);
        const Held again(Py_NewRef(self.again.object));
        return PyObject_Vectorcall(again.object, args, nargsf, names);
    }
    return handed_over(result, args[all - 1]); // an out is the last, whether it was named or not
}

Flagging flagging_of(PyObject* run) {
    return is_product(run) ? call_product : is_one_pass(run) ? call_one_pass : nullptr;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    PyObject *run, *again;
    static const char* const NAMES[] = {"run", "again", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:Silent", const_cast<char**>(NAMES), &run, &again)) {
        return nullptr;
    }
    const Flagging flagging = flagging_of(run);
    if (flagging == nullptr) {
        PyErr_Format(PyExc_TypeError, "run is of type %s; expected a Product or OnePass",
                     Py_TYPE(run)->tp_name);
        return nullptr;
    }
    return make_object<Silent>(type, call, [&](Silent& self) {
        self.run.object = Py_NewRef(run);
        self.again.object = Py_NewRef(again);
        self.call = flagging;
        return true;
    });
}

const char DOC[] =
    "Silent(run, again)\n--\n\n"
    "A product or pass that tells nobody of floating-point flags: where it saw an overflow or an invalid "
    "operation, ``again`` answers the call, unless that is None. Results without axes are NumPy's scalars.";

} // namespace

int add_silent(PyObject* module) {
    TypeParts parts{"einroute._native._core.Silent", make};
    parts.doc = DOC;
    return add_type<Silent>(module, parts) == nullptr ? -1 : 0;
}

} // namespace einroute
