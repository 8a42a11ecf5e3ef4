"""Sums over all rollings at each place: windows with a kernel of ones, which takes no memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular, shortened_by
from ..._base.routes import Offer, Refused
from .parts import repeated
from .where import Where


def verdict(step: Step) -> Rewriting | Refused:
    """Offer to multiply by ones."""
    where = Where.of(step)
    if step.form != "dense" or where.i == where.j or not regular(step, where.at):
        return Refused("a repeated label, a broadcast axis or a sparse result")
    others = [labels for n, labels in enumerate(step.inputs) if n != where.at]
    if where.j in step.output or any(where.j in labels for labels in others):
        return Refused("the rollings are kept, or met by another operand")
    if not 1 < step.sizes[where.j] <= step.sizes[where.i]:
        return Refused("one rolling, or more than there are different ones")
    if where.i not in step.output and not any(where.i in labels for labels in others):
        return Refused("the rolled axis is summed, too")
    ones = Operand((step.sizes[where.j],), step.dtype, (0,))
    inner = Inner((*step.inputs, where.j), step.output, (*step.operands, ones))
    note = "the rollings are summed by a kernel of ones"
    return shortened_by(run, step, Rewriting(Offer(Cost(calls=3), step.output, where, note), (inner,)))


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Go on with the ones beside the operands."""
    where: Where = rewriting.offer.recipe
    ones = repeated(np.ones((), step.dtype), operands[where.at].k)
    return contract.inner(0, (*operands, ones))


ONES = Rewrite("rolled.ones", verdict, run)
