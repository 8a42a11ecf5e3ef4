"""Two rolled operands that are summed over the axis they are rolled along: one sum for each lag.

``sum_i b[i + s*j] e[i + t*k]`` depends on ``t*k - s*j`` alone: the Gram matrix of all rollings is a Toeplitz
matrix (a Hankel matrix where s is -t), made of one circular correlation, autocorrelation where b is e.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.densify import densified
from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular, shortened_by
from ..._base.routes import Offer, Refused
from .extension import Rolling, base_shape
from .operand import Rolled, shortest
from .parts import of_its_own
from .where import NAME, Where

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class _Recipe:
    """Which lags there are, and how they lie in the matrix of two rollings.

    Attributes
    ----------
    where, other : Where
        Both operands.
    symmetric : bool
        Whether the lags below 0 are those above 0.
    made : str
        Labels of the correlation but its lags, which are its last axis.
    first, unit, width : int
        The first lag, the distance between two, and how many the matrix shows.
    period : int
        How many of them are correlated: all, or as many as there are before they come round.
    strides : tuple of int
        How many lags each rolling of the two operands goes on.
    origin : int
        Where the first rolling of both lies among the lags.
    """

    where: Where
    other: Where
    symmetric: bool
    made: str
    first: int
    unit: int
    width: int
    period: int
    strides: tuple[int, int]
    origin: int


def verdict(step: Step) -> Rewriting | Refused:
    """Offer one correlation, and a view of it that shows the matrix."""
    where = Where.of(step)
    if step.form != "dense" or where.i == where.j or not regular(step, where.at):
        return Refused("a repeated label, a broadcast axis or a sparse result")
    if step.dtype.char == "e":
        return Refused("sums of half precision are rounded once")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    other = _other(step, where)
    if other is None:
        return Refused("no other rolled operand goes along the axis")
    rest = [n for n in range(len(step.inputs)) if n not in (where.at, other.at)]
    if where.i in step.output or any(where.i in step.inputs[n] for n in rest):
        return Refused("the rolled axis is kept, or met by another operand")
    if where.j in step.inputs[other.at] or other.j in step.inputs[where.at]:
        return Refused("a label of the rollings stands for another axis, too")
    recipe = _recipe(step, where, other, rest)
    shape, item = _shape(step, recipe), step.dtype.itemsize
    matrix = Operand(shape, step.dtype, _strides(step, recipe, item))
    needed = step.extent(recipe.made) * recipe.width * item
    if densified(needed, step.out_bytes + sum(_base(step, w).nbytes for w in (where, other))):
        return Refused("there are very many lags")
    labels = recipe.made + where.j + other.j
    inner = (
        _correlation(step, recipe),
        Inner(
            (labels, *(step.inputs[n] for n in rest)),
            step.output,
            (matrix, *(replace(step.operands[n], alias=None) for n in rest)),
        ),
    )
    cost = Cost(bytes=4.0 * needed + 2.0 * step.out_bytes * (not rest), calls=14)
    what = "autocorrelation" if recipe.symmetric else "correlation"
    note = f"one {what} for {_count(step, recipe)} lags, and a view of it for all pairs of rollings"
    return shortened_by(run, step, Rewriting(Offer(cost, step.output, recipe, note), inner))


def _other(step: Step, where: Where) -> Where | None:
    """The next rolled operand whose rolled axis has the same label, and its rollings another one."""
    for n, (labels, op) in enumerate(zip(step.inputs, step.operands, strict=True)):
        if n <= where.at or op.form != NAME or not regular(step, n):
            continue
        axis = op.structure.axis
        if labels[axis] == where.i and labels[axis + 1] not in (where.i, where.j):
            return Where(n, where.i, labels[axis + 1], op.structure)
    return None


def _recipe(step: Step, where: Where, other: Where, rest: list[int]) -> _Recipe:
    s, t = where.rolling.shift, other.rolling.shift
    k, m, d = step.sizes[where.j], step.sizes[other.j], step.sizes[where.i]
    unit = gcd(s, t)
    a, b = (s // unit, t // unit) if unit else (0, 0)
    first = min(0, t) * (m - 1) - max(0, s) * (k - 1)
    width = abs(a) * (k - 1) + abs(b) * (m - 1) + 1
    period = min(width, d // gcd(unit, d))
    needed = set(step.output).union(*(step.inputs[n] for n in rest))
    labels = step.inputs[where.at] + step.inputs[other.at]
    made = "".join(c for c in dict.fromkeys(labels) if c in needed and c not in (where.j, other.j))
    alone = [step.inputs[w.at].replace(w.j, "") for w in (where, other)]
    symmetric = (
        step.operands[other.at].alias == where.at and s == t and alone[0] == alone[1] and period == width > 1
    )
    origin = -first // unit if unit else 0
    return _Recipe(where, other, symmetric, made, first, unit, width, period, (-a, b), origin)


def _count(step: Step, recipe: _Recipe) -> int:
    """How many lags are correlated."""
    return step.sizes[recipe.where.j] if recipe.symmetric else recipe.period


def _base(step: Step, where: Where) -> Operand:
    op = where.operand(step)
    return Operand(base_shape(op), op.dtype, where.rolling.strides)


def _correlation(step: Step, recipe: _Recipe) -> Inner:
    """What makes the lags: the first base with the second one, rolled."""
    where, other, d = recipe.where, recipe.other, step.sizes[recipe.where.i]
    base, count = _base(step, other), _count(step, recipe)
    axis = other.rolling.axis
    shape = (*base.shape[: axis + 1], count, *base.shape[axis + 1 :])
    strides = base.strides if _as_it_is(recipe) else c_strides(base.shape, base.dtype.itemsize)
    rolling = Rolling(axis, shortest(recipe.unit, d), strides)
    rolled = Operand(shape, base.dtype, (), NAME, structure=rolling)
    inputs = (step.inputs[where.at].replace(where.j, ""), step.inputs[other.at])
    return Inner(inputs, recipe.made + other.j, (_base(step, where), rolled))


def _as_it_is(recipe: _Recipe) -> bool:
    """Whether the lags begin with 0."""
    return recipe.symmetric or recipe.first == 0


def _shape(step: Step, recipe: _Recipe) -> tuple[int, ...]:
    return tuple(step.sizes[c] for c in recipe.made + recipe.where.j + recipe.other.j)


def _strides(step: Step, recipe: _Recipe, item: int) -> tuple[int, ...]:
    """Of the view, in bytes."""
    lags = (*(step.sizes[c] for c in recipe.made), recipe.width)
    return (*c_strides(lags, item)[:-1], *(n * item for n in recipe.strides))


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Correlate, and contract the matrix of the lags."""
    recipe: _Recipe = rewriting.offer.recipe
    where, other = recipe.where, recipe.other
    base, axis = operands[other.at].base, other.rolling.axis
    if not _as_it_is(recipe):
        # `roll` keeps the layout of neither the base nor of C.
        base = np.ascontiguousarray(np.roll(base, -recipe.first, axis))
    rolled = Rolled(base, _count(step, recipe), axis, recipe.unit)
    lags = contract.inner(0, (operands[where.at].base, rolled))
    lags = _all_lags(np.asarray(lags, step.dtype), recipe)
    item = lags.itemsize
    shape, strides = _shape(step, recipe), _strides(step, recipe, item)
    matrix = np.ndarray(shape, lags.dtype, lags, recipe.origin * item, strides)
    rest = (x for n, x in enumerate(operands) if n not in (where.at, other.at))
    return of_its_own(contract.inner(1, (matrix, *rest)), lags)


def _all_lags(lags: Array, recipe: _Recipe) -> Array:
    """Those that are the same as others put where they belong, in C order."""
    if recipe.symmetric:
        lags = np.concatenate((lags[..., :0:-1], lags), axis=-1)
    elif recipe.period < recipe.width:
        lags = np.take(lags, np.arange(recipe.width) % recipe.period, axis=-1)
    return np.ascontiguousarray(lags)


LAGS = Rewrite("rolled.lags", verdict, run)
