// Products of stacks of small operands: compiled once for each instruction set, in a namespace of its own.
//
// One axis runs along the lanes of vectors: the stack, or the rows or columns of each matrix. What does not
// lie so is packed first, a block of lanes at a time. Each element of the result is the sum of its products
// in the order of the sums, whichever axis that is and however many lanes: bits depend on the operands alone.

#include "complex.hpp"
#include "real.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {

extern const Kernels KERNELS;
const Kernels KERNELS = {
    run_real<float>,
    run_real<double>,
    run_complex<float>,
    run_complex<double>,
    price_real<float>,
    price_real<double>,
    price_complex<float>,
    price_complex<double>,
    arrange_real<float>,
    arrange_real<double>,
    arrange_complex<float>,
    arrange_complex<double>,
    run_arranged_real<float>,
    run_arranged_real<double>,
    run_arranged_complex<float>,
    run_arranged_complex<double>,
};

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
