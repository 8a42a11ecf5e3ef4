// What a `Sampled` is made of: labels, sizes and a dtype.
#pragma once

#include "numpy_api.hpp"
#include "sparse_sampled.hpp"

namespace einroute {

constexpr int SAMPLED_LABELS = 32;

// Labels are numbers: those of the sparse operand come first.
struct SampledSpec {
    char character;
    int type, threads;
    bool floating, values, fortran;
    int own, dense, out; // axes of the sparse operand; dense operands; axes of the result
    int labels, of_sparse;
    int own_label[SAMPLED_AXES];
    int dense_ndim[SAMPLED_FACTORS], dense_label[SAMPLED_FACTORS][SAMPLED_LABELS];
    int out_label[SAMPLED_LABELS];
    npy_intp size[SAMPLED_LABELS];

    int first_axis(int label) const {
        int axis = 0;
        while (own_label[axis] != label) {
            ++axis;
        }
        return axis;
    }
};

// Reads tuples of labels and their sizes; false with an exception set if they do not fit each other.
bool read_spec(SampledSpec& s, PyObject* own, PyObject* dense, PyObject* out, PyObject* sizes);

} // namespace einroute
