// Rows added up and taken by label, labels counted and compared. No Python here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace einroute {

constexpr int MOST_PLACE_AXES = 16, MOST_LABELS = 8;

// Labels of the places: integers of `size` bytes. Each is compared on the value that is used.
struct Labels {
    const char* data;
    std::ptrdiff_t strides[MOST_PLACE_AXES]; // in bytes
    int size;
    bool is_signed;
    std::uint64_t length; // what a label must lie below
    std::int64_t scale;   // what it counts in the index
};

// Places, and the index that labels and coordinates give each of them.
struct Places {
    int ndim, count;
    std::ptrdiff_t shape[MOST_PLACE_AXES];
    std::ptrdiff_t size;                 // all places
    std::int64_t steps[MOST_PLACE_AXES]; // what coordinates count in the index
    Labels labels[MOST_LABELS];
};

// Rows at the places, of `width` numbers. Strides are in bytes.
struct Rows {
    const char* data;
    std::ptrdiff_t strides[MOST_PLACE_AXES];
    std::ptrdiff_t width, by_column;
};

// Axes that follow each other evenly for all that is read become one.
void simplify_places(Places& places, Rows* rows);

constexpr std::ptrdiff_t NARROW = 8;

// Sums, counts and products of one dtype.
struct LabelLoops {
    // Adds the rows from place `start` to before `stop`, columns `low` to before `high`, to a total of
    // `length` rows of `pitch` numbers, where `out` is column `low`. A place without a class adds to nothing.
    // Where `tables` is 4, places are added to so many totals in turn, `apart` numbers apart, those without a
    // class to the row before a total; rows are of NARROW numbers at most, all of them.
    void (*add)(const Places&, const Rows&, std::ptrdiff_t start, std::ptrdiff_t stop, std::ptrdiff_t low,
                std::ptrdiff_t high, char* out, std::ptrdiff_t length, std::ptrdiff_t pitch, int tables,
                std::ptrdiff_t apart);
    // Takes rows of `width` numbers by index, each times the factor of its place; zeros where there is none.
    void (*take_scaled)(const Places&, const Rows& factors, std::ptrdiff_t start, std::ptrdiff_t stop,
                        const char* table, std::ptrdiff_t width, char* out);
    // Adds `count` numbers to others.
    void (*merge)(char* to, const char* from, std::ptrdiff_t count);
    // Counts, as numbers of the dtype.
    void (*converted)(const std::int64_t* counts, char* to, std::ptrdiff_t count);
};

// The loops of a dtype, by its character; null where it has none.
const LabelLoops* label_loops(char character);

// Counts how often each index occurs; what is no class is counted before the table. Tables as in `add`.
void count_places(const Places& places, std::ptrdiff_t start, std::ptrdiff_t stop, std::int64_t* counts,
                  int tables, std::ptrdiff_t apart);

// Rows of `bytes` bytes taken by index, zeros where there is none.
void take_rows(const Places& places, std::ptrdiff_t start, std::ptrdiff_t stop, const char* table,
               std::ptrdiff_t bytes, char* out);

// Writes `one`, of so many bytes, where all labels of a place are the same class, else zeros.
void write_ones(const Places& places, std::ptrdiff_t start, std::ptrdiff_t stop, const char* one,
                std::ptrdiff_t bytes, char* to);

// At how many places all labels are the same class.
std::ptrdiff_t count_equal(const Places& places, std::ptrdiff_t start, std::ptrdiff_t stop);

} // namespace einroute
