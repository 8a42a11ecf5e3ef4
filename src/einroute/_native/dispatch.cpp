// What answers a call: what is found for it, the core at first sight, or Python.

#include "configuration.hpp"
#include "contraction.hpp"
#include "dispatch_object.hpp"
#include "sparse_product.hpp"

namespace einroute {

namespace {

PyObject* run(PyObject* runner, const Call& call) {
    if (is_contraction(runner)) {
        return contract(runner, call.arrays, call.count, call.out);
    }
    if (is_sparse_product(runner) && call.out == nullptr) {
        return multiply_sparse(runner, call.arrays, call.count);
    }
    // Where there is an out, it lies behind the operands.
    const Py_ssize_t count = call.count + (call.out != nullptr);
    return PyObject_Vectorcall(runner, call.arrays, static_cast<std::size_t>(count), nullptr);
}

bool all_arrays(const Call& call) {
    for (Py_ssize_t i = 0; i < call.count; ++i) {
        if (!PyArray_CheckExact(call.arrays[i])) {
            return false;
        }
    }
    return true;
}

// Whether the arrays are still what the key says: making an object may collect garbage, which may run
// anything.
bool unchanged(const Dispatch& self, const Call& call, PyObject* names) {
    Call now;
    return read_call(self.form, self.number, call.arguments, static_cast<Py_ssize_t>(call.given), names,
                     now) &&
           same_words(now.key, call.key);
}

// What runs a call: a new reference; null if only Python knows, or with an exception set.
PyObject* runner_of(const Dispatch& self, const Call& call, PyObject* names) {
    PyObject* table = table_here();
    if (table == nullptr) {
        return nullptr;
    }
    PyObject* runner = Py_XNewRef(find(table, call.key));
    if (runner == nullptr && self.form == Form::Einsum && call.bare && answers_small(table) &&
        all_arrays(call)) {
        runner = understand(call.key.subscripts, call.arrays, call.count, call.order);
        if (runner != nullptr && call.out != nullptr && !makes_what(runner, call.out)) {
            Py_CLEAR(runner);
        }
        if (runner != nullptr && (!unchanged(self, call, names) || keep(table, call.key, runner) < 0)) {
            Py_CLEAR(runner);
        }
    }
    Py_DECREF(table);
    return runner;
}

// Whether a call that failed is to fail again as it was written, for what is said of it.
bool says_what_was_read() {
    return PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_TypeError);
}

// The answer of a function in Python to a call that was read, in the form in which it was.
PyObject* ask(PyObject* python, const Dispatch& self, const Call& call, PyObject* const* args,
              std::size_t nargsf, PyObject* names) {
    PyObject* result = PyObject_Vectorcall(python, call.arguments, call.given, names);
    if (result == nullptr && call.arguments != args && says_what_was_read()) {
        PyErr_Clear();
        result = PyObject_Vectorcall(self.function, args, nargsf, names);
    }
    return result;
}

} // namespace

PyObject* call_function(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names) {
    const Dispatch& self = state_of<Dispatch>(object);
    Call call;
    if (!read_call(self.form, self.number, args, PyVectorcall_NARGS(nargsf), names, call)) {
        return PyObject_Vectorcall(self.function, args, nargsf, names);
    }
    if (is_watched()) {
        const int observed = is_observed();
        return observed < 0   ? nullptr
               : observed > 0 ? PyObject_Vectorcall(self.function, args, nargsf, names)
                              : ask(self.function, self, call, args, nargsf, names);
    }
    PyObject* runner = runner_of(self, call, names);
    if (runner != nullptr) {
        PyObject* result = run(runner, call);
        Py_DECREF(runner);
        return result;
    }
    return PyErr_Occurred() ? nullptr : ask(self.unknown, self, call, args, nargsf, names);
}

PyObject* remember_call(PyObject* object, PyObject* const* args, Py_ssize_t count, PyObject* names) {
    const Dispatch& self = state_of<Dispatch>(object);
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "expected what runs the call, then its arguments");
        return nullptr;
    }
    Call call;
    if (!is_watched() && read_call(self.form, self.number, args + 1, count - 1, names, call)) {
        PyObject* table = table_here();
        const int kept = table == nullptr ? 0 : keep(table, call.key, args[0]);
        Py_XDECREF(table);
        if (kept < 0) {
            return nullptr;
        }
    }
    Py_RETURN_NONE;
}

} // namespace einroute
