#include "trials.hpp"

#include "object.hpp"

#include <atomic>
#include <chrono>
#include <ctime>

#ifndef _WIN32
#include <pthread.h>
#endif

namespace einroute {

namespace {

// What runs the calls, what is called in place of it when none are left until then, and whether that runs.
struct Counted {
    PyObject *run = nullptr, *due = nullptr;
    Py_ssize_t left = 1;
    bool busy = false;

    Counted() = default;
    ~Counted() {
        Py_XDECREF(run);
        Py_XDECREF(due);
    }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

    template <class Visit> void references(const Visit& visit) {
        visit(run);
        visit(due);
    }
    // What a call goes to; the GIL is held.
    PyObject* next() { return --left > 0 || busy || due == nullptr || due == Py_None ? run : due; }
};

// What is handed to itself ends, as it does in Python.
PyObject* handed_on(PyObject* to, PyObject* const* args, size_t nargsf, PyObject* names) {
    if (Py_EnterRecursiveCall(" while a call is handed on") != 0) {
        return nullptr;
    }
    PyObject* result = PyObject_Vectorcall(to, args, nargsf, names);
    Py_LeaveRecursiveCall();
    return result;
}

PyObject* call(PyObject* object, PyObject* const* args, size_t nargsf, PyObject* names) {
    Counted& self = state_of<Counted>(object);
    const Held next(Py_XNewRef(self.next()));
    if (!next) {
        PyErr_SetString(PyExc_TypeError, "nothing to run");
        return nullptr;
    }
    if (next.object != self.due) {
        return handed_on(next.object, args, nargsf, names);
    }
    const Held kept(Py_NewRef(object));
    self.left = 1;
    self.busy = true;
    PyObject* result = handed_on(next.object, args, nargsf, names);
    self.busy = false;
    return result;
}

// What a class that is made of it is given is that class's own.
PyObject* make(PyTypeObject* type, PyObject*, PyObject*) {
    return make_object<Counted>(type, call, [](Counted&) { return true; });
}

constexpr Py_ssize_t STATE = offsetof(Object<Counted>, state);

PyMemberDef members[] = {
    {"run", T_OBJECT_EX, STATE + static_cast<Py_ssize_t>(offsetof(Counted, run)), 0, "What runs the calls."},
    {"due", T_OBJECT_EX, STATE + static_cast<Py_ssize_t>(offsetof(Counted, due)), 0,
     "What is called in its place when that is due; None: nothing ever is."},
    {"left", T_PYSSIZET, STATE + static_cast<Py_ssize_t>(offsetof(Counted, left)), 0,
     "Calls until that, the one that is counted with."},
    {nullptr, 0, 0, 0, nullptr},
};

// How many runs are timed just now.
std::atomic<int> running{0};

using Clock = std::chrono::steady_clock;

// Seconds from which the processor's time is asked for, which takes as long as a short call; how many times
// it, and where it is not asked for how many times the expected time, a run may take that no other delayed.
constexpr double TOLD = 200e-6, WAITED = 1.5, LATE = 4;

double processor_time() {
#ifndef _WIN32
    std::timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
#else
    return 1e-9 * static_cast<double>(Clock::now().time_since_epoch().count()); // as if nobody delayed it
#endif
}

PyObject* timed(PyObject*, PyObject* const* args, Py_ssize_t count) {
    if (count != 4 || !PyTuple_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "expected a callable, a tuple, a result or None, and seconds");
        return nullptr;
    }
    const double expected = PyFloat_AsDouble(args[3]);
    if (expected == -1.0 && PyErr_Occurred() != nullptr) {
        return nullptr;
    }
    Held keywords;
    if (args[2] != Py_None) {
        keywords.object = Py_BuildValue("{sO}", "out", args[2]);
        if (!keywords) {
            return nullptr;
        }
    }
    bool alone = ++running == 1;
    const double used = expected > TOLD ? processor_time() : 0;
    const Clock::time_point start = Clock::now();
    PyObject* result =
        keywords ? PyObject_VectorcallDict(args[0], &PyTuple_GET_ITEM(args[1], 0),
                                           static_cast<size_t>(PyTuple_GET_SIZE(args[1])), keywords.object)
                 : PyObject_Vectorcall(args[0], &PyTuple_GET_ITEM(args[1], 0),
                                       static_cast<size_t>(PyTuple_GET_SIZE(args[1])), nullptr);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const bool waited = expected > TOLD
                            ? seconds > TOLD && seconds > WAITED * (processor_time() - used)
                            : expected > 0 && seconds > (LATE * expected > TOLD ? LATE * expected : TOLD);
    alone = running-- == 1 && alone;
    if (running < 0) { // a child has none of its parent's
        running = 0;
    }
    return result == nullptr ? nullptr
                             : Py_BuildValue("NdO", result, seconds, waited || !alone ? Py_True : Py_False);
}

// Its dtype, its shape, and where that counts how it lies in memory; None of what is no plain array.
PyObject* manner(PyObject*, PyObject* const* args, Py_ssize_t count) {
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "expected a result, and whether it counts how it lies in memory");
        return nullptr;
    }
    PyObject* result = args[0];
    PyArrayObject* array = reinterpret_cast<PyArrayObject*>(result);
    if (!PyArray_CheckExact(result) || !PyTypeNum_ISNUMBER(PyArray_TYPE(array)) ||
        !PyArray_ISNOTSWAPPED(array)) {
        Py_RETURN_NONE;
    }
    npy_intp told[2 + 2 * NPY_MAXDIMS];
    Py_ssize_t at = 0;
    told[at++] = PyArray_TYPE(array);
    told[at++] = PyArray_ISWRITEABLE(array);
    for (int axis = 0; axis < PyArray_NDIM(array); ++axis) {
        told[at++] = PyArray_DIM(array, axis);
        if (args[1] == Py_True) {
            told[at++] = PyArray_STRIDE(array, axis);
        }
    }
    return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(told),
                                     at * static_cast<Py_ssize_t>(sizeof(npy_intp)));
}

PyMethodDef functions[] = {
    {"timed", fast_method(timed), METH_FASTCALL,
     "timed(run, operands, out, expected, /)\n--\n\nThe result, the seconds, and whether others had the "
     "cores "
     "or timed something meanwhile."},
    {"manner", fast_method(manner), METH_FASTCALL,
     "manner(result, laid_out, /)\n--\n\nWhat is seen of a plain array besides its elements, as bytes; else "
     "None."},
    {nullptr, nullptr, 0, nullptr},
};

const char DOC[] =
    "Counted()\n--\n\nHands calls on to `run`, and when that is due, and not done already, to `due`.";

} // namespace

int add_trials(PyObject* module) {
    TypeParts parts{"einroute._native._core.Counted", make};
    parts.doc = DOC;
    parts.members = members;
    parts.flags = Py_TPFLAGS_BASETYPE;
#ifndef _WIN32
    static const bool told = pthread_atfork(nullptr, nullptr, [] { running = 0; }) == 0;
    (void)told; // else a child only takes its parent's runs for its own
#endif
    return add_type<Counted>(module, parts) == nullptr ? -1 : PyModule_AddFunctions(module, functions);
}

} // namespace einroute
