"""Rolled operands of the same two axes: what they are multiplied by is rolled with them.

``b[(i + s*j) % d] * e[(i + s*j) % d]`` is the product of b and e, rolled: ``ij,ij->i`` multiplies the bases
once and not k times.  Where nothing else has the label i, ``ij,ij->j`` is one dot product for all rollings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular, shortened_by
from ..._base.routes import Offer, Refused
from .extension import Rolling, base_shape
from .operand import Rolled
from .parts import for_all, of_its_own, repeated
from .where import NAME, Where

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class _Recipe:
    """The operands that are multiplied, and the labels of what that makes of their bases."""

    where: Where
    at: tuple[int, ...]
    rest: tuple[int, ...]
    made: str


def verdict(step: Step) -> Rewriting | Refused:
    """Offer to multiply the bases."""
    where = Where.of(step)
    if step.form != "dense" or where.i == where.j:
        return Refused("a repeated label or a sparse result")
    if step.dtype.char == "e":
        return Refused("sums of half precision are rounded once")
    at = tuple(n for n in range(len(step.operands)) if _goes_along(step, n, where))
    if len(at) < 2:
        return Refused("no other operand is rolled alike along the same axes")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    rest = tuple(n for n in range(len(step.operands)) if n not in at)
    needed = set(step.output).union(*(step.inputs[n] for n in rest))
    bases = tuple(step.inputs[n].replace(where.j, "") for n in at)
    made = "".join(c for c in dict.fromkeys("".join(bases)) if c in needed and c != where.j)
    arrays = tuple(_base(step.operands[n]) for n in at)
    first = Inner(bases, made, arrays)
    recipe = _Recipe(where, at, rest, made)
    second = Inner(
        (_beside(recipe), *(step.inputs[n] for n in rest)),
        step.output,
        (_facts(step, recipe), *(replace(step.operands[n], alias=None) for n in rest)),
    )
    note = f"{len(at)} bases are multiplied before they are rolled"
    rewriting = Rewriting(Offer(Cost(calls=8), step.output, recipe, note), (first, second))
    if where.i in made:
        return rewriting
    if rest or set(step.output) - {where.j} != set(made):
        return shortened_by(run, step, rewriting)
    offer = replace(rewriting.offer, cost=Cost(calls=4.5))
    return replace(rewriting, offer=offer, short_of=_short_of(step, recipe), settled=True)


def _short_of(step: Step, recipe: _Recipe) -> Callable[[Contract], Callable[[tuple[Any, ...]], Array | None]]:
    """A short way, where the product is the same for all rollings and nothing is left to do."""
    together = for_all(step, recipe.where.j, recipe.made)

    def short_of(contract: Contract) -> Callable[[tuple[Any, ...]], Array | None]:
        def short(operands: tuple[Any, ...]) -> Array | None:
            return together(contract.inner(0, tuple([x.base for x in operands])))

        return short

    return short_of


def _goes_along(step: Step, n: int, where: Where) -> bool:
    op, labels = step.operands[n], step.inputs[n]
    if op.form != NAME or not regular(step, n):
        return False
    rolling: Rolling = op.structure
    return (
        labels[rolling.axis : rolling.axis + 2] == where.i + where.j and rolling.shift == where.rolling.shift
    )


def _base(op: Operand) -> Operand:
    return Operand(base_shape(op), op.dtype, op.structure.strides)


def _beside(recipe: _Recipe) -> str:
    """Labels of the product: rolled where i goes on, else the same for all rollings."""
    where, made = recipe.where, recipe.made
    return made.replace(where.i, where.i + where.j) if where.i in made else where.j + made


def _facts(step: Step, recipe: _Recipe) -> Operand:
    where, made = recipe.where, recipe.made
    strides = c_strides(tuple(step.sizes[c] for c in made), step.dtype.itemsize)
    shape = tuple(step.sizes[c] for c in _beside(recipe))
    if where.i not in made:
        return Operand(shape, step.dtype, (0, *strides))
    rolling = Rolling(made.index(where.i), where.rolling.shift, strides)
    return Operand(shape, step.dtype, (), NAME, structure=rolling)


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Multiply, roll what that makes, and go on."""
    recipe: _Recipe = rewriting.offer.recipe
    where, one = recipe.where, operands[recipe.at[0]]
    made = contract.inner(0, tuple(operands[n].base for n in recipe.at))
    made = np.asarray(made, step.dtype, order="C")
    rest = tuple(operands[n] for n in recipe.rest)
    if where.i in recipe.made:
        again = Rolled(made, one.k, recipe.made.index(where.i), one.step)
        return contract.inner(1, (again, *rest))
    return of_its_own(contract.inner(1, (repeated(made, one.k), *rest)), made)


PRODUCTS = Rewrite("rolled.products", verdict, run)
