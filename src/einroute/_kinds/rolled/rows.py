"""Rolled operands some rows at a time, each block of them written out: what a GEMM of two of them takes.

BLAS takes no view that overlaps itself, and a copy of all of it may be k times the base.  So the rolled axis
is cut, and only the rows of a block are copied, for every rolled operand that goes along that axis.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular
from ..._base.routes import Offer, Refused
from .parts import joined, piece, piece_shape
from .where import NAME, Where

Array = np.ndarray[Any, Any]

#: Bytes of a block's rows.
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Recipe:
    """The label that is cut, the operands that are written out, and how many rows a block has."""

    label: str
    written: tuple[int, ...]
    rows: int


def verdict(step: Step) -> Rewriting | Refused:
    """Offer a contraction of each block of rows."""
    where = Where.of(step)
    written = tuple(
        n
        for n, op in enumerate(step.operands)
        if op.form == NAME and step.inputs[n][op.structure.axis] == where.i and regular(step, n)
    )
    if step.form != "dense" or where.at not in written:
        return Refused("a repeated label, a broadcast axis or a sparse result")
    for n, (labels, op) in enumerate(zip(step.inputs, step.operands, strict=True)):
        if n not in written and where.i in labels and op.form != "dense":
            return Refused(f"operand {n} cannot be cut along the rolled axis")
    d = step.sizes[where.i]
    most = max(step.operands[n].nbytes for n in written)
    if len(written) < 2:
        return Refused("no other rolled operand goes along the axis")
    if not most:
        return Refused("a dimension of length 0")
    rows = max(1, min(d, d * _BLOCK // most))
    blocks, left = divmod(d, rows)
    recipe = _Recipe(where.i, written, rows)
    parts = [_inner(step, recipe, rows, blocks)]
    if left:
        parts.append(_inner(step, recipe, left, 1))
    once = [n for n in written if step.operands[n].alias not in written]
    copied = 3.0 * sum(step.operands[n].nbytes for n in once)
    added = step.out_bytes * (1.0 if where.i in step.output else 2.0 * blocks)
    cost = Cost(bytes=copied / 2 + added, calls=12.0 * len(once) * (blocks + 1))  # within caches
    note = f"{rows} of {d} rows at a time, written out"
    return Rewriting(Offer(cost, step.output, recipe, note), tuple(parts))


def _inner(step: Step, recipe: _Recipe, rows: int, times: int) -> Inner:
    operands = []
    for n, (labels, op) in enumerate(zip(step.inputs, step.operands, strict=True)):
        shape = piece_shape(op.shape, labels, recipe.label, rows)
        if n in recipe.written:
            operands.append(Operand(shape, step.dtype, c_strides(shape, step.dtype.itemsize)))
        else:
            operands.append(replace(op, shape=shape, alias=None))
    return Inner(step.inputs, step.output, tuple(operands), float(times))


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Contract block after block; what is summed is added up in their order."""
    recipe: _Recipe = rewriting.offer.recipe
    d = step.sizes[recipe.label]

    def part(low: int) -> tuple[slice, Any]:
        cut = slice(low, min(low + recipe.rows, d))
        made: dict[int, Array] = {}
        pieces = []
        for n, (labels, x) in enumerate(zip(step.inputs, operands, strict=True)):
            if n not in recipe.written:
                pieces.append(piece(x, labels, recipe.label, cut))
                continue
            if id(x) not in made:
                made[id(x)] = np.array(x.rows(cut.start, cut.stop), step.dtype, order="C")
            pieces.append(made[id(x)])
        return cut, contract.inner(int(cut.stop - low < recipe.rows), tuple(pieces))

    return joined(step, recipe.label, (part(low) for low in range(0, d, recipe.rows)))


ROWS = Rewrite("rolled.rows", verdict, run)
