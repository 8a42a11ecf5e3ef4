"""Memory at its peak: of the process, and of the arrays made beside operands and result."""

from __future__ import annotations

import tracemalloc

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import einroute

from . import CASES, Case, Suite, installed

ARRAY, KERNEL = (1000, 2000), (30, 40)


class SlidingWindow:
    """Correlation of a 16 MB array with a kernel, through a view that would be 18 GB if copied.

    Whoever reshapes the view (np.tensordot, and so np.einsum with a path, and opt_einsum) needs those 18 GB
    and is left out.
    """

    params = ["einroute", "einroute_tensordot", "numpy"]
    param_names = ["implementation"]
    timeout = 300

    def setup(self, implementation: str) -> None:
        rng = np.random.default_rng(20)
        self.kernel = rng.random(KERNEL)
        self.windows = sliding_window_view(rng.random(ARRAY), KERNEL)
        self.module = np if implementation == "numpy" else einroute

    def peakmem_sliding_window(self, implementation: str) -> None:
        if implementation == "einroute_tensordot":
            self.module.tensordot(self.windows, self.kernel, axes=2)
        else:
            self.module.einsum("ijkl,kl->ij", self.windows, self.kernel)


class Gemm(Suite):
    """A product of 72 MB whose C order is the transpose of what the plain product gives."""

    case = Case(
        "memory", "ij,jk->ki", "ij,jk->ki", ((3000, 50), (50, 3000)), order="C", by_hand=("np.dot(b.T, a.T)",)
    )
    table = {case.label: case}
    params = [installed(), list(table)]

    def setup(self, implementation: str, label: str) -> None:
        # no call to warm up with: its peak would be the process's already
        self.call = self.case.statement(implementation, self.case.build()).compiled()

    def peakmem_c_order(self, implementation: str, label: str) -> None:
        self.call()


FORMS = (
    "numpy-asv: Eindot ijk,jil->kl",
    "batched: bqhd,bkhd->bhqk f8",
    "batched: bhqk,bkhd->bqhd f8",
    "networks: ijk,kl,ijl->ij quadratic 300x400 d=6",
    "networks: ikl,lj,kj->ij mttkrp 100x100x100 r=16",
    "elementwise: i,i,i->i n=1000000",
    "elementwise: ij,ij->i 1000x1000",
    "strided: ijkl,kl->ij sliding window",
)


class Temporaries(Suite):
    """Bytes at the peak of a call, beyond its result."""

    table = {case.label: case for case in CASES if case.label in FORMS}
    params = [["einroute", "numpy_optimize", "by_hand"], list(table)]
    unit = "bytes"

    def track_temporaries(self, implementation: str, label: str) -> int:
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            result = self.call()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        return max(0, peak - before - np.asarray(result).nbytes)
