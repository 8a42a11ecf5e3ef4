"""Two sparse operands: entries that agree in the shared labels are multiplied, pair by pair.

The second operand's entries are sorted by the shared labels and looked up by bisection; works for any number
of labels of any extent, also where a matrix of them would have too many rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner
from ..._entries.entries import _INT64, Entries, ravel
from .result import SORT, comparing, entries_of, hand_over, layout, pair_of_sparse, pointers_of

Array = np.ndarray[Any, Any]

#: Products for each entry of both operands from which an intermediate's entries are added up at once.
_GROWTH = 1
#: Seconds that each product costs, with its coordinates, and each pointer, which is made coordinates.
_PRODUCT, _POINTER = 25e-9, 2e-9
#: NumPy calls around that.
_CALLS = 90.0


def verdict(step: Step) -> Offer | Refused:
    """Offer to match entries by their shared labels."""
    refused = pair_of_sparse(step)
    if refused is not None:
        return refused
    a, b = step.inputs
    shared = "".join(c for c in a if c in b)
    left, right = entries_of(step, 0), entries_of(step, 1)
    products = left * right / max(1, step.extent(shared))
    work = (left + right) * SORT * 2.5 + products * _PRODUCT
    work += (pointers_of(step, 0) + pointers_of(step, 1)) * _POINTER
    made = 0 if step.form == "entries" else step.out_bytes
    cost = Cost(work * 1e9 + comparing(step), float(step.in_bytes + made), _CALLS, 1e9)
    return Offer(cost, layout(step), shared, "entries are matched by their shared labels")


def bind(step: Step, offer: Offer) -> Runner:
    """Sort one side, look the other side's entries up, multiply what matches."""
    labels_a, labels_b = step.inputs
    shared: str = offer.recipe
    axes_a = [labels_a.index(c) for c in shared]
    axes_b = [labels_b.index(c) for c in shared]
    kept_a = "".join(c for c in labels_a if c in step.output)
    kept_b = "".join(c for c in labels_b if c in step.output and c not in labels_a)

    def run(a: Entries, b: Entries, out: Array | None = None) -> Any:
        left, right = _matches(a, axes_a, b, axes_b)
        multiply = np.logical_and if step.dtype.kind == "b" else np.multiply
        data = multiply(a.data[left], b.data[right])
        coords = [a.coordinate(labels_a.index(c))[left] for c in kept_a]
        coords += [b.coordinate(labels_b.index(c))[right] for c in kept_b]
        shape = tuple(step.sizes[c] for c in kept_a + kept_b)
        made = hand_over(step, kept_a + kept_b, Entries(shape, data, tuple(coords)), out)
        if not step.last and step.form == "entries" and len(data) > _GROWTH * (a.nnz + b.nnz):
            return made.summed()  # entries that fall together would multiply from step to step
        return made

    return run


def _matches(a: Entries, axes_a: list[int], b: Entries, axes_b: list[int]) -> tuple[Array, Array]:
    """Numbers of the entries of either side of which each pair is made."""
    key_a, key_b = _keys(a, axes_a, b, axes_b)
    order = np.argsort(key_b, kind="stable")
    ordered = key_b[order]
    low = np.searchsorted(ordered, key_a, "left")
    count = np.searchsorted(ordered, key_a, "right") - low
    left = np.repeat(np.arange(a.nnz), count)
    first = np.cumsum(count) - count
    within = np.arange(len(left)) - np.repeat(first, count)
    return left, order[np.repeat(low, count) + within]


def _keys(a: Entries, axes_a: list[int], b: Entries, axes_b: list[int]) -> tuple[Array, Array]:
    """One integer an entry, equal where the shared coordinates are."""
    key_a, key_b = np.zeros(a.nnz, np.int64), np.zeros(b.nnz, np.int64)
    extent = 1
    for i, j in zip(axes_a, axes_b, strict=True):
        n = a.shape[i]
        if extent * n > _INT64:
            # Number only the keys that occur.
            found, numbers = np.unique(np.concatenate((key_a, key_b)), return_inverse=True)
            key_a, key_b = numbers[: a.nnz], numbers[a.nnz :]
            extent = max(1, len(found))
            if extent * n > _INT64:
                raise ValueError(f"an axis of length {n} is too long to be matched with {extent} others")
        key_a = ravel([key_a, a.coordinate(i)], [extent, n], a.nnz)
        key_b = ravel([key_b, b.coordinate(j)], [extent, n], b.nnz)
        extent *= n
    return key_a, key_b


ROUTE = Route("sparse.join", verdict, bind)
