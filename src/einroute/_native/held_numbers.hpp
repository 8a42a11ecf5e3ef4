// Arrays that a call holds, as numbers in C order.
#pragma once

#include "numpy_api.hpp"
#include "pool.hpp"
#include "workspace.hpp"

namespace einroute {

// An argument as numbers in double precision. Those of single precision are copied into memory of the run: an
// array made anew for each call would be paid for in page faults.
class HeldNumbers {
  public:
    HeldNumbers(PyObject* given, int ndim) {
        if (PyArray_Check(given)) {
            array_ = reinterpret_cast<PyArrayObject*>(given);
            if (!ready_pool(PyArray_SIZE(array_) * static_cast<npy_intp>(sizeof(double)))) {
                array_ = nullptr;
                return;
            }
            if (PyArray_TYPE(array_) == NPY_FLOAT && ndim == 2 && PyArray_NDIM(array_) == 2 &&
                PyArray_ISBEHAVED_RO(array_)) {
                Py_INCREF(given);
                copy();
                return;
            }
        }
        array_ = reinterpret_cast<PyArrayObject*>(
            PyArray_FROMANY(given, NPY_DOUBLE, ndim, ndim, NPY_ARRAY_CARRAY_RO));
    }
    HeldNumbers(const HeldNumbers&) = delete;
    HeldNumbers& operator=(const HeldNumbers&) = delete;
    ~HeldNumbers() { Py_XDECREF(array_); }

    // False with an exception set.
    bool good() const { return array_ != nullptr; }
    npy_intp length(int axis) const { return PyArray_DIM(array_, axis); }
    const double* data() const {
        return own_ ? own_.get() : static_cast<const double*>(PyArray_DATA(array_));
    }

  private:
    void copy() {
        const npy_intp rows = length(0), columns = length(1), down = PyArray_STRIDE(array_, 0),
                       across = PyArray_STRIDE(array_, 1);
        own_ = workspace<double>(rows * columns);
        if (!own_) {
            Py_CLEAR(array_);
            PyErr_NoMemory();
            return;
        }
        double* __restrict to = own_.get();
        if (PyArray_IS_C_CONTIGUOUS(array_)) {
            const float* __restrict from = reinterpret_cast<const float*>(PyArray_BYTES(array_));
            for (npy_intp i = 0; i < rows * columns; ++i) {
                to[i] = from[i];
            }
            return;
        }
        for (npy_intp i = 0; i < rows; ++i, to += columns) {
            const char* from = PyArray_BYTES(array_) + i * down;
            if (across == static_cast<npy_intp>(sizeof(float))) {
                const float* __restrict row = reinterpret_cast<const float*>(from);
                for (npy_intp j = 0; j < columns; ++j) {
                    to[j] = row[j];
                }
                continue;
            }
            for (npy_intp j = 0; j < columns; ++j, from += across) {
                to[j] = *reinterpret_cast<const float*>(from);
            }
        }
    }

    PyArrayObject* array_ = nullptr;
    Workspace<double> own_;
};

} // namespace einroute
