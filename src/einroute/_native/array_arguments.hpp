// The arguments of a call of arrays that a runner was made for, and what is told of it afterwards.
#pragma once

#include "held.hpp"

namespace einroute {

// The array `out` among the arguments, which come after so many operands; null for none, or None. False with
// an exception set if they are wrong.
bool find_out(PyObject* const* args, Py_ssize_t count, PyObject* names, int operands, PyObject*& out);

// Whether `out` can be written to, null always; false with an exception set. Of this a warning may be told,
// whose handler may run anything: shapes are looked at afterwards.
bool is_writeable(PyObject* out);

// Whether an array has a dtype, in native byte order, and a shape.
inline bool is_like(PyArrayObject* x, int type, int ndim, const npy_intp* shape) {
    const int own = PyArray_TYPE(x);
    return (own == type || PyArray_EquivTypenums(own, type)) && PyArray_ISNOTSWAPPED(x) &&
           PyArray_NDIM(x) == ndim && PyArray_CompareLists(PyArray_DIMS(x), shape, ndim);
}

// The same of an argument; false with an exception set.
bool is_expected(PyObject* given, int type, int ndim, const npy_intp* shape, const char* name);

// The operands of a call as arrays, up to 8: a number, as a sum to no axes gives it, is one without axes.
class Operands {
  public:
    static constexpr int MOST = 8;

    Operands() = default;
    ~Operands();
    Operands(const Operands&) = delete;
    Operands& operator=(const Operands&) = delete;

    // False with an exception set if one is no array.
    bool take(PyObject* const* args, int count);
    PyObject* const* arrays() const { return arrays_; }
    PyArrayObject* operator[](int i) const { return reinterpret_cast<PyArrayObject*>(arrays_[i]); }

  private:
    PyObject* arrays_[MOST];
    PyObject* made_[MOST];
    int count_ = 0;
};

// The operands of a call as they were given, however many.
class Given {
  public:
    bool take(PyObject* const* args, int) {
        arrays_ = args;
        return true;
    }
    PyObject* const* arrays() const { return arrays_; }

  private:
    PyObject* const* arrays_ = nullptr;
};

// Tells a function of Python's of floating-point flags; None is told nothing. False with an exception set if
// it raises one.
bool tell(PyObject* report, int flags);

// What a call of arrays gives, and the floating-point flags that it saw raised.
using Flagging = PyObject* (*)(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names,
                               int& flags);

// A call of arrays, and perhaps `out`, whose operands are taken as `Taken` takes them. A state has
// `operands()`, `fits(x, operand)` and `fits_result(x)`, which may set an exception, `fresh()`, a new result,
// and `run(arrays, out, flags)`.
template <class Taken, class State>
PyObject* call_arrays(const State& self, PyObject* const* args, Py_ssize_t given, PyObject* names,
                      int& flags) {
    PyObject* out;
    Taken operands;
    const int count = self.operands();
    if (!find_out(args, given, names, count, out) || !is_writeable(out) || !operands.take(args, count)) {
        return nullptr;
    }
    Held result(out == nullptr ? self.fresh() : Py_NewRef(out));
    if (!result) {
        return nullptr;
    }
    for (int i = 0; i < count; ++i) { // from here on nothing of Python's runs
        if (!self.fits(operands.arrays()[i], i)) {
            return nullptr;
        }
    }
    const bool good = (out == nullptr || self.fits_result(out)) && self.run(operands, result.array(), flags);
    return good ? result.release() : nullptr;
}

// The same, of whose flags its report is told.
template <class Taken, class State>
PyObject* call_told(const State& self, PyObject* const* args, Py_ssize_t given, PyObject* names) {
    int flags = 0;
    Held result(call_arrays<Taken>(self, args, given, names, flags));
    return result && tell(self.report.object, flags) ? result.release() : nullptr;
}

} // namespace einroute
