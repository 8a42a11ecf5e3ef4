// References and memory that are let go of at the end of a scope.
#pragma once

#include "numpy_api.hpp"

#include <cstdlib>
#include <memory>

namespace einroute {

// A reference that is let go of; null is none.
struct Held {
    PyObject* object = nullptr;

    Held() = default;
    explicit Held(PyObject* given) : object(given) {}
    ~Held() { Py_XDECREF(object); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

    PyArrayObject* array() const { return reinterpret_cast<PyArrayObject*>(object); }
    explicit operator bool() const { return object != nullptr; }

    // Gives the reference away.
    PyObject* release() {
        PyObject* given = object;
        object = nullptr;
        return given;
    }
};

struct Freed {
    void operator()(void* memory) const { std::free(memory); }
};

// Memory of malloc's.
using Memory = std::unique_ptr<char, Freed>;

} // namespace einroute
