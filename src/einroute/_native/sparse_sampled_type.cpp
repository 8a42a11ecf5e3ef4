#include "sparse_sampled_type.hpp"

#include "finite.hpp"
#include "held.hpp"
#include "sparse_sampled_operands.hpp"
#include "sparse_sampled_run.hpp"
#include "sparse_sampled_spec.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <vector>

namespace einroute {

namespace {

using Spec = SampledSpec;

// Elements of a result for each that is added to one, from which only those are looked at.
constexpr double SPREAD = 4;

struct SampledObject {
    PyObject_HEAD Spec spec;
};

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    static const char* const NAMES[] = {"char",   "own",     "dense",   "output", "sizes",
                                        "values", "fortran", "threads", nullptr};
    PyObject *own, *dense, *out, *sizes;
    int character, values = 0, fortran = 0, threads = 1;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "COOOO|ppi:Sampled", const_cast<char**>(NAMES),
                                     &character, &own, &dense, &out, &sizes, &values, &fortran, &threads)) {
        return nullptr;
    }
    if (character > 127 || !has_sampled_kernels(static_cast<char>(character))) {
        PyErr_Format(PyExc_ValueError, "no kernels for dtype %c", character);
        return nullptr;
    }
    Spec s{};
    if (!read_spec(s, own, dense, out, sizes)) {
        return nullptr;
    }
    PyArray_Descr* descr = PyArray_DescrFromType(character);
    if (descr == nullptr) {
        return nullptr;
    }
    s.character = static_cast<char>(character);
    s.type = descr->type_num;
    s.floating = PyTypeNum_ISFLOAT(s.type) || PyTypeNum_ISCOMPLEX(s.type);
    s.values = values != 0;
    s.fortran = fortran != 0;
    s.threads = threads;
    Py_DECREF(descr);
    PyObject* object = type->tp_alloc(type, 0);
    if (object != nullptr) {
        reinterpret_cast<SampledObject*>(object)->spec = s;
    }
    return object;
}

PyArrayObject* empty_result(const Spec& s, npy_intp entries) {
    npy_intp shape[SAMPLED_LABELS];
    if (s.values) {
        return reinterpret_cast<PyArrayObject*>(PyArray_SimpleNew(1, &entries, s.type));
    }
    for (int i = 0; i < s.out; ++i) {
        shape[i] = s.size[s.out_label[i]];
    }
    return reinterpret_cast<PyArrayObject*>(PyArray_ZEROS(s.out, shape, s.type, s.fortran));
}

// Of a large result with few entries most is never read: it stays memory that no page is there for.
bool is_finite(const Spec& s, PyArrayObject* out, const Sampled& p, bool wide) {
    if (!s.floating) {
        return true;
    }
    const double width =
        p.adds ? static_cast<double>(p.outer) * static_cast<double>(p.summed ? 1 : p.inner) : 1;
    if (p.result == SampledResult::Sums &&
        SPREAD * width * static_cast<double>(p.entries) < static_cast<double>(PyArray_SIZE(out))) {
        return finite_sums(p, s.character, wide);
    }
    const bool single = s.type == NPY_FLOAT || s.type == NPY_CFLOAT;
    return all_finite(PyArray_BYTES(out), PyArray_NBYTES(out) / (single ? 4 : 8), single);
}

struct Pair {
    std::uint64_t first, second;
};

// Places that are passed over together where none has an entry.
constexpr npy_intp TOGETHER = 8;
constexpr unsigned char NONE[TOGETHER] = {};

// Places and sums one after the other, those that do not count written over by the next; `count` do.
template <class V>
void pick(const std::vector<unsigned char>& held, npy_intp count, const V* sums, npy_int32* place, V* value) {
    const unsigned char* there = held.data();
    const npy_intp length = static_cast<npy_intp>(held.size());
    npy_intp to = 0;
    for (npy_intp i = 0; to < count;) {
        if (i + TOGETHER <= length && std::memcmp(there + i, NONE, TOGETHER) == 0) {
            i += TOGETHER;
            continue;
        }
        place[to] = static_cast<npy_int32>(i);
        value[to] = sums[i];
        to += there[i++];
    }
}

template <class V>
void pick(const std::vector<unsigned char>& held, PyArrayObject* sums, const Held& places,
          const Held& found) {
    pick(held, PyArray_DIM(places.array(), 0), static_cast<const V*>(PyArray_DATA(sums)),
         static_cast<npy_int32*>(PyArray_DATA(places.array())), static_cast<V*>(PyArray_DATA(found.array())));
}

// The places where there is an entry, and the sums there.
PyObject* places_of(PyArrayObject* sums, const std::vector<unsigned char>& held) {
    npy_intp count = 0;
    for (const unsigned char one : held) {
        count += one;
    }
    const Held places(PyArray_SimpleNew(1, &count, NPY_INT32)),
        found(PyArray_SimpleNew(1, &count, PyArray_TYPE(sums)));
    if (!places || !found) {
        return nullptr;
    }
    switch (PyArray_ITEMSIZE(sums)) {
    case 1:
        pick<std::uint8_t>(held, sums, places, found);
        break;
    case 2:
        pick<std::uint16_t>(held, sums, places, found);
        break;
    case 4:
        pick<std::uint32_t>(held, sums, places, found);
        break;
    case 8:
        pick<std::uint64_t>(held, sums, places, found);
        break;
    default:
        pick<Pair>(held, sums, places, found);
    }
    return PyTuple_Pack(2, places.object, found.object);
}

// Where a line has an entry, of sums that are those of whole lines.
void hold_lines(const Sampled& p, bool wide, std::vector<unsigned char>& held) {
    for (npy_intp i = 0; i < p.lines; ++i) {
        held[static_cast<std::size_t>(i)] = wide ? static_cast<const npy_int64*>(p.indptr)[i] !=
                                                       static_cast<const npy_int64*>(p.indptr)[i + 1]
                                                 : static_cast<const npy_int32*>(p.indptr)[i] !=
                                                       static_cast<const npy_int32*>(p.indptr)[i + 1];
    }
}

PyObject* product(const Spec& s, PyArrayObject* data, PyObject* indptr, int line, PyObject* coords,
                  PyObject* const* dense, bool places) {
    SampledWork work;
    bool wide;
    if (!take_entries(s, data, indptr, line, coords, work.p, wide)) {
        Py_RETURN_NONE;
    }
    for (int f = 0; f < s.dense; ++f) {
        if (!fits(s, dense[f], f)) {
            Py_RETURN_NONE;
        }
    }
    const Held out(reinterpret_cast<PyObject*>(empty_result(s, work.p.entries)));
    if (!out) {
        return nullptr;
    }
    Sampled& p = work.p;
    Memory lines;
    if (!find_lines(s, p, wide, lines)) {
        return nullptr;
    }
    if (!take_dense(s, dense, out.array(), work)) {
        Py_RETURN_NONE;
    }
    p.out = PyArray_BYTES(out.array());
    p.result = s.values ? SampledResult::Values : s.out == 0 ? SampledResult::Total : SampledResult::Sums;
    std::vector<unsigned char> held;
    bool by_line = false;
    if (places) {
        const npy_intp length =
            s.out == 1 && !s.values && s.out_label[0] < s.of_sparse ? s.size[s.out_label[0]] : -1;
        if (length < 0 || length > NPY_MAX_INT32) {
            Py_RETURN_NONE;
        }
        held.resize(static_cast<std::size_t>(length));
        by_line = p.line >= 0 && s.own_label[p.line] == s.out_label[0] && !p.repeated;
        p.held = by_line ? nullptr : held.data();
    }
    if (p.inner > 0 && p.outer > 0) { // a sum of no products is 0
        switch (run_sampled(p, s.character, wide, s.threads)) {
        case SampledOutcome::Failed:
            return nullptr;
        case SampledOutcome::Unsound:
            Py_RETURN_FALSE;
        default:
            break;
        }
    } else if (s.values) {
        std::memset(p.out, 0, static_cast<std::size_t>(PyArray_NBYTES(out.array())));
    }
    if (!is_finite(s, out.array(), p, wide)) {
        Py_RETURN_NONE;
    }
    if (!places) {
        return Py_NewRef(out.object);
    }
    if (by_line) {
        hold_lines(p, wide, held);
    }
    return places_of(out.array(), held);
}

// (data, indptr, line, coords, places, *dense)
PyObject* call(PyObject* object, PyObject* args, PyObject*) {
    const Spec& s = reinterpret_cast<SampledObject*>(object)->spec;
    const Py_ssize_t count = PyTuple_GET_SIZE(args);
    if (count != 5 + s.dense) {
        PyErr_Format(PyExc_TypeError, "expected %d arguments", 5 + s.dense);
        return nullptr;
    }
    PyObject *data = PyTuple_GET_ITEM(args, 0), *coords = PyTuple_GET_ITEM(args, 3);
    const long line = PyLong_AsLong(PyTuple_GET_ITEM(args, 2));
    if (line == -1 && PyErr_Occurred()) {
        return nullptr;
    }
    if (!PyArray_Check(data) || !PyTuple_Check(coords)) {
        PyErr_SetString(PyExc_TypeError, "expected an array of values and a tuple of coordinates");
        return nullptr;
    }
    const int places = PyObject_IsTrue(PyTuple_GET_ITEM(args, 4));
    if (places < 0) {
        return nullptr;
    }
    try {
        return product(s, reinterpret_cast<PyArrayObject*>(data), PyTuple_GET_ITEM(args, 1),
                       line < 0 || line > SAMPLED_AXES ? -1 : static_cast<int>(line), coords,
                       PySequence_Fast_ITEMS(args) + 5, places != 0);
    } catch (const std::bad_alloc&) {
        return PyErr_NoMemory();
    }
}

void release(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    type->tp_free(object);
    Py_DECREF(type);
}

const char DOC[] = "Sampled(char, own, dense, output, sizes, values=False, fortran=False, threads=1)\n--\n\n"
                   "Entries of a sparse operand times dense ones that are looked up at them. Labels are "
                   "numbers, those of the\n"
                   "sparse operand first. Called with ``data, indptr, line, coords, places, *dense``: the "
                   "entries' values, the\n"
                   "pointers of the axis ``line`` or None and -1, an array an axis (of that one anything), "
                   "whether the result "
                   "is to be\n"
                   "where there are entries and the sums there. None where these do not fit or the\n"
                   "result is not finite; False where an index is out of range.";

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>(DOC)},
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_call, reinterpret_cast<void*>(call)},
    {Py_tp_dealloc, reinterpret_cast<void*>(release)},
    {0, nullptr},
};

PyType_Spec spec = {
    "einroute._native._core.Sampled",
    sizeof(SampledObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

} // namespace

int add_sampled(PyObject* module) {
    PyObject* type = PyType_FromModuleAndSpec(module, &spec, nullptr);
    if (type == nullptr) {
        return -1;
    }
    const int result = PyModule_AddType(module, reinterpret_cast<PyTypeObject*>(type));
    Py_DECREF(type);
    return result;
}

} // namespace einroute
