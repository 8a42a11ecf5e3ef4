// What the kernel files of one instruction set define: compiled once for each set, in its namespace.

#include "../tables.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {

extern const Kernels KERNELS;
extern const BoxKernels BOXES;
extern const SparseTypes SPARSE;
extern const FormKernels FORMS;
extern const PairKernels PAIRS;
extern const WeightKernels WEIGHTS;
extern const LinearKernels LINEAR_FORMS;
extern const ClassLoop CLASSES;
extern const CorrelationKernels CORRELATIONS;
extern const IndexLoops INDICES;
extern const RowLoops ROWS;
extern const SampledTypes SAMPLED;

extern const KernelTables TABLES;
const KernelTables TABLES = {KERNELS,      BOXES,   SPARSE,       FORMS,   PAIRS, WEIGHTS,
                             LINEAR_FORMS, CLASSES, CORRELATIONS, INDICES, ROWS,  SAMPLED};

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
