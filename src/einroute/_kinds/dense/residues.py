"""Sums over windows as GEMMs without a copy: rows that are far enough apart do not overlap.

In ``ijn,jnm->im``, with i and j striding over one axis, the windows of neighbouring i overlap, and BLAS takes
no matrix whose rows do.  With i = w*q + r and w as long as a window, the rows q of one residue r are an
ordinary matrix: w GEMMs, each of every w-th row, do what would else take a copy of all windows, or sums in
NumPy's loops.  The rows that are left over at the end are done one by one.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from string import ascii_letters
from typing import Any

import numpy as np

from ..._base.cost import CALL, Cost
from ..._base.facts import Step, classify
from ..._base.records import dataclass
from ..._base.routes import Offer, Refused, Runner
from ..._native.fresh import allocator
from . import matmul
from .batches import batched_cost, bind_batched

Array = np.ndarray[Any, Any]

#: Share of the time that a byte takes which is spared where it is in cache.
_FROM_CACHE = 0.7
#: Seconds an element in which NumPy puts a vector in its place that BLAS made: here they lie apart.
_SCATTERED = 1.5e-9
#: Labels for steps that use up the letters.
_MORE = "".join(map(chr, range(0x180, 0x200)))


@dataclass(frozen=True, slots=True)
class Residues:
    """A pair cut into rows some way apart and what is left over.

    Attributes
    ----------
    position : int
        Of the operand of windows.
    label : str
        The label of the rows, i; q and r stand for it in the main part, in this order.
    apart, rows : int
        The distance w, and how many rows each residue has.
    main, rest : Step
    main_offer, rest_offer : Offer
        Of one thread; those of the rest are None where nothing is left over.
    cost : Cost
    """

    position: int
    label: str
    apart: int
    rows: int
    main: Step
    main_offer: Offer
    rest: Step | None
    rest_offer: Offer | None
    cost: Cost

    @property
    def note(self) -> str:
        """How it is done, in a phrase."""
        return f"rows {self.apart} apart do not overlap: {self.main_offer.note}"


def residues(step: Step, position: int, label: str) -> Residues | None:
    """The cut of a pair along a free label of one operand whose rows overlap; None if that does not help."""
    labels, op = step.inputs[position], step.operands[position]
    strides = dict(zip(labels, op.strides, strict=True))
    summed = classify(step).contracted
    if strides[label] <= 0 or any(strides[c] < 0 for c in summed):
        return None
    reach = op.dtype.itemsize + sum((step.sizes[c] - 1) * strides[c] for c in summed)
    apart = -(-reach // strides[label])
    rows, left = divmod(step.sizes[label], apart)
    if apart < 2 or rows < 2:
        return None
    q, r = islice((c for c in "qr" + ascii_letters + _MORE if c not in step.sizes), 2)
    main = _cut(step, position, label, {q: rows, r: apart}, (apart * strides[label], strides[label]))
    main_offer = matmul.gemm_offer(replace(main, threads=1))
    if isinstance(main_offer, Refused):
        return None
    cost = batched_cost(main, main_offer)
    # What the windows share is read from memory once.
    shared = cost.bytes - step.in_bytes - step.out_bytes
    cost = replace(cost, bytes=cost.bytes - max(0.0, _FROM_CACHE * shared), calls=cost.calls + 4.0)
    recipe = main_offer.recipe
    if 1 in (main.extent(recipe.m), main.extent(recipe.n)):
        cost += Cost(calls=_SCATTERED * main.out_bytes / main.dtype.itemsize / CALL)
    rest = rest_offer = None
    if left:
        rest = _cut(step, position, label, {label: left}, (strides[label],))
        offer = matmul.gemm_offer(replace(rest, threads=1))
        if isinstance(offer, Refused):
            return None
        rest_offer, cost = offer, cost + offer.cost + Cost(calls=3.0)
    return Residues(position, label, apart, rows, main, main_offer, rest, rest_offer, cost)


def _cut(step: Step, position: int, label: str, parts: dict[str, int], strides: tuple[int, ...]) -> Step:
    """The step with labels of some sizes and strides in place of one."""
    labels, op = step.inputs[position], step.operands[position]
    axis, new = labels.index(label), "".join(parts)
    shape = (*op.shape[:axis], *parts.values(), *op.shape[axis + 1 :])
    cut = replace(op, shape=shape, strides=(*op.strides[:axis], *strides, *op.strides[axis + 1 :]))
    operands, inputs = list(step.operands), list(step.inputs)
    operands[position], inputs[position] = cut, labels.replace(label, new)
    sizes = {c: n for c, n in step.sizes.items() if c != label} | parts
    return replace(
        step,
        inputs=tuple(inputs),
        output=step.output.replace(label, new),
        sizes=sizes,
        operands=tuple(operands),
        order="C",
    )


def bind_residues(step: Step, cut: Residues) -> Runner:
    """The products of both parts, each into its rows of one result."""
    main = bind_batched(cut.main, cut.main_offer)
    rest = None
    if cut.rest is not None and cut.rest_offer is not None:
        rest = matmul.bind(cut.rest, cut.rest_offer)
    axes = step.inputs[cut.position].index(cut.label), step.output.index(cut.label)
    shape = tuple(step.sizes[c] for c in step.output)
    order: Any = "F" if step.order == "F" else "C"
    whole = cut.rows * cut.apart
    empty = allocator(step.out_bytes, last=step.last)

    def run(a: Array, b: Array, out: Array | None = None) -> Any:
        result = empty(shape, step.dtype, order) if out is None else out
        windows = b if cut.position else a
        parts = [_rows(x, axis, slice(whole)) for x, axis in zip((windows, result), axes, strict=True)]
        x, y = (_split(x, axis, cut.rows) for x, axis in zip(parts, axes, strict=True))
        pair = (a, x) if cut.position else (x, b)
        main(*pair, out=y)
        if rest is not None:
            x, y = (
                _rows(x, axis, slice(whole, None)) for x, axis in zip((windows, result), axes, strict=True)
            )
            pair = (a, x) if cut.position else (x, b)
            rest(*pair, out=y)
        return result

    return run


def _rows(x: Array, axis: int, rows: slice) -> Array:
    return x[(slice(None),) * axis + (rows,)]


def _split(x: Array, axis: int, rows: int) -> Array:
    """A view with one axis as two, the first of length ``rows``."""
    shape = (*x.shape[:axis], rows, x.shape[axis] // rows, *x.shape[axis + 1 :])
    return x.reshape(shape, copy=False)
