// The extension module `einroute._native._core`.

#define EINROUTE_IMPORTS_NUMPY
#include "numpy_api.hpp"

#include "contraction.hpp"
#include "copies.hpp"
#include "correlate.hpp"
#include "described_classes.hpp"
#include "difference_expanded.hpp"
#include "difference_forms.hpp"
#include "difference_projections.hpp"
#include "difference_sums.hpp"
#include "difference_transformed.hpp"
#include "dispatch.hpp"
#include "isa.hpp"
#include "label_call.hpp"
#include "label_look_ups.hpp"
#include "label_products.hpp"
#include "label_sums.hpp"
#include "least_squares.hpp"
#include "lengthened.hpp"
#include "magnitude.hpp"
#include "metric_factor.hpp"
#include "network.hpp"
#include "one_pass.hpp"
#include "pool.hpp"
#include "product.hpp"
#include "row_squares.hpp"
#include "silent.hpp"
#include "sparse_canonical.hpp"
#include "sparse_classes.hpp"
#include "sparse_dense_module.hpp"
#include "sparse_diagonals.hpp"
#include "sparse_hadamard.hpp"
#include "sparse_main_diagonal.hpp"
#include "sparse_parts.hpp"
#include "sparse_product.hpp"
#include "sparse_sampled_type.hpp"
#include "sparse_sparse.hpp"
#include "sparse_total.hpp"
#include "structured_operands.hpp"
#include "table.hpp"
#include "threads.hpp"
#include "trials.hpp"

namespace {

PyObject* choose(PyObject*, PyObject* cap) {
    const char* name = PyUnicode_AsUTF8(cap);
    if (name == nullptr) {
        return nullptr;
    }
    if (!einroute::choose_isa(name)) {
        PyErr_Format(PyExc_ValueError, "no instruction set %R was compiled", cap);
        return nullptr;
    }
    return PyUnicode_FromString(einroute::isa_name());
}

PyObject* chosen(PyObject*, PyObject*) {
    return PyUnicode_FromString(einroute::isa_name());
}

PyObject* compiled(PyObject*, PyObject*) {
    PyObject* names = PyList_New(0);
    for (int i = 0; names != nullptr && einroute::compiled_isa(i) != nullptr; ++i) {
        PyObject* name = PyUnicode_FromString(einroute::compiled_isa(i));
        if (name == nullptr || PyList_Append(names, name) < 0) {
            Py_CLEAR(names);
        }
        Py_XDECREF(name);
    }
    if (names == nullptr) {
        return nullptr;
    }
    PyObject* result = PyList_AsTuple(names);
    Py_DECREF(names);
    return result;
}

PyMethodDef methods[] = {
    {"choose_isa", choose, METH_O,
     "choose_isa(cap, /)\n--\n\nChoose the best instruction set here, none above cap; '' is no cap."},
    {"isa", chosen, METH_NOARGS, "isa()\n--\n\nThe instruction set whose kernels run."},
    {"compiled_isas", compiled, METH_NOARGS,
     "compiled_isas()\n--\n\nThe instruction sets that kernels were compiled for, best first."},
    {nullptr, nullptr, 0, nullptr},
};

// What each file adds; contractions before what is found by them.
int (*const PARTS[])(PyObject*) = {
    einroute::add_product,
    einroute::add_contraction,
    einroute::add_table,
    einroute::add_dispatch,
    einroute::add_trials,
    einroute::add_least_squares,
    einroute::add_pool,
    einroute::add_described_classes,
    einroute::add_sparse_classes,
    einroute::add_sparse_dense,
    einroute::add_sparse_parts,
    einroute::add_sparse_product,
    einroute::add_sparse_sparse,
    einroute::add_sparse_total,
    einroute::add_sparse_diagonals,
    einroute::add_sparse_main_diagonal,
    einroute::add_one_pass,
    einroute::add_silent,
    einroute::add_copies,
    einroute::add_threads,
    einroute::add_magnitude,
    einroute::add_network,
    einroute::add_label_sums,
    einroute::add_label_look_ups,
    einroute::add_label_call,
    einroute::add_label_products,
    einroute::add_difference_forms,
    einroute::add_difference_transformed,
    einroute::add_difference_expanded,
    einroute::add_metric_factor,
    einroute::add_difference_sums,
    einroute::add_difference_projections,
    einroute::add_correlate,
    einroute::add_sampled,
    einroute::add_sparse_canonical,
    einroute::add_sparse_hadamard,
    einroute::add_row_squares,
    einroute::add_structured_operands,
    einroute::add_lengthened,
};

int execute(PyObject* module) {
    if (PyArray_ImportNumPyAPI() < 0) {
        return -1;
    }
    for (const auto add : PARTS) {
        if (add(module) < 0) {
            return -1;
        }
    }
    return 0;
}

PyModuleDef_Slot slots[] = {
    {Py_mod_exec, reinterpret_cast<void*>(execute)},
    {0, nullptr},
};

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "_core",
    "The compiled core of einroute.",
    0,
    methods,
    slots,
    nullptr,
    nullptr,
    nullptr,
};

} // namespace

PyMODINIT_FUNC PyInit__core() {
    return PyModuleDef_Init(&definition);
}
