#include "table.hpp"

#include "object.hpp"

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
    Entry* entries = nullptr;
    std::size_t places = 0; // a power of two, or 0
    std::size_t used = 0, limit = 0;
    bool small = false;
    bool strict = false;

    ~Table();
    template <class Visit> void references(const Visit& visit) {
        for (std::size_t i = 0; i < places; ++i) {
            visit(entries[i].run);
        }
    }
};

PyTypeObject* table_type = nullptr;

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
void drop(Table& table) {
    Entry* entries = table.entries;
    const std::size_t places = table.places;
    table.entries = nullptr;
    table.places = table.used = 0;
    for (std::size_t i = 0; i < places; ++i) {
        if (entries[i].run != nullptr) {
            PyMem_Free(entries[i].words);
            Py_XDECREF(entries[i].subscripts);
            Py_DECREF(entries[i].run);
        }
    }
    PyMem_Free(entries);
}

bool grow(Table& table) {
    const std::size_t places = table.places ? 2 * table.places : 64;
    Entry* entries = static_cast<Entry*>(PyMem_Calloc(places, sizeof(Entry)));
    if (entries == nullptr) {
        return false;
    }
    for (std::size_t i = 0; i < table.places; ++i) {
        if (table.entries[i].run != nullptr) {
            std::size_t j = table.entries[i].hash & (places - 1);
            while (entries[j].run != nullptr) {
                j = (j + 1) & (places - 1);
            }
            entries[j] = table.entries[i];
        }
    }
    PyMem_Free(table.entries);
    table.entries = entries;
    table.places = places;
    return true;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* keywords) {
    static const char* const NAMES[] = {"limit", "small", "strict", nullptr};
    Py_ssize_t limit = 4096;
    int small = 0, strict = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|npp:Table", const_cast<char**>(NAMES), &limit, &small,
                                     &strict)) {
        return nullptr;
    }
    if (limit < 1) {
        PyErr_Format(PyExc_ValueError, "limit must be 1 or more, not %zd", limit);
        return nullptr;
    }
    return make_object<Table>(type, nullptr, [&](Table& table) {
        table.limit = static_cast<std::size_t>(limit);
        table.small = small != 0;
        table.strict = strict != 0;
        return true;
    });
}

int clear(PyObject* object) {
    drop(state_of<Table>(object));
    return 0;
}

PyObject* forget(PyObject* object, PyObject*) {
    drop(state_of<Table>(object));
    Py_RETURN_NONE;
}

// Scans all places: what is replaced has been tried before, which took longer.
PyObject* replace(PyObject* object, PyObject* const* args, Py_ssize_t count) {
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "expected what ran calls, and what is to run them");
        return nullptr;
    }
    Table& table = state_of<Table>(object);
    Py_ssize_t found = 0;
    for (std::size_t i = 0; i < table.places; ++i) {
        if (table.entries[i].run == args[0]) {
            table.entries[i].run = Py_NewRef(args[1]);
            ++found;
        }
    }
    for (Py_ssize_t i = 0; i < found; ++i) { // the caller holds it, too: nothing is called back
        Py_DECREF(args[0]);
    }
    return PyLong_FromSsize_t(found);
}

Py_ssize_t length(PyObject* object) {
    return static_cast<Py_ssize_t>(state_of<Table>(object).used);
}

PyMethodDef methods[] = {
    {"clear", forget, METH_NOARGS, "clear()\n--\n\nForget every call."},
    {"replace", fast_method(replace), METH_FASTCALL,
     "replace(old, new, /)\n--\n\nLet what ``old`` ran be run by ``new``; how many calls those are."},
    {nullptr, nullptr, 0, nullptr},
};

const char DOC[] =
    "Table(limit=4096, small=False, strict=False)\n--\n\n"
    "What runs calls that are known, by their facts; with ``small``, small calls that are not\n"
    "known are understood by the core; with ``strict``, none is handed to NumPy's functions by it.";

const PyType_Slot SLOTS[] = {
    {Py_sq_length, reinterpret_cast<void*>(length)},
    {0, nullptr},
};

Table::~Table() {
    drop(*this);
}

} // namespace

PyObject* find(PyObject* object, const Key& key) {
    const Table& table = state_of<Table>(object);
    if (table.places == 0) {
        return nullptr;
    }
    return table.entries[place_of(table.entries, table.places, key)].run;
}

int keep(PyObject* object, const Key& key, PyObject* run) {
    Table& table = state_of<Table>(object);
    const std::size_t bytes = static_cast<std::size_t>(key.count) * sizeof key.words[0];
    std::int64_t* words = static_cast<std::int64_t*>(PyMem_Malloc(bytes));
    if (words == nullptr) {
        PyErr_NoMemory();
        return -1;
    }
    std::memcpy(words, key.words, bytes);
    if (table.used >= table.limit) {
        drop(table);
    }
    if (2 * (table.used + 1) > table.places && !grow(table)) {
        PyMem_Free(words);
        PyErr_NoMemory();
        return -1;
    }
    Entry& entry = table.entries[place_of(table.entries, table.places, key)];
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
    ++table.used;
    return 0;
}

bool is_strict(PyObject* table) {
    return state_of<Table>(table).strict;
}

bool answers_small(PyObject* table) {
    return state_of<Table>(table).small;
}

bool is_table(PyObject* object) {
    return Py_TYPE(object) == table_type;
}

int add_table(PyObject* module) {
    TypeParts parts{"einroute._native._core.Table", make};
    parts.doc = DOC;
    parts.methods = methods;
    parts.slots = SLOTS;
    parts.called = false;
    parts.clear = clear;
    table_type = add_type<Table>(module, parts);
    return table_type == nullptr ? -1 : 0;
}

} // namespace einroute
