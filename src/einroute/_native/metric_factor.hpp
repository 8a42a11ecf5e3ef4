// Cholesky factors of small metrics.
#pragma once

#include "numpy_api.hpp"

#include <cstddef>

namespace einroute {

// Fills the upper factor U, zero below the diagonal, of the symmetric part U' U of a metric (features,
// features); false where that is not positive definite, or is diagonal.
bool factor_metric(const double* metric, std::ptrdiff_t features, double* u);

// Adds the function to the module; -1 with an exception set if that fails.
int add_metric_factor(PyObject* module);

} // namespace einroute
