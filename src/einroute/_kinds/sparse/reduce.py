"""One sparse operand: sums over some of its labels, the others in any order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._cost import Cost
from ..._kernels.entries import Entries, tools, total
from ..._problem import Step
from ..._route import Offer, Refused, Route, Runner
from .result import SCATTER, entries_of, hand_over, layout

Array = np.ndarray[Any, Any]


def verdict(step: Step) -> Offer | Refused:
    """Offer to drop the coordinates that are summed over."""
    if len(step.inputs) != 1:
        return Refused("more than one operand")
    nnz = entries_of(step, 0)
    made = 0 if step.sparse else step.out_bytes
    cost = Cost(nnz, float(step.in_bytes + made), 3.0, 1 / SCATTER)
    return Offer(cost, layout(step), None, "entries that differ in summed labels only fall together")


def bind(step: Step, offer: Offer) -> Runner:
    """Drop coordinates; a vector of row sums is made without them."""
    (labels,) = step.inputs
    output, dense = step.output, not step.sparse
    kept = labels.find(output) if len(labels) == 2 and len(output) == 1 else -1

    def run(a: Entries, out: Array | None = None) -> Any:
        if not output:
            a = Entries((), total(a.data), ())
            return a if step.sparse else _zero_d(a.data[0], out)
        c = a.compressed
        if c is not None and kept == c.axis:
            sums = np.zeros(a.shape[kept], a.dtype)
            ones = np.ones(a.shape[1 - kept], a.dtype)
            tools.csr_matvec(len(sums), len(ones), c.indptr, c.indices, a.data, ones, sums)
            if not dense:
                held = np.flatnonzero(np.diff(c.indptr))
                return Entries((len(sums),), sums[held], (held,), fresh=True)
            if out is None:
                return sums
            np.copyto(out, sums, casting="unsafe")
            return out
        return hand_over(step, labels, a, out)

    return run


def _zero_d(value: Any, out: Array | None) -> Any:
    if out is None:
        return np.asarray(value)
    out[...] = value
    return out


ROUTE = Route("sparse.reduce", verdict, bind)
