"""Sums over the rolled axis itself: they are the same for every rolling.

Where no other operand has the label i and the result lacks it, ``ijn,jn->`` takes the sum of the base over i,
and that once and not k times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular, shortened_by
from ..._base.routes import Offer, Refused
from .extension import base_shape
from .parts import for_all, of_its_own, repeated
from .where import Where

Array = np.ndarray[Any, Any]


def verdict(step: Step) -> Rewriting | Refused:
    """Offer to sum the base."""
    where = Where.of(step)
    op = where.operand(step)
    if step.form != "dense" or where.i == where.j or not regular(step, where.at):
        return Refused("a repeated label, a broadcast axis or a sparse result")
    others = [labels for n, labels in enumerate(step.inputs) if n != where.at]
    if where.i in step.output or any(where.i in labels for labels in others):
        return Refused("the rolled axis is kept, or met by another operand")
    if not op.shape[where.rolling.axis]:
        return Refused("a dimension of length 0")
    labels = step.inputs[where.at]
    base = labels.replace(where.j, "")
    made = base.replace(where.i, "")
    sizes = tuple(step.sizes[c] for c in made)
    # The sum stands for all rollings: along their axis it is broadcast.
    facts = Operand((step.sizes[where.j], *sizes), step.dtype, (0, *c_strides(sizes, step.dtype.itemsize)))
    inner = (
        Inner((base,), made, (Operand(base_shape(op), op.dtype, where.rolling.strides),)),
        Inner(
            (where.j + made, *others),
            step.output,
            (facts, *(replace(x, alias=None) for n, x in enumerate(step.operands) if n != where.at)),
        ),
    )
    note = "the base is summed over its axis, once for all rollings"
    if others or set(step.output) - {where.j} != set(made) or step.dtype.char == "e":
        return shortened_by(run, step, Rewriting(Offer(Cost(calls=8), step.output, where, note), inner))
    offer = Offer(Cost(calls=4), step.output, where, note)
    return Rewriting(offer, inner, short_of=_short_of(step, where, made), settled=True)


def _short_of(
    step: Step, where: Where, labels: str
) -> Callable[[Contract], Callable[[tuple[Any, ...]], Array | None]]:
    """A short way, where there is no other operand."""
    together = for_all(step, where.j, labels)

    def short_of(contract: Contract) -> Callable[[tuple[Any, ...]], Array | None]:
        def short(operands: tuple[Any, ...]) -> Array | None:
            return together(contract.inner(0, (operands[0].base,)))

        return short

    return short_of


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Sum, and go on with that beside itself."""
    where: Where = rewriting.offer.recipe
    rolled = operands[where.at]
    made = np.asarray(contract.inner(0, (rolled.base,)), step.dtype, order="C")
    others = (x for n, x in enumerate(operands) if n != where.at)
    return of_its_own(contract.inner(1, (repeated(made, rolled.k), *others)), made)


SUMS = Rewrite("rolled.sums", verdict, run)
