"""Diagonal operands: a vector under one label, or, where that cannot be, the matrix written out."""

from __future__ import annotations

from typing import Any

from ..._base.cost import Cost
from ..._base.facts import Operand, Step, c_strides
from ..._base.kinds import Form
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting
from ..._base.routes import Offer, Refused
from ..structured import MET, structured_kind
from .operand import Diagonal

NAME = "diagonal"


def facts(operand: Diagonal) -> Operand:
    """What planning may know of an operand."""
    return Operand(operand.shape, operand.dtype, (), NAME, structure=operand.values.strides)


def _position(step: Step) -> int:
    return [op.form for op in step.operands].index(NAME)


def _scale_verdict(step: Step) -> Rewriting | Refused:
    at = _position(step)
    row, column = step.inputs[at]
    if row != column and row in step.output and column in step.output:
        return Refused("both labels are in the output")
    for labels, op in zip(step.inputs, step.operands, strict=True):
        for label, n in zip(labels, op.shape, strict=True):
            if label in (row, column) and n != step.sizes[label]:
                return Refused("an axis under one of its labels is broadcast")
    keep, drop = (row, column) if row in step.output else (column, row)
    inputs = tuple(keep if i == at else term.replace(drop, keep) for i, term in enumerate(step.inputs))
    op = step.operands[at]
    vector = Operand(op.shape[:1], op.dtype, op.structure)
    operands = (*step.operands[:at], vector, *step.operands[at + 1 :])
    inner = Inner(inputs, step.output, operands, form=step.form)
    note = f"the diagonal as a vector, {drop} taken for {keep}"
    return Rewriting(Offer(Cost(calls=0), step.output, inputs, note), (inner,))


def _scale_run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    at = _position(step)
    operands = (*operands[:at], operands[at].values, *operands[at + 1 :])
    return contract(rewriting.offer.recipe, step.output, operands, form=step.form)


def _written_verdict(step: Step) -> Rewriting | Refused:
    at = _position(step)
    op = step.operands[at]
    dense = Operand(op.shape, op.dtype, c_strides(op.shape, op.dtype.itemsize))
    operands = (*step.operands[:at], dense, *step.operands[at + 1 :])
    inner = Inner(step.inputs, step.output, operands, form=step.form)
    return Rewriting(Offer(Cost(bytes=dense.nbytes, calls=3), step.output, None, "written out"), (inner,))


def _written_run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    at = _position(step)
    operands = (*operands[:at], operands[at].written(), *operands[at + 1 :])
    return contract(step.inputs, step.output, operands, form=step.form)


REWRITES: tuple[Rewrite, ...] = (
    Rewrite("diagonal.scale", _scale_verdict, _scale_run),
    Rewrite("diagonal.written", _written_verdict, _written_run),
)

#: Such operands are taken away before those of any other kind.
KIND = structured_kind(Diagonal, Form(NAME, rank=20, rewrites=REWRITES, meets=MET), facts)
