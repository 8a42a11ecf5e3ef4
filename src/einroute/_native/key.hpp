// What a call is known by.
#pragma once

#include "numpy_api.hpp"

#include <cstdint>

namespace einroute {

// The most operands and words of a key: other calls are Python's to find.
constexpr int MOST_OPERANDS = 16;
constexpr int MOST_WORDS = 160;

// The facts of a call: which function, and of each operand its dtype, shape and layout. What is compared by
// value and may be long, einsum's subscripts, stands beside them.
struct Key {
    PyObject* subscripts; // borrowed; null for functions without
    std::uint64_t hash;
    int count;
    std::int64_t words[MOST_WORDS];
};

// Begins the key of a call of a function of number `function`; false if the subscripts have no hash.
bool begin_key(Key& key, int function, PyObject* subscripts);

// Adds a number; false if the key is full.
bool add_word(Key& key, std::int64_t word);

// Adds the facts of an operand; false if it is neither a plain array nor of a sparse class that is known, or
// the key is full.
//
// An array is plain if it is exactly an ndarray, of numbers or bools in native byte order. The strides of a
// C-contiguous array follow from its shape.
bool add_operand(Key& key, PyObject* operand);

// Ends the key: no more is added.
void end_key(Key& key);

// Whether two keys of one function and the same subscripts are of the same facts.
bool same_words(const Key& a, const Key& b);

} // namespace einroute
