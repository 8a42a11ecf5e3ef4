// The operands of a `Sampled`, as its kernels take them.
#pragma once

#include "held.hpp"
#include "sparse_sampled.hpp"
#include "sparse_sampled_spec.hpp"

#include <vector>

namespace einroute {

// A product as the kernels take it, with the tables that it refers to.
struct SampledWork {
    Sampled p{};
    std::vector<npy_intp> tables;
};

// Takes the entries: their values and coordinates, of the axis `line` the pointers; `wide` becomes whether
// indices have 64 bits. False where parts do not fit each other.
bool take_entries(const SampledSpec& s, PyArrayObject* data, PyObject* indptr, int line, PyObject* coords,
                  Sampled& p, bool& wide);

// Where pointers say nothing that is asked for they are not passed; nor of far fewer entries than pointers,
// of which the line of each is found. False where there is no memory.
bool find_lines(const SampledSpec& s, Sampled& p, bool wide, Memory& lines);

// Whether the dense operand f has the dtype, the lengths and the plain elements that it was bound with.
bool fits(const SampledSpec& s, PyObject* given, int f);

// Takes the dense operands, of which each fits, those with the inner label first, and the steps of the
// result, which is null where only the entries' values are wanted. False where there are too many offsets for
// tables.
bool take_dense(const SampledSpec& s, PyObject* const* operands, PyArrayObject* out, SampledWork& work);

} // namespace einroute
