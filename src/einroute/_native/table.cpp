#include "table.hpp"

#include "sparse_classes.hpp"

#include <cstddef>
#include <cstring>

namespace einroute {

namespace {

struct Entry {
    std::uint64_t hash;
    PyObject* subscripts; // null for functions without
    PyObject* run;        // null where the place is free
    std::int64_t* words;
    int count;
};

// Open addressing; nothing is taken out but everything at once, when the table is full. What was dropped is
// found again by Python, which has its own cache of plans, and put back.
struct Table {
    PyObject_HEAD Entry* entries;
    std::size_t places; // a power of two, or 0
    std::size_t used, limit;
    bool small;
};

PyTypeObject* table_type = nullptr;

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

bool same(const Entry& entry, const Key& key) {
    if (entry.hash != key.hash || entry.count != key.count ||
        std::memcmp(entry.words, key.words, static_cast<std::size_t>(key.count) * sizeof key.words[0]) != 0) {
        return false;
    }
    if (entry.subscripts == key.subscripts) {
        return true;
    }
    return entry.subscripts != nullptr && key.subscripts != nullptr &&
           PyUnicode_Compare(entry.subscripts, key.subscripts) == 0; // of exact strings: never an error
}

// The place of a key, or the free one where it belongs.
std::size_t place_of(const Entry* entries, std::size_t places, const Key& key) {
    std::size_t i = key.hash & (places - 1);
    while (entries[i].run != nullptr && !same(entries[i], key)) {
        i = (i + 1) & (places - 1);
    }
    return i;
}

// Drops every entry. They are taken out first: what is let go of may call back into the table.
void drop(Table* table) {
    Entry* entries = table->entries;
    const std::size_t places = table->places;
    table->entries = nullptr;
    table->places = table->used = 0;
    for (std::size_t i = 0; i < places; ++i) {
        if (entries[i].run != nullptr) {
            PyMem_Free(entries[i].words);
            Py_XDECREF(entries[i].subscripts);
            Py_DECREF(entries[i].run);
        }
    }
    PyMem_Free(entries);
}

bool grow(Table* table) {
    const std::size_t places = table->places ? 2 * table->places : 64;
    Entry* entries = static_cast<Entry*>(PyMem_Calloc(places, sizeof(Entry)));
    if (entries == nullptr) {
        return false;
    }
    for (std::size_t i = 0; i < table->places; ++i) {
        if (table->entries[i].run != nullptr) {
            std::size_t j = table->entries[i].hash & (places - 1);
            while (entries[j].run != nullptr) {
                j = (j + 1) & (places - 1);
            }
            entries[j] = table->entries[i];
        }
    }
    PyMem_Free(table->entries);
    table->entries = entries;
    table->places = places;
    return true;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    static const char* const NAMES[] = {"limit", "small", nullptr};
    Py_ssize_t limit = 4096;
    int small = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|np:Table", const_cast<char**>(NAMES), &limit,
                                     &small)) {
        return nullptr;
    }
    if (limit < 1) {
        PyErr_Format(PyExc_ValueError, "limit must be 1 or more, not %zd", limit);
        return nullptr;
    }
    PyObject* object = type->tp_alloc(type, 0);
    if (object != nullptr) {
        reinterpret_cast<Table*>(object)->limit = static_cast<std::size_t>(limit);
        reinterpret_cast<Table*>(object)->small = small != 0;
    }
    return object;
}

int traverse(PyObject* object, visitproc visit, void* arg) {
    Table* table = reinterpret_cast<Table*>(object);
    Py_VISIT(Py_TYPE(object));
    for (std::size_t i = 0; i < table->places; ++i) {
        Py_VISIT(table->entries[i].run);
    }
    return 0;
}

int clear(PyObject* object) {
    drop(reinterpret_cast<Table*>(object));
    return 0;
}

void release(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    drop(reinterpret_cast<Table*>(object));
    type->tp_free(object);
    Py_DECREF(type);
}

PyObject* forget(PyObject* object, PyObject*) {
    drop(reinterpret_cast<Table*>(object));
    Py_RETURN_NONE;
}

// Scans all places: what is replaced has been tried before, which took longer.
PyObject* replace(PyObject* object, PyObject* const* args, Py_ssize_t count) {
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "expected what ran calls, and what is to run them");
        return nullptr;
    }
    Table* table = reinterpret_cast<Table*>(object);
    Py_ssize_t found = 0;
    for (std::size_t i = 0; i < table->places; ++i) {
        if (table->entries[i].run == args[0]) {
            table->entries[i].run = Py_NewRef(args[1]);
            ++found;
        }
    }
    for (Py_ssize_t i = 0; i < found; ++i) { // the caller holds it, too: nothing is called back
        Py_DECREF(args[0]);
    }
    return PyLong_FromSsize_t(found);
}

Py_ssize_t length(PyObject* object) {
    return static_cast<Py_ssize_t>(reinterpret_cast<Table*>(object)->used);
}

PyMethodDef methods[] = {
    {"clear", forget, METH_NOARGS, "clear()\n--\n\nForget every call."},
    {"replace", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(replace)), METH_FASTCALL,
     "replace(old, new, /)\n--\n\nLet what ``old`` ran be run by ``new``; how many calls those are."},
    {nullptr, nullptr, 0, nullptr},
};

const char DOC[] =
    "Table(limit=4096, small=False)\n--\n\n"
    "What runs calls that are known, by their facts; with ``small``, small calls that are not\n"
    "known are understood by the core.";

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>(DOC)},
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(clear)},
    {Py_tp_dealloc, reinterpret_cast<void*>(release)},
    {Py_tp_methods, methods},
    {Py_sq_length, reinterpret_cast<void*>(length)},
    {0, nullptr},
};

PyType_Spec spec = {
    "einroute._native._core.Table",
    sizeof(Table),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

} // namespace

namespace {

PyObject *name_shape = nullptr, *name_data = nullptr;

bool is_number(int type) {
    return (type >= NPY_BOOL && type <= NPY_CLONGDOUBLE) || type == NPY_HALF;
}

// Adds a shape, a tuple; false without an exception if it is not one of numbers.
bool add_shape(Key& key, PyObject* shape) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(shape); ++i) {
        PyObject* item = PyTuple_GET_ITEM(shape, i);
        const Py_ssize_t size = PyLong_Check(item) ? PyLong_AsSsize_t(item) : -1;
        if (size < 0 || !add_word(key, size)) {
            PyErr_Clear();
            return false;
        }
    }
    return true;
}

// Entries count by powers of two: a plan is good for all operands that hold about as many.
int bits_of(npy_intp count) {
    int bits = 0;
    for (; count > 0; count >>= 1) {
        ++bits;
    }
    return bits;
}

// Adds the facts of a sparse operand of a class that is known; false without an exception if it is none.
bool add_sparse(Key& key, PyObject* operand) {
    if (format_of(operand) == Format::Unknown) {
        return false;
    }
    PyObject* data = PyObject_GetAttr(operand, name_data);
    PyObject* shape = data == nullptr ? nullptr : PyObject_GetAttr(operand, name_shape);
    bool good = shape != nullptr && PyArray_CheckExact(data) && PyTuple_CheckExact(shape);
    if (good) {
        PyArrayObject* x = reinterpret_cast<PyArrayObject*>(data);
        const int type = PyArray_TYPE(x);
        good = is_number(type) && PyArray_ISNOTSWAPPED(x) &&
               add_word(key, reinterpret_cast<std::intptr_t>(Py_TYPE(operand))) &&
               add_word(key, type | bits_of(PyArray_SIZE(x)) << 8 | int(PyTuple_GET_SIZE(shape)) << 16) &&
               add_shape(key, shape);
    }
    Py_XDECREF(data);
    Py_XDECREF(shape);
    PyErr_Clear();
    return good;
}

} // namespace

bool begin_key(Key& key, int function, PyObject* subscripts) {
    key.subscripts = subscripts;
    key.count = 0;
    key.words[key.count++] = function;
    key.hash = 0;
    if (subscripts != nullptr) {
        const Py_hash_t hash = PyObject_Hash(subscripts);
        if (hash == -1) {
            PyErr_Clear();
            return false;
        }
        key.hash = static_cast<std::uint64_t>(hash);
    }
    return true;
}

bool add_word(Key& key, std::int64_t word) {
    if (key.count >= MOST_WORDS) {
        return false;
    }
    key.words[key.count++] = word;
    return true;
}

bool add_operand(Key& key, PyObject* operand) {
    if (!PyArray_CheckExact(operand)) {
        return add_sparse(key, operand);
    }
    PyArrayObject* x = reinterpret_cast<PyArrayObject*>(operand);
    const int type = PyArray_TYPE(x), ndim = PyArray_NDIM(x);
    if (!is_number(type) || !PyArray_ISNOTSWAPPED(x) || key.count + 1 + 2 * ndim > MOST_WORDS) {
        return false;
    }
    const bool ordered = PyArray_IS_C_CONTIGUOUS(x);
    std::int64_t* to = key.words + key.count;
    *to++ = type | ndim << 8 | (ordered ? 1 << 16 : 0);
    const npy_intp* dims = PyArray_DIMS(x);
    for (int i = 0; i < ndim; ++i) {
        *to++ = dims[i];
    }
    if (!ordered) {
        const npy_intp* strides = PyArray_STRIDES(x);
        for (int i = 0; i < ndim; ++i) {
            *to++ = strides[i];
        }
    }
    key.count = static_cast<int>(to - key.words);
    return true;
}

void end_key(Key& key) {
    std::uint64_t hash = key.hash;
    for (int i = 0; i < key.count; ++i) {
        hash = mixed(hash, static_cast<std::uint64_t>(key.words[i]));
    }
    key.hash = hash;
}

bool same_words(const Key& a, const Key& b) {
    return a.count == b.count &&
           std::memcmp(a.words, b.words, static_cast<std::size_t>(a.count) * sizeof a.words[0]) == 0;
}

PyObject* find(PyObject* object, const Key& key) {
    const Table* table = reinterpret_cast<Table*>(object);
    if (table->places == 0) {
        return nullptr;
    }
    return table->entries[place_of(table->entries, table->places, key)].run;
}

int keep(PyObject* object, const Key& key, PyObject* run) {
    Table* table = reinterpret_cast<Table*>(object);
    const std::size_t bytes = static_cast<std::size_t>(key.count) * sizeof key.words[0];
    std::int64_t* words = static_cast<std::int64_t*>(PyMem_Malloc(bytes));
    if (words == nullptr) {
        PyErr_NoMemory();
        return -1;
    }
    std::memcpy(words, key.words, bytes);
    if (table->used >= table->limit) {
        drop(table);
    }
    if (2 * (table->used + 1) > table->places && !grow(table)) {
        PyMem_Free(words);
        PyErr_NoMemory();
        return -1;
    }
    Entry& entry = table->entries[place_of(table->entries, table->places, key)];
    if (entry.run != nullptr) { // known: what runs it is replaced
        PyMem_Free(words);
        PyObject* before = entry.run;
        entry.run = Py_NewRef(run);
        Py_DECREF(before);
        return 0;
    }
    entry.hash = key.hash;
    entry.count = key.count;
    entry.words = words;
    entry.subscripts = Py_XNewRef(key.subscripts);
    entry.run = Py_NewRef(run);
    ++table->used;
    return 0;
}

bool answers_small(PyObject* table) {
    return reinterpret_cast<Table*>(table)->small;
}

bool is_table(PyObject* object) {
    return Py_TYPE(object) == table_type;
}

int add_table(PyObject* module) {
    name_shape = PyUnicode_InternFromString("_shape");
    name_data = PyUnicode_InternFromString("data");
    if (name_shape == nullptr || name_data == nullptr) {
        return -1;
    }
    table_type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
    return table_type == nullptr ? -1 : PyModule_AddType(module, table_type);
}

} // namespace einroute
