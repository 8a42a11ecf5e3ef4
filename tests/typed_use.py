"""What type checkers see of einroute: checked by mypy with the sources, and never run.

Each ignored error must be one: mypy warns of those that are none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import einroute as er

a: NDArray[np.float64] = np.ones((3, 3))

with er.config(threads=1, memory_limit=None, reproducible=True, on_densify="warn", strict=False):
    pass
with er.config(allow="dense.matmul", forbid=["numpy.einsum"]):
    pass
er.set_config(cache_bytes=1 << 20, prepare="never", threads=2)

er.config(thread=1)  # type: ignore[call-arg]
er.config(threads="1")  # type: ignore[arg-type]
er.config(on_densify="quiet")  # type: ignore[arg-type]
er.config(cache_bytes=1)  # type: ignore[call-arg]
er.set_config(prepare="sometimes")  # type: ignore[arg-type]

explained: er.Explanation = er.explain("ij,jk->ik", a, a, verbose=True)
explained.show(verbose=False)
recorded: er.Recording
with er.record() as recorded:
    er.einsum("ij,jk->ik", a, a)
factors: er.Factorized = er.factorize(a)
answer: tuple[Any, ...] = er.lstsq(factors, a[0])
er.explain("ij,jk->ik", a, a, verbose="yes")  # type: ignore[arg-type]
