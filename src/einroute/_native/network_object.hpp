// What a `Network` holds, for the files that make it and run it.
#pragma once

#include "network_program.hpp"
#include "numpy_api.hpp"
#include "pool.hpp"

#include <vector>

namespace einroute {

struct Network {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject* report; // of floating-point flags; None: nothing is told
    int type;
    NetworkProgram* program;
    std::vector<npy_intp>* shapes; // of the operands, one after the other
    std::vector<int>* ndims;
};

// The result of a call; arrays that do not fit are an error.
PyObject* call_network(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* names);

// The same, NotImplemented for arrays that do not fit.
PyObject* attempt_network(PyObject* self, PyObject* const* args, Py_ssize_t count);

} // namespace einroute
