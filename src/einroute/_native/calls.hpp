// A call as the core reads it: where its operands are, and the key that it is known by.
#pragma once

#include "table.hpp"

namespace einroute {

// Where the operands are among the arguments.
enum class Form {
    Einsum,    // after the subscripts, or each before a list of labels
    Tensordot, // two, before axes
    Pair,      // two
    Chain,     // in one list or tuple
};

// Once, before any call is read; -1 with an exception set.
int prepare_calls();

// The form of a name; false if there is none of it.
bool form_of(const char* name, Form& to);

// What was read. Neither copied nor moved: it points into itself.
struct Call {
    Key key;
    PyObject* const* arguments; // the call in the form that its key tells of: given, then named ones
    std::size_t given;
    PyObject* const* arrays; // the operands
    Py_ssize_t count;
    PyObject* out = nullptr; // null where none was named
    bool bare = true;        // whether its result is new and lies in C order, or goes to out
    char order = 'K';        // of a bare call: 'K' or 'C'

    Call() = default;
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // What was made of the arguments, and is held as long as the call lasts: subscripts of labels, arrays of
    // lists.
    static constexpr int MOST_HELD = MOST_OPERANDS + 2;
    PyObject* held[MOST_HELD];
    int holds = 0;
};

// Reads a call of function `number`; false, without an exception, where only Python can tell what it means.
//
// It is read where all operands are plain arrays, sparse operands of classes that are known, or short lists
// of numbers, and nothing but `out`, a plain array, is named.
bool read_call(Form form, int number, PyObject* const* args, Py_ssize_t given, PyObject* names, Call& to);

} // namespace einroute
