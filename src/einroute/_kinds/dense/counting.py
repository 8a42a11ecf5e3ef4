"""Counting what is true: sums of a boolean array in integers, at the speed at which it is read.

NumPy converts booleans to the integers of the result first, eight bytes for each.  Here they are added as
they lie, as bytes: rows of a kilobyte at a time, 255 of them at most, since a byte counts no further.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step, c_strides
from ..._base.routes import Offer, Refused, Route, Runner
from .strides import by_stride, strides_of

Array = np.ndarray[Any, Any]

#: Bytes of a wide row, and how many of them a byte can count.
_WIDE, _MOST = 1 << 10, 255
#: Elements of rows from which each is counted by itself.
_LONG = 1 << 10


def verdict(step: Step) -> Offer | Refused:
    """Offer to count where the summed labels are all outermost, or all innermost, in contiguous memory."""
    if len(step.inputs) != 1 or step.operands[0].dtype.kind != "b" or step.dtype.kind not in "iu":
        return Refused("no sum of booleans in integers")
    (labels,), (op,) = step.inputs, step.operands
    if len(labels) == len(step.output):
        return Refused("nothing to sum")
    if 0 in op.shape:
        return Refused("a dimension of length 0")
    ordered = by_stride(labels, strides_of(labels, op.strides))
    lengths = tuple(step.sizes[c] for c in ordered)
    dense = dict(zip(ordered, c_strides(lengths, 1), strict=True))
    if any(dense[c] != s and n > 1 for c, s, n in zip(labels, op.strides, op.shape, strict=True)):
        return Refused("its memory has gaps")
    kept = "".join(c for c in ordered if c in step.output)
    summed = "".join(c for c in ordered if c not in step.output)
    if ordered not in (summed + kept, kept + summed):
        return Refused("summed and kept labels alternate in memory")
    if ordered != summed + kept and step.extent(summed) < _LONG:
        return Refused("the rows to count are short")
    layout = {"C": step.output, "F": step.output[::-1]}.get(step.order, kept)
    size = float(step.extent(labels))
    cost = Cost(size, size + step.out_bytes, 8.0 + 2.0 * (ordered != summed + kept) * step.extent(kept), 15e9)
    return Offer(cost, layout, (ordered, summed, kept), "bytes are counted as they lie")


def bind(step: Step, offer: Offer) -> Runner:
    """The operand as a matrix of bytes (summed, kept) or (kept, summed)."""
    ordered, summed, kept = offer.recipe
    axes = tuple(step.inputs[0].index(c) for c in ordered)
    rows, columns = step.extent(summed), step.extent(kept)
    sizes = tuple(step.sizes[c] for c in kept)
    to_output = tuple(kept.index(c) for c in step.output)
    order: Any = "F" if step.order == "F" else "C" if step.order == "C" else "K"
    outer = ordered == summed + kept and columns > 1

    def run(a: Array, out: Array | None = None) -> Any:
        flat = a.transpose(axes).reshape(-1).view(np.uint8)
        if outer:
            counts = column_counts(flat.reshape(rows, columns))
        else:
            counts = np.array([np.count_nonzero(row) for row in flat.reshape(columns, rows)], np.int64)
        result = counts.reshape(sizes).transpose(to_output)
        if out is None:
            return result.astype(step.dtype, order=order, copy=False)
        np.copyto(out, result, casting="unsafe")
        return out

    return run


def column_counts(a: Array) -> Array:
    """Sums of the columns of a C-ordered matrix of zeros and ones, each a byte.

    Parameters
    ----------
    a : ndarray of uint8, shape (n, m)

    Returns
    -------
    ndarray of int64, shape (m,)
    """
    n, m = a.shape
    joined = max(1, _WIDE // m)  # rows that make a wide one
    groups = n // (joined * _MOST)
    whole = groups * joined * _MOST
    some = n - (n - whole) % joined
    # Wide rows in groups that a byte can count; those that are left over; and rows that make none.
    first = np.add.reduce(a[:whole].reshape(groups, _MOST, joined * m), axis=1, dtype=np.uint8)
    second = np.add.reduce(a[whole:some].reshape(-1, joined * m), axis=0, dtype=np.uint8)
    counts: Array = np.add.reduce(a[some:], axis=0, dtype=np.int64)
    for part in (first, second):
        counts += np.add.reduce(part.reshape(-1, m), axis=0, dtype=np.int64)
    return counts


ROUTE = Route("dense.count", verdict, bind)
