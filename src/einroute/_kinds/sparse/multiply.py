"""Two sparse matrices with the same labels, element by element: a pass over the rows of both."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Alone, Declined, Offer, Refused, Route, Runner
from ..._entries.entries import Compressed, Entries, tools, total
from ..._native import CORE
from . import short
from .result import (
    ENDED,
    MANY_ROWS,
    SCATTERED,
    TURNED,
    comparing,
    entries_of,
    hand_over,
    layout,
    line_of,
    pair_of_sparse,
    pointers_of,
)

Array = np.ndarray[Any, Any]

#: Nanoseconds for each entry of the operand that has fewer, for each of the other one's that lies in the same
#: rows, or columns; for each of these, and for each row made.
_ENTRY, _BESIDE, _LINE, _MADE = 2.0, 0.35, 1.0, 1.0
#: NumPy calls around that; the core does it whole.
_CALLS = 50.0 if CORE is None else 4.0


def verdict(step: Step) -> Offer | Refused:
    """Offer to multiply matrices element by element, and to sum the products over any of their labels."""
    refused = pair_of_sparse(step)
    if refused is not None:
        return refused
    a, b = step.inputs
    if len(a) != 2 or set(a) != set(b):
        return Refused("not two matrices with the same labels")
    entries = entries_of(step, 0), entries_of(step, 1)
    made = 0 if step.form == "entries" else step.out_bytes
    lines = [line_of(step, 0), line_of(step, 1)]

    def along(label: str) -> float:  # both brought into rows, or columns, which are passed
        turned = [i for i in (0, 1) if lines[i] != label]
        passed = step.sizes[label]
        each = TURNED + (SCATTERED if passed > MANY_ROWS else 0.0)
        moved = sum(entries[i] * each + pointers_of(step, i) for i in turned)
        beside = min(max(entries), min(entries) * max(entries) / max(1, passed))
        ended = ENDED * min(*entries, passed)
        return moved + passed * (_LINE + len(turned)) + ended + beside * _BESIDE

    work = min(entries) * _ENTRY + comparing(step) + min(along(a[0]), along(a[1]))
    if step.output:
        work += step.sizes[step.output[0]] * _MADE
    cost = Cost(work, float(step.in_bytes + made), _CALLS, 1e9)
    return Offer(cost, layout(step), None, "scipy.sparse's product of elements")


def bind(step: Step, offer: Offer) -> Runner:
    """Both compressed along one axis, and multiplied row by row."""
    labels, other = step.inputs
    swapped = other != labels

    def run(a: Entries, b: Entries, out: Array | None = None) -> Any:
        if step.dtype.kind in "fc" and not all(np.isfinite(x.data).all() for x in (a, b)):
            return Declined("an entry is not finite: it would be multiplied with absent ones")
        a, b = a.settled(), b.settled()
        axis = 0 if a.compressed is None else a.compressed.axis
        n, m = a.shape[axis], a.shape[1 - axis]
        left = a.csr((axis,), (1 - axis,))
        right = b.csr((1 - axis,), (axis,)) if swapped else b.csr((axis,), (1 - axis,))
        index: Any = np.int32 if all(x.dtype == np.int32 for x in (*left[:2], *right[:2])) else np.int64
        matrices = [
            x.astype(index, copy=False) if i < 2 else x for y in (left, right) for i, x in enumerate(y)
        ]
        most = a.nnz + b.nnz
        indptr, indices, data = np.empty(n + 1, index), np.empty(most, index), np.empty(most, step.dtype)
        tools.csr_elmul_csr(n, m, *matrices, indptr, indices, data)
        end = int(indptr[-1])
        if not step.output:
            return hand_over(step, "", Entries((), total(data[:end]), ()), out)
        compressed = Compressed(indptr, indices[:end].copy(), axis)
        made = Entries(a.shape, data[:end].copy(), None, compressed, fresh=True)
        return hand_over(step, labels, made, out)

    return run


def _short(alone: Alone, run: Runner) -> Runner | None:
    return None if CORE is None else short.of_pair(alone, run)


ROUTE = Route("sparse.multiply", verdict, bind, guard="all entries are finite", short=_short)
