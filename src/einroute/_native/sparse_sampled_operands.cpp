#include "sparse_sampled_operands.hpp"

#include "sparse_compress.hpp"
#include "sparse_parts.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

namespace einroute {

namespace {

// Offsets of labels that are neither the inner one nor the sparse operand's, at most.
constexpr npy_intp MOST_OUTER = 1 << 14;
// Pointers for each entry from which the line of each is found by bisection.
constexpr npy_intp FEWER = 32;
// Elements of a row of the result from which they are added one after the other.
constexpr npy_intp SHORT_ROW = 8;

// Whether a label lies side by side in the result, in rows that are worth a loop.
bool in_rows(const SampledSpec& s, PyArrayObject* out, int label) {
    for (int i = 0; out != nullptr && !s.values && i < s.out; ++i) {
        if (s.out_label[i] == label) {
            return s.size[label] >= SHORT_ROW && PyArray_STRIDE(out, i) == PyArray_ITEMSIZE(out);
        }
    }
    return false;
}

// Which label that the sparse operand lacks lies side by side in most of the operands and the result; -1 if
// there is none.
int inner_label(const SampledSpec& s, PyObject* const* operands, PyArrayObject* out) {
    int best = -1;
    npy_intp most = -1;
    for (int label = s.of_sparse; label < s.labels; ++label) {
        npy_intp side = in_rows(s, out, label) ? 1 : 0;
        for (int f = 0; f < s.dense; ++f) {
            PyArrayObject* x = reinterpret_cast<PyArrayObject*>(operands[f]);
            for (int i = 0; i < s.dense_ndim[f]; ++i) {
                side += s.dense_label[f][i] == label &&
                        (PyArray_STRIDE(x, i) == PyArray_ITEMSIZE(x) || PyArray_DIM(x, i) == 1);
            }
        }
        if (side > most || (side == most && s.size[label] > s.size[best])) {
            best = label;
            most = side;
        }
    }
    return best;
}

// Offsets of all labels that the sparse operand lacks but the inner one.
void fill_outer(const SampledSpec& s, int inner, const npy_intp* step, npy_intp count,
                std::vector<npy_intp>& to) {
    npy_intp index[SAMPLED_LABELS] = {0}, at = 0;
    for (npy_intp o = 0; o < count; ++o) {
        to.push_back(at);
        for (int label = s.labels - 1; label >= s.of_sparse; --label) {
            if (label == inner) {
                continue;
            }
            at += step[label];
            if (++index[label] < s.size[label]) {
                break;
            }
            at -= step[label] * s.size[label];
            index[label] = 0;
        }
    }
}

// Whether a label of the sparse operand is one of the result's, or of a dense operand's.
bool is_looked_at(const SampledSpec& s, int label) {
    bool found = std::find(s.out_label, s.out_label + s.out, label) != s.out_label + s.out;
    for (int f = 0; f < s.dense; ++f) {
        const int* const labels = s.dense_label[f];
        found = found || std::find(labels, labels + s.dense_ndim[f], label) != labels + s.dense_ndim[f];
    }
    return found;
}

void forget_pointers(Sampled& p) {
    p.indptr = nullptr;
    p.lines = 0;
    p.line = -1;
}

void take_steps(PyArrayObject* x, int ndim, const int* labels, npy_intp (&step)[SAMPLED_LABELS]) {
    std::memset(step, 0, sizeof step);
    for (int i = 0; i < ndim; ++i) {
        step[labels[i]] += PyArray_STRIDE(x, i);
    }
}

} // namespace

bool take_entries(const SampledSpec& s, PyArrayObject* data, PyObject* indptr, int line, PyObject* coords,
                  Sampled& p, bool& wide) {
    if (!is_plain_vector(reinterpret_cast<PyObject*>(data)) ||
        !PyArray_EquivTypenums(PyArray_TYPE(data), s.type) || PyTuple_GET_SIZE(coords) != s.own ||
        (line >= s.own)) {
        return false;
    }
    p.axes = s.own;
    p.data = PyArray_BYTES(data);
    p.entries = PyArray_DIM(data, 0);
    p.line = line;
    p.indptr = nullptr;
    p.lines = 0;
    PyArrayObject* like = nullptr;
    p.repeated = false;
    for (int axis = 0; axis < s.own; ++axis) {
        p.length[axis] = s.size[s.own_label[axis]];
        const int first = s.first_axis(s.own_label[axis]);
        p.same[axis] = first < axis ? first : -1;
        p.repeated = p.repeated || first < axis;
        p.index[axis] = nullptr;
        PyObject* given = axis == line ? indptr : PyTuple_GET_ITEM(coords, axis);
        PyArrayObject* x = reinterpret_cast<PyArrayObject*>(given);
        if (!is_plain_vector(given) || !are_indices(x, like == nullptr ? x : like) ||
            PyArray_DIM(x, 0) != (axis == line ? p.length[axis] + 1 : p.entries)) {
            return false;
        }
        like = x;
        (axis == line ? p.indptr : p.index[axis]) = PyArray_DATA(x);
        p.lines = axis == line ? p.length[axis] : p.lines;
    }
    wide = like != nullptr && PyArray_ITEMSIZE(like) == 8;
    return true;
}

bool find_lines(const SampledSpec& s, Sampled& p, bool wide, Memory& lines) {
    if (p.line < 0) {
        return true;
    }
    if (!is_looked_at(s, s.own_label[p.line]) && !p.repeated) {
        forget_pointers(p);
        return true;
    }
    if (p.entries >= p.lines / FEWER) {
        return true;
    }
    const npy_intp size = wide ? 8 : 4;
    lines.reset(static_cast<char*>(std::malloc(static_cast<std::size_t>(p.entries * size + 1))));
    if (!lines) {
        PyErr_NoMemory();
        return false;
    }
    bisect_lines(wide, p.indptr, p.lines, p.entries, lines.get());
    p.index[p.line] = lines.get();
    forget_pointers(p);
    return true;
}

bool fits(const SampledSpec& s, PyObject* given, int f) {
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(given);
    if (!PyArray_CheckExact(given) || !PyArray_EquivTypenums(PyArray_TYPE(x), s.type) ||
        !PyArray_ISBEHAVED_RO(x) || PyArray_NDIM(x) != s.dense_ndim[f]) {
        return false;
    }
    for (int i = 0; i < s.dense_ndim[f]; ++i) {
        if (PyArray_DIM(x, i) != s.size[s.dense_label[f][i]]) {
            return false;
        }
    }
    return true;
}

bool take_dense(const SampledSpec& s, PyObject* const* operands, PyArrayObject* out, SampledWork& work) {
    Sampled& p = work.p;
    const int inner = inner_label(s, operands, out);
    p.inner = inner < 0 ? 1 : s.size[inner];
    p.outer = 1;
    p.summed = true;
    p.adds = false;
    for (int label = s.of_sparse; label < s.labels; ++label) {
        const npy_intp size = label == inner ? 1 : s.size[label];
        if (size > MOST_OUTER || (p.outer *= size) > MOST_OUTER) {
            return false;
        }
    }
    for (int i = 0; i < s.out; ++i) {
        p.adds = p.adds || s.out_label[i] >= s.of_sparse;
        p.summed = p.summed && s.out_label[i] != inner;
    }
    work.tables.reserve(static_cast<std::size_t>(p.outer * (s.dense + 1)));
    npy_intp step[SAMPLED_LABELS];
    p.factors = s.dense;
    p.rows = 0;
    int to = 0;
    for (int turn = 0; turn < 2; ++turn) {
        for (int f = 0; f < s.dense; ++f) {
            bool has = false;
            for (int i = 0; i < s.dense_ndim[f]; ++i) {
                has = has || s.dense_label[f][i] == inner;
            }
            if (has != (turn == 0)) {
                continue;
            }
            p.rows += turn == 0;
            PyArrayObject* x = reinterpret_cast<PyArrayObject*>(operands[f]);
            take_steps(x, s.dense_ndim[f], s.dense_label[f], step);
            SampledFactor& factor = p.factor[to++];
            factor.data = PyArray_BYTES(x);
            factor.only = -1;
            int several = 0;
            for (int axis = 0; axis < s.own; ++axis) {
                factor.step[axis] = p.same[axis] < 0 ? step[s.own_label[axis]] : 0;
                p.used[axis] = p.used[axis] || factor.step[axis] != 0;
                if (factor.step[axis] != 0) {
                    factor.only = several++ == 0 ? axis : -1;
                }
            }
            factor.inner = inner < 0 ? 0 : step[inner];
            fill_outer(s, inner, step, p.outer, work.tables);
        }
    }
    std::memset(step, 0, sizeof step);
    if (out != nullptr && !s.values) {
        take_steps(out, s.out, s.out_label, step);
    }
    for (int axis = 0; axis < s.own; ++axis) {
        p.out_step[axis] = p.same[axis] < 0 ? step[s.own_label[axis]] : 0;
        p.used[axis] = p.used[axis] || p.out_step[axis] != 0 || p.repeated;
    }
    p.out_inner = inner < 0 ? 0 : step[inner];
    fill_outer(s, inner, step, p.outer, work.tables);
    for (int f = 0; f < s.dense; ++f) {
        p.factor[f].outer = work.tables.data() + f * p.outer;
    }
    p.out_outer = work.tables.data() + s.dense * p.outer;
    return true;
}

} // namespace einroute
