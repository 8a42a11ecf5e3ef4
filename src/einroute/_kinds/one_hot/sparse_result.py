"""Where the result is sparse: one-hots count as arrays there, and meet sparse operands as such.

Which results are sparse follows from the labels, a one-hot being an array.  Its ones as entries would be one
more sparse operand, by which the same labels may say that the result is an array.  So either the one-hots and
the arrays make an array first, or the one-hots are written out.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from ..._base.cost import Cost
from ..._base.facts import DENSE, Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting
from ..._base.routes import Offer, Refused

_NOT = "the result is an array"


def _parts(step: Step) -> tuple[tuple[int, ...], tuple[int, ...], str]:
    """Positions of what counts as an array, of the others, and the labels that the first leave."""
    then = tuple(i for i, op in enumerate(step.operands) if op.form == step.form)
    first = tuple(i for i in range(len(step.inputs)) if i not in then)
    wanted = step.output + "".join(step.inputs[i] for i in then)
    labels = dict.fromkeys("".join(step.inputs[i] for i in first))
    return first, then, "".join(c for c in labels if c in wanted)


def _first_verdict(step: Step) -> Rewriting | Refused:
    if step.form == DENSE:
        return Refused(_NOT)
    first, then, made = _parts(step)
    # An axis that all of them have of length 1 stays so, and is broadcast in what they meet.
    sizes = dict.fromkeys(made, 1)
    for i in first:
        for c, n in zip(step.inputs[i], step.operands[i].shape, strict=True):
            if c in sizes and n != 1:
                sizes[c] = n
    shape = tuple(sizes[c] for c in made)
    facts = Operand(shape, step.dtype, c_strides(shape, step.dtype.itemsize))
    # The first operand of each alias may be among the others.
    operands = [replace(op, alias=None) for op in step.operands]
    inner = (
        Inner(tuple(step.inputs[i] for i in first), made, tuple(operands[i] for i in first)),
        Inner(
            (*(step.inputs[i] for i in then), made),
            step.output,
            (*(operands[i] for i in then), facts),
            form=step.form,
        ),
    )
    note = f"one-hots and arrays first, as {made or 'a number'}; then the sparse operands"
    cost = Cost(bytes=float(prod(shape) * step.dtype.itemsize), calls=8)
    return Rewriting(Offer(cost, step.output, None, note), inner)


def _first_run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    first, then, made = _parts(step)
    array = contract(tuple(step.inputs[i] for i in first), made, tuple(operands[i] for i in first))
    inputs = (*(step.inputs[i] for i in then), made)
    return contract(inputs, step.output, (*(operands[i] for i in then), array), form=step.form)


ARRAYS_FIRST = Rewrite("one_hot.arrays_first", _first_verdict, _first_run)
