"""One label for both axes of a rolled operand: ``b[(i + s*i) % d]``, which is the base in another order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting
from ..._base.routes import Offer, Refused
from .extension import base_shape
from .where import Where, replaced


def verdict(step: Step) -> Rewriting | Refused:
    """Offer the diagonal as an array of its own."""
    where = Where.of(step)
    if where.i != where.j:
        return Refused("its two axes have different labels")
    op = step.operands[where.at]
    axis, shape = where.rolling.axis, base_shape(op)
    taken = Operand(shape, op.dtype, c_strides(shape, op.dtype.itemsize))
    labels = step.inputs[where.at]
    inputs = replaced(step.inputs, where.at, labels[: axis + 1] + labels[axis + 2 :])
    inner = Inner(inputs, step.output, replaced(step.operands, where.at, taken), form=step.form)
    cost = Cost(bytes=4.0 * taken.nbytes, calls=5)
    return Rewriting(Offer(cost, step.output, where, "its diagonal, copied"), (inner,))


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Copy the diagonal."""
    where: Where = rewriting.offer.recipe
    base, axis = operands[where.at].base, where.rolling.axis
    d = base.shape[axis]
    rows = np.arange(d) * (1 + where.rolling.shift) % max(1, d)
    taken = np.take(base, rows, axis=axis)
    return contract.inner(0, replaced(operands, where.at, taken))


DIAGONAL = Rewrite("rolled.diagonal", verdict, run)
