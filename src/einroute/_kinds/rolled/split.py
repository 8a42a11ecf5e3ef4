"""Rolled operands without a copy: rows that do not come round again are a view of the base itself.

With few rollings most rows reach no further than the end of the base.  Those are contracted as they lie, the
others with a copy of the base's two ends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..._base.cost import Cost
from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular
from ..._base.routes import Offer, Refused
from .extension import base_shape
from .parts import joined, piece, piece_shape
from .where import Where

Array = np.ndarray[Any, Any]

#: Products for each element of the base beyond which it does not matter whether that is copied.
_MOST = 16


@dataclass(frozen=True, slots=True)
class _Recipe:
    """Rows that are a view of the base and rows that are not, and how many of the latter there are."""

    where: Where
    inside: slice
    outside: slice
    reach: int


def verdict(step: Step) -> Rewriting | Refused:
    """Offer two contractions, one of them with a view of the base."""
    where = Where.of(step)
    op, rolling = where.operand(step), where.rolling
    if step.form != "dense" or not regular(step, where.at):
        return Refused("a repeated label, a broadcast axis or a sparse result")
    if op.dtype != step.dtype:
        return Refused("the base has to be cast")
    d, k = op.shape[rolling.axis : rolling.axis + 2]
    reach = abs(rolling.shift) * (k - 1)
    if not 0 < 2 * reach <= d:
        return Refused("most rows come round again" if reach else "no row comes round again")
    if step.iterations > _MOST * (op.size // k):
        return Refused("the products take far longer than to copy the base")
    for n, (labels, other) in enumerate(zip(step.inputs, step.operands, strict=True)):
        if n != where.at and where.i in labels and other.form != "dense":
            return Refused(f"operand {n} cannot be cut along the rolled axis")
    if rolling.shift > 0:
        recipe = _Recipe(where, slice(0, d - reach), slice(d - reach, d), reach)
    else:
        recipe = _Recipe(where, slice(reach, d), slice(0, reach), reach)
    shape = base_shape(op)
    ends = (*shape[: rolling.axis], 2 * reach, *shape[rolling.axis + 1 :])
    parts = (
        _inner(step, where, d - reach, rolling.strides),
        _inner(step, where, reach, c_strides(ends, op.dtype.itemsize)),
    )
    nbytes = 2.0 * prod(ends) * op.dtype.itemsize + (3.0 * step.out_bytes if where.i in step.output else 0)
    note = f"a view of the base for {d - reach} of {d} rows, and a copy of its ends for the others"
    return Rewriting(Offer(Cost(bytes=nbytes, calls=24), step.output, recipe, note), parts)


def _inner(step: Step, where: Where, rows: int, strides: tuple[int, ...]) -> Inner:
    """The contraction of some rows; ``strides`` are those of the array that is strided over."""
    operands = []
    for n, (labels, op) in enumerate(zip(step.inputs, step.operands, strict=True)):
        shape = piece_shape(op.shape, labels, where.i, rows)
        if n == where.at:
            operands.append(Operand(shape, op.dtype, _window_strides(strides, where)))
        else:
            operands.append(replace(op, shape=shape))
    return Inner(step.inputs, step.output, tuple(operands))


def _window_strides(strides: tuple[int, ...], where: Where) -> tuple[int, ...]:
    axis = where.rolling.axis
    return (*strides[: axis + 1], where.rolling.shift * strides[axis], *strides[axis + 1 :])


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Contract either kind of rows."""
    recipe: _Recipe = rewriting.offer.recipe
    where, reach = recipe.where, recipe.reach
    base, axis = operands[where.at].base, where.rolling.axis
    head = (slice(None),) * axis
    shape = (*base.shape[:axis], 2 * reach, *base.shape[axis + 1 :])
    ends = np.empty(shape, base.dtype)
    ends[(*head, slice(0, reach))] = base[(*head, slice(-reach, None))]
    ends[(*head, slice(reach, None))] = base[(*head, slice(0, reach))]

    def part(number: int, rows: slice, x: Array) -> tuple[slice, Any]:
        pieces = [
            piece(other, labels, where.i, rows) if n != where.at else _windows(x, where, step, rows, reach)
            for n, (labels, other) in enumerate(zip(step.inputs, operands, strict=True))
        ]
        return rows, contract.inner(number, tuple(pieces))

    parts = (part(n, *pair) for n, pair in enumerate(((recipe.inside, base), (recipe.outside, ends))))
    return joined(step, where.i, parts)


def _windows(x: Array, where: Where, step: Step, rows: slice, reach: int) -> Array:
    """The view of an array that shows some rows; backwards if the shift is negative."""
    axis = where.rolling.axis
    if where.rolling.shift < 0:
        x = x[(slice(None),) * axis + (slice(reach, None),)]
    shape = (*x.shape[:axis], rows.stop - rows.start, step.sizes[where.j], *x.shape[axis + 1 :])
    return as_strided(x, shape, _window_strides(x.strides, where), writeable=False)


SPLIT = Rewrite("rolled.split", verdict, run)
