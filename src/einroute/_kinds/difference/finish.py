"""A form with what is left of its step; in blocks of rows where it is large and the result is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._base.facts import Step
from ..._base.rewrites import Contract
from ..._base.routes import Declined
from .blockwise import put_together, slicer
from .form import Form

Array = np.ndarray[Any, Any]

#: Why the rest may not meet the form.
FINITE = "the result is finite, or else the other operands are"
#: Bytes of a form from which it is made in blocks where not all of it is in the result.
_WHOLE = 1 << 23


def finished(
    form: Form,
    step: Step,
    make: Callable[[int, int], Array | Declined],
    operands: tuple[Any, ...],
    contract: Contract,
) -> Any:
    """The step's result.

    Parameters
    ----------
    make : callable
        ``(low, high)`` gives rows of the form, with one axis for all of the batch labels.
    """
    size = step.sizes[form.i]
    batch = tuple(step.sizes[c] for c in form.batch)
    inputs = (form.made, *(step.inputs[p] for p in form.rest))
    rest = tuple(operands[p] for p in form.rest)

    def part(low: int, high: int, others: tuple[Any, ...]) -> Any:
        made = make(low, high)
        if isinstance(made, Declined):
            return made
        made = made.reshape(*batch, high - low, step.sizes[form.j])
        if not rest and set(step.output) == set(form.made):
            return made.transpose([form.made.index(c) for c in step.output])
        return met(step, contract(inputs, step.output, (made, *others), form=step.form), rest)

    nbytes = step.extent(form.made) * step.dtype.itemsize
    if step.form != "dense" or nbytes <= _WHOLE or {form.i, form.j} <= set(step.output):
        return part(0, size, rest)
    length = max(1, size * _WHOLE // nbytes)
    cuts = [slicer(labels, x, form.i, size) for labels, x in zip(inputs[1:], rest, strict=True)]
    declined: list[Declined] = []

    def cut(low: int, high: int) -> Any:
        found = None if declined else part(low, high, tuple(own(low, high) for own in cuts))
        if isinstance(found, Declined):
            declined.append(found)
        return 0 if declined else found

    shape = tuple(step.sizes[c] for c in step.output)
    result = put_together(form.i, size, length, cut, step.output, shape, step.dtype, 1)
    return declined[0] if declined else result


def met(step: Step, result: Any, rest: tuple[Any, ...]) -> Any:
    """The result; or that it has to be made of the differences: infinity times a sum is none of products."""
    if step.dtype.kind not in "fc" or step.form != "dense" or np.isfinite(result).all():
        return result
    dense = [x for x in rest if isinstance(x, np.ndarray) and x.dtype.kind in "fc"]
    return result if all(np.isfinite(x).all() for x in dense) else Declined("an operand is not finite")
