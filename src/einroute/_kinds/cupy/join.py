"""Two operands by their entries: each entry of one with those of the other with its indices on shared axes.

A join by sorting (Knuth, "The Art of Computer Programming", volume 3, section 6.5): one side is sorted by the
shared axes, the other is looked up in it. How many pairs there are is read, which waits for the device: no
array of so many can be made before.
"""

from __future__ import annotations

from typing import Any

import cupy
import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import NoRoute, Offer, Refused, Route, Runner
from ..array_library.routes import laid_out
from .cells import Cells, cells_of, written
from .dense import LIBRARY
from .gather import ENTRIES, NAME, sparse_facts

__all__ = ["ROUTE"]

#: Pairs a second, and bytes that a pair takes beside its indices; pairs beyond which they are refused.
_PAIRS, _BYTES, _MOST = 3e7, 40, 1 << 31
_LARGEST = 2**63 - 1


def _verdict(step: Step) -> Offer | Refused:
    """Offer to join two operands."""
    if len(step.inputs) != 2 or any(op.form not in ENTRIES for op in step.operands):
        return Refused("not two operands by their entries")
    first, second = step.inputs
    shared = "".join(c for c in first if c in second)
    dense = step.form != NAME
    if step.extent(shared) > _LARGEST or (dense and step.extent(step.output) > _LARGEST):
        return Refused("more places than 64 bits can count")
    a, b = (op.nnz or 0 for op in step.operands)
    pairs = a * b // max(1, step.extent(shared))
    cost = Cost(float(pairs + a + b), 0.0, 12 * LIBRARY.calls, _PAIRS)
    facts = None if dense else sparse_facts(step, min(pairs, step.extent(step.output)))
    return Offer(cost, step.output, shared, f"about {pairs} pairs of entries", facts=facts)


def _bind(step: Step, offer: Offer) -> Runner:
    first, second = step.inputs
    axes = [[x.index(c) for c in offer.recipe] for x in (first, second)]
    shape = tuple(step.sizes[c] for c in step.output)

    def run(x: Any, y: Any, out: Any = None) -> Any:
        a, b = cells_of(x), cells_of(y)
        at_a, at_b = _pairs(_keys(a, axes[0], -1), _keys(b, axes[1], -2), step)
        values = cupy.multiply(a.filled(step.dtype)[at_a], b.filled(step.dtype)[at_b])
        coords = tuple(
            a.coords[first.index(c)][at_a] if c in first else b.coords[second.index(c)][at_b]
            for c in step.output
        )
        made = Cells(shape, values, coords, int(values.size), a.device)
        return made if step.form == NAME else written(made)

    return LIBRARY.placed(run if step.form == NAME else laid_out(LIBRARY, step, run))


def _keys(cells: Cells, axes: list[int], none: int) -> Any:
    """The index of each entry on the shared axes; of padding one that no other entry has."""
    keys = cells.index(axes)
    return keys if cells.valid is None else cupy.where(cells.valid, keys, np.int64(none))


def _pairs(a: Any, b: Any, step: Step) -> tuple[Any, Any]:
    """Positions of every two entries with one key.

    Raises
    ------
    NoRoute
        There are too many.
    """
    order = cupy.argsort(b)
    keys = b[order]
    low = cupy.searchsorted(keys, a)
    counts = cupy.searchsorted(keys, a, side="right") - low
    ends = cupy.cumsum(counts)
    total = int(ends[-1]) if a.size else 0
    limit: int | None = dict(step.told).get("memory_limit")
    takes = total * (step.dtype.itemsize + _BYTES)
    if total > _MOST or (limit is not None and takes > limit):
        bound = f"memory_limit={limit}" if total <= _MOST else f"the {_MOST} pairs that are allowed at most"
        raise NoRoute(
            f"{total} pairs of entries of two sparse operands are multiplied, which takes {takes} bytes, "
            f"more than {bound}: write one of them out with toarray(), or contract in another order"
        )
    number = cupy.arange(total)
    at_a = cupy.searchsorted(ends, number, side="right")
    before = (ends - counts - low)[at_a]
    return at_a, order[number - before]


ROUTE = Route("cupy_sparse.join", _verdict, _bind)
