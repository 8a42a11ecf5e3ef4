"""One sparse operand: sums over some of its labels, the others in any order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner
from ..._entries.entries import CROWDED, Compressed, Entries, scatter_add, tools, total
from .result import comparing, entries_of, hand_over, layout, line_of, ordering, passing, pointers_of, spread

Array = np.ndarray[Any, Any]

#: Seconds of an entry and of a pointer, and of both where all is summed; NumPy calls around that.
_ENTRY, _POINTER, _SUMMED, _READ, _CALLS = 1.3e-9, 1.2e-9, 0.25e-9, 0.15e-9, 20.0
#: Nanoseconds an entry where sums have no array of all places: the places are sorted.
_SORTED = 40.0
#: Seconds more an entry where sums of coordinates wait for the ones before.
_WAITS = 2.5e-9


def verdict(step: Step) -> Offer | Refused:
    """Offer to drop the coordinates that are summed over."""
    if len(step.inputs) != 1:
        return Refused("more than one operand")
    nnz = entries_of(step, 0)
    made = 0 if step.form == "entries" else step.out_bytes
    entry, pointer = (_ENTRY, _POINTER) if step.output else (_SUMMED, _READ)
    if len(step.output) == 1 and not line_of(step, 0):
        entry += _WAITS
    entry += spread(step) * 1e-9
    work = (nnz * entry + pointers_of(step, 0) * pointer) * 1e9 + comparing(step) + ordering(step, 0)
    if step.output and line_of(step, 0) == step.output:
        work += passing(step, 0)
    if len(step.output) == 1 and step.sizes[step.output] > CROWDED * nnz:
        work += nnz * _SORTED
    cost = Cost(work, float(step.in_bytes + made), _CALLS, 1e9)
    return Offer(cost, layout(step), None, "entries that differ in summed labels only fall together")


def bind(step: Step, offer: Offer) -> Runner:
    """Drop coordinates; vectors of row and of column sums are made without them."""
    (labels,) = step.inputs
    output, dense = step.output, step.form == "dense"
    # One number after the other is added to each sum, which loses digits of single precision.
    wide = np.promote_types(step.dtype, np.float64) if step.dtype.char in "fF" else step.dtype
    kept = labels.find(output) if len(labels) == 2 and len(output) == 1 else -1

    def run(a: Entries, out: Array | None = None) -> Any:
        if not output:
            a = Entries((), total(a.data), ())
            return a if step.form == "entries" else _zero_d(a.data[0], out)
        c = a.compressed
        # Coordinates of a long axis with few entries are sorted: there may be no room for all its places.
        if c is None or kept < 0 or (kept != c.axis and not dense and a.shape[kept] > CROWDED * a.nnz):
            return _summed(step, labels, a, wide, out)
        if kept == c.axis:
            c = a.settled().compressed
            assert c is not None
        sums = (_along if kept == c.axis else _across)(c, a.data.astype(wide, copy=False), a.shape)
        sums = sums.astype(a.dtype, copy=False)
        if not dense:
            # Where a sum is not zero there is an entry.
            held = np.arange(len(sums)) if sums.all() else _held(c, kept, len(sums))
            return Entries(sums.shape, sums[held], (held,), fresh=True)
        if out is None:
            return sums
        np.copyto(out, sums, casting="unsafe")
        return out

    return run


def _summed(step: Step, labels: str, a: Entries, wide: np.dtype[Any], out: Array | None) -> Any:
    """The entries without the coordinates that are summed over, in the step's dtype."""
    if wide == a.dtype or len(step.output) == len(labels):
        return hand_over(step, labels, a, out)
    made = a.with_data(a.data.astype(wide)).take([labels.index(c) for c in step.output])
    if step.form == "entries":
        made = made.summed()
        return made.with_data(made.data.astype(a.dtype))
    return made.dense(step.order, out).astype(a.dtype, copy=False)


def _along(c: Compressed, data: Array, shape: tuple[int, ...]) -> Array:
    """Sums of the rows, or columns, that are compressed."""
    n, m = shape[c.axis], shape[1 - c.axis]
    if data.dtype.kind != "c" and m <= CROWDED * len(data):
        sums = np.zeros(n, data.dtype)
        tools.csr_matvec(n, m, c.indptr, c.indices, data, np.ones(m, data.dtype), sums)
        return sums
    # Without a vector of ones: there may be no room for it, and complex inf times one is nan.
    sums, there = np.zeros(n, data.dtype), np.flatnonzero(c.indptr[1:] != c.indptr[:-1])
    if len(there):
        add = np.logical_or if data.dtype.kind == "b" else np.add
        sums[there] = add.reduceat(data[: c.indptr[-1]], c.indptr[there], dtype=data.dtype)
    return sums


def _across(c: Compressed, data: Array, shape: tuple[int, ...]) -> Array:
    """Sums over the axis that is compressed."""
    return scatter_add(c.indices, data, shape[1 - c.axis])


def _held(c: Compressed, axis: int, length: int) -> Array:
    """The places along an axis at which there is an entry, in order."""
    if axis == c.axis:
        return np.flatnonzero(c.indptr[1:] != c.indptr[:-1])
    there = np.zeros(length, np.bool)
    there[c.indices] = True
    return np.flatnonzero(there)


def _zero_d(value: Any, out: Array | None) -> Any:
    if out is None:
        return np.asarray(value)
    out[...] = value
    return out


ROUTE = Route("sparse.reduce", verdict, bind)
