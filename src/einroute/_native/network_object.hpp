// What a `Network` holds, for the files that make it and run it.
#pragma once

#include "held.hpp"
#include "network_program.hpp"

#include <vector>

namespace einroute {

class Given;

struct Network {
    Held report; // of floating-point flags; None: nothing is told
    int type = 0;
    NetworkProgram program;
    std::vector<npy_intp> shapes; // of the operands, one after the other
    std::vector<npy_intp> begins; // of each, and where they end

    template <class Visit> void references(const Visit& visit) { visit(report.object); }

    // As `call_arrays` asks for them.
    int operands() const { return static_cast<int>(program.given.size()); }
    PyObject* fresh() const;
    bool fits(PyObject* x, int operand) const;
    bool fits_result(PyObject* x) const;
    bool run(const Given& operands, PyArrayObject* out, int& flags) const;
};

// The result of a call; arrays that do not fit are an error.
PyObject* call_network(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* names);

// The same, NotImplemented for arrays that do not fit.
PyObject* attempt_network(PyObject* self, PyObject* const* args, Py_ssize_t count);

// Reads what a network is made from; false with an exception set where it is none. Memory may be short.
bool read_network(Network& self, int character, PyObject* loops, PyObject* steps, PyObject* shapes,
                  Py_ssize_t size, PyObject* result);

} // namespace einroute
