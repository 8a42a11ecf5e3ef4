"""Few rollings one after the other, each as an ordinary array: what one writes as a loop of slices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular
from ..._base.routes import Offer, Refused
from .extension import Extension, extension, rolls_at_once
from .parts import joined
from .where import Where, others_bytes

#: The most rollings that are done one by one.
_MOST = 32


def verdict(step: Step) -> Rewriting | Refused:
    """Offer a contraction for each rolling."""
    where = Where.of(step)
    op = where.operand(step)
    if step.form != "dense" or where.i == where.j or not regular(step, where.at):
        return Refused("a repeated label, a broadcast axis or a sparse result")
    k = step.sizes[where.j]
    if not 1 < k <= _MOST:
        return Refused(f"{k} rollings, not 2 to {_MOST}")
    if step.dtype.char == "e":
        return Refused("sums of half precision are rounded once")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    for n, (labels, other) in enumerate(zip(step.inputs, step.operands, strict=True)):
        if n != where.at and where.j in labels and not (other.form == "dense" and regular(step, n)):
            return Refused(f"operand {n} cannot be cut along the rollings")
    if rolls_at_once(op, step.dtype, others_bytes(step, where.at)) < k:
        return Refused("the lengthened copy would be large beside the base")
    ext = extension(op, step.dtype, backwards=True)
    output = step.output.replace(where.j, "")
    inputs = tuple(labels.replace(where.j, "") for labels in step.inputs)
    operands = (
        _without(ext.facts if n == where.at else x, labels, where.j)
        for n, (labels, x) in enumerate(zip(step.inputs, step.operands, strict=True))
    )
    made = step.extent(output) * step.dtype.itemsize
    cost = Cost(bytes=2.0 * ext.nbytes + 3.0 * k * made, calls=8.0 + 6.0 * k)
    note = f"{k} rollings one after the other, slices of the base lengthened"
    return Rewriting(
        Offer(cost, step.output, (where, ext), note),
        (Inner(inputs, output, tuple(operands), times=float(k)),),
    )


def _without(op: Operand, labels: str, label: str) -> Operand:
    """Facts of an operand at one place of a label."""
    if label not in labels:
        return op if op.alias is None else replace(op, alias=None)
    axis = labels.index(label)
    shape, strides = (x[:axis] + x[axis + 1 :] for x in (op.shape, op.strides))
    return Operand(shape, op.dtype, strides)


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Lengthen the base, and contract slice after slice."""
    recipe: tuple[Where, Extension] = rewriting.offer.recipe
    where, ext = recipe
    given = list(operands)
    given[where.at] = ext.view(ext.copy(operands[where.at].base, step.threads))
    heads = [
        None if where.j not in labels else (slice(None),) * labels.index(where.j) for labels in step.inputs
    ]

    def part(j: int) -> tuple[slice, Any]:
        pieces = (x if head is None else x[(*head, j, ...)] for x, head in zip(given, heads, strict=True))
        made = contract.inner(0, tuple(pieces))
        if where.j in step.output:
            made = made[(slice(None),) * step.output.index(where.j) + (None,)]
        return slice(j, j + 1), made

    return joined(step, where.j, (part(j) for j in range(step.sizes[where.j])))


SHIFTS = Rewrite("rolled.shifts", verdict, run)
