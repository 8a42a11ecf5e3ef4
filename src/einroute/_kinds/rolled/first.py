"""What can be contracted with the base before it is rolled: work that the rollings would repeat.

In ``ijn,nm->ijm`` the second operand has neither i nor j: what it makes of the base is rolled instead of the
base, for a kth of the products.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular
from ..._base.routes import Offer, Refused
from .extension import Rolling
from .operand import Rolled
from .where import NAME, Where

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class _Recipe:
    """The operands that are contracted with the base, the others, and the labels of what is made and rolled.

    In ``made`` the label i stands for the axis that is to be rolled.
    """

    where: Where
    before: tuple[int, ...]
    after: tuple[int, ...]
    base: str
    made: str

    @property
    def rolled(self) -> str:
        """Labels of what is made, once it is rolled."""
        return self.made.replace(self.where.i, self.where.i + self.where.j)


def verdict(step: Step) -> Rewriting | Refused:
    """Offer to contract the base with what has neither label of the rolled axis."""
    where = Where.of(step)
    if step.form != "dense" or where.i == where.j or not regular(step, where.at):
        return Refused("a repeated label, a broadcast axis or a sparse result")
    labels = step.inputs[where.at]
    base = labels.replace(where.j, "")
    others = [n for n in range(len(step.inputs)) if n != where.at]
    before = tuple(
        n
        for n in others
        if step.operands[n].form == "dense"
        and where.i not in step.inputs[n]
        and where.j not in step.inputs[n]
        and set(step.inputs[n]) & set(base)
    )
    after = tuple(n for n in others if n not in before)
    needed = set(step.output).union(where.i, *(step.inputs[n] for n in after))
    found = dict.fromkeys(base + "".join(step.inputs[n] for n in before))
    made = "".join(c for c in found if c in needed)
    if not before and made == base:
        return Refused("every other operand shares a label of the rolled axis, or none")
    recipe = _Recipe(where, before, after, base, made)
    offer = Offer(Cost(calls=6), step.output, recipe, _note(step, recipe))
    if after or set(step.output) != set(recipe.rolled):
        return Rewriting(offer, _inner(step, recipe))
    # Only copies come after it: what overflows is seen in what is made, a kth of the result.
    return Rewriting(offer, _inner(step, recipe), short_of=_short_of(recipe), settled=True)


def _note(step: Step, recipe: _Recipe) -> str:
    if not recipe.before:
        return "labels of the base alone are summed before it is rolled"
    what = " and ".join(f"operand {n}" for n in recipe.before)
    return f"the base is contracted with {what} before it is rolled"


def _inner(step: Step, recipe: _Recipe) -> tuple[Inner, Inner]:
    where, op = recipe.where, step.operands[recipe.where.at]
    rolling = where.rolling
    shape = (*op.shape[: rolling.axis + 1], *op.shape[rolling.axis + 2 :])
    base = Operand(shape, op.dtype, rolling.strides)
    inputs = (recipe.base, *(step.inputs[n] for n in recipe.before))
    first = Inner(inputs, recipe.made, (base, *(step.operands[n] for n in recipe.before)))
    sizes = tuple(step.sizes[c] for c in recipe.made)
    again = Rolling(recipe.made.index(where.i), rolling.shift, c_strides(sizes, step.dtype.itemsize))
    shape = tuple(step.sizes[c] for c in recipe.rolled)
    made = Operand(shape, step.dtype, (), NAME, structure=again)
    after = (step.operands[n] for n in recipe.after)
    inputs = (recipe.rolled, *(step.inputs[n] for n in recipe.after))
    return first, Inner(inputs, step.output, (made, *(replace(x, alias=None) for x in after)))


def _short_of(recipe: _Recipe) -> Callable[[Contract], Callable[[tuple[Any, ...]], Array | None]]:
    """A short way; None where a number that is rolled is not finite."""
    at, axis = recipe.where.at, recipe.made.index(recipe.where.i)

    def short_of(contract: Contract) -> Callable[[tuple[Any, ...]], Array | None]:
        def short(operands: tuple[Any, ...]) -> Array | None:
            rolled = operands[at]
            made = contract.inner(0, (rolled.base, *(operands[n] for n in recipe.before)))
            if made.dtype.kind in "fc" and not np.isfinite(made).all():
                return None
            result: Array = contract.inner(1, (Rolled(made, rolled.k, axis, rolled.step),))
            return result

        return short

    return short_of


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Contract the base, roll what that makes, and go on."""
    recipe: _Recipe = rewriting.offer.recipe
    where = recipe.where
    rolled = operands[where.at]
    made = contract.inner(0, (rolled.base, *(operands[n] for n in recipe.before)))
    again = Rolled(made, rolled.k, recipe.made.index(where.i), rolled.step)
    return contract.inner(1, (again, *(operands[n] for n in recipe.after)))


FIRST = Rewrite("rolled.first", verdict, run)
