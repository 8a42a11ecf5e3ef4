"""A rolled operand and one other first, where several are: sums along windows, then the rest.

In ``i,ij,j->`` the windows are summed with the second vector, ``ij,j->i``, by whatever does that best, and
what is left has no rolled axis.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular
from ..._base.routes import Offer, Refused
from .where import Where

#: Calls' worth of Python around both contractions.
_CALLS = 8.0


@dataclass(frozen=True, slots=True)
class _Recipe:
    """Positions of the rolled operand and of the other one, and of the rest."""

    pair: tuple[int, int]
    rest: tuple[int, ...]


def verdict(step: Step) -> Rewriting | Refused:
    """Offer the pair that sums a label of the rolled axis, and then the rest."""
    where = Where.of(step)
    if len(step.inputs) < 3:
        return Refused("there are no more than two operands")
    if step.form != "dense" or where.i == where.j or not regular(step, where.at):
        return Refused("a repeated label, a broadcast axis or a sparse result")
    other = _other(step, where)
    if other is None:
        return Refused("no other operand alone has a label of the rolled axis that is summed")
    pair = (where.at, other)
    rest = tuple(n for n in range(len(step.inputs)) if n not in pair)
    needed = set(step.output).union(*(step.inputs[n] for n in rest))
    made = "".join(c for c in dict.fromkeys("".join(step.inputs[n] for n in pair)) if c in needed)
    operands = [op if op.alias is None else replace(op, alias=None) for op in step.operands]
    shape = tuple(step.sizes[c] for c in made)
    facts = Operand(shape, step.dtype, c_strides(shape, step.dtype.itemsize))
    first = Inner(tuple(step.inputs[n] for n in pair), made, tuple(operands[n] for n in pair))
    inputs = (made, *(step.inputs[n] for n in rest))
    then = Inner(inputs, step.output, (facts, *(operands[n] for n in rest)))
    cost = Cost(bytes=float(facts.nbytes), calls=_CALLS)
    note = f"the rolled operand and operand {other} first, as {made}; then the rest"
    return Rewriting(Offer(cost, step.output, _Recipe(pair, rest), note), (first, then))


def _other(step: Step, where: Where) -> int | None:
    """The one operand besides the rolled one that has a label of its axis which is summed."""
    others = [n for n in range(len(step.inputs)) if n != where.at]
    for summed, kept in ((where.j, where.i), (where.i, where.j)):
        having = [n for n in others if summed in step.inputs[n]]
        if len(having) == 1 and summed not in step.output:
            (n,) = having
            if kept not in step.inputs[n] and step.operands[n].form == "dense" and regular(step, n):
                return n
    return None


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Contract the pair, and go on."""
    recipe: _Recipe = rewriting.offer.recipe
    then = rewriting.inner[1]
    made = contract.inner(0, tuple(operands[n] for n in recipe.pair))
    rest = tuple(operands[n] for n in recipe.rest)
    facts = then.operands[0]
    if type(made) is np.ndarray and made.strides == facts.strides and made.dtype == facts.dtype:
        return contract.inner(1, (made, *rest))
    return contract(then.inputs, then.output, (made, *rest))


PAIRS = Rewrite("rolled.pairs", verdict, run)
