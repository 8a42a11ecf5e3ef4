// Labels and places that Python gives, and blocks of work on them.
#pragma once

#include "label_loops.hpp"
#include "numpy_api.hpp"
#include "threads.hpp"

namespace einroute {

// Sets a ValueError, where no exception is set; false.
bool label_fault(const char* message);

// Reads label arrays, all of one shape; false with an exception set where they do not fit.
bool read_labels(PyObject* labels, PyObject* lengths, PyObject* scales, Places& places);

// Reads what coordinates count, and sees that no index reaches the number of rows.
bool read_steps(PyObject* steps, std::int64_t rows, Places& places);

// Nanoseconds that places with rows of a width take.
double place_time(const Places& places, std::ptrdiff_t width);

// Into how many blocks so much work is cut.
std::ptrdiff_t place_blocks(double nanoseconds);

// Where one of `count` blocks of `size` places starts and stops.
void place_bounds(std::ptrdiff_t size, std::ptrdiff_t count, std::ptrdiff_t index, std::ptrdiff_t& start,
                  std::ptrdiff_t& stop);

// Runs blocks, without the GIL where they take long; false with an exception set if a signal's handler
// raised.
bool run_places(void* job, std::ptrdiff_t count, double nanoseconds, int threads, Block block);

} // namespace einroute
