// Entries by coordinates brought into compressed rows. No Python here.
#pragma once

#include <cstddef>

namespace einroute {

// Entries in any order, perhaps several of a place.
struct Coordinates {
    bool wide; // whether indices are 64-bit
    const void* lines;
    const void* others;
    const char* data;
    std::ptrdiff_t item; // bytes of a value
    std::ptrdiff_t count;
};

// Writes `rows` + 1 pointers, and indices and values in the order of the rows; entries of a row keep theirs.
// False where a row is out of range; the other index is copied as it is.
bool compress(const Coordinates& entries, std::ptrdiff_t rows, void* indptr, void* indices, char* values);

// Writes the line of each of `count` entries that are compressed along `lines`; false where pointers do not
// rise from 0 to their number.
bool number_lines(bool wide, const void* indptr, std::ptrdiff_t lines, std::ptrdiff_t count, void* to);

// The same by bisection, for far fewer entries than lines; -1 for an entry that no line has.
void bisect_lines(bool wide, const void* indptr, std::ptrdiff_t lines, std::ptrdiff_t count, void* to);

} // namespace einroute
