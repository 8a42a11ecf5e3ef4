"""Sums over the places of a class that are a product of matrices: ``tr,tx,ty->rxy``.

The other operands fall into two sides that share no label of the result.  The core orders the places by
class, so that each side is a matrix for each class, and BLAS multiplies these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from ..._base.cost import Cost, gemm_rate
from ..._base.facts import Step
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting
from ..._base.routes import Declined, Offer, Refused
from ..._native import CORE
from ..._native.fresh import allocator
from ..dense.core_program import has_blas
from .order import finite
from .places import AtPlaces, at_places
from .together import Rows

Array = np.ndarray[Any, Any]

#: Seconds of a place that is put in order, of a byte of its rows, and of each class's product to begin; what
#: BLAS takes beside its own rate, since each product begins with what no cache near the core holds.
_PLACE, _BYTE, _CLASS, _SLOWER = 8e-9, 0.025e-9, 0.04e-6, 1.25
#: Seconds of a number of a row whose numbers do not lie side by side.
_APART = 0.8e-9
#: Calls' worth of Python around it, and around each side that is made before.
_CALLS, _MADE = 6.0, 3.0
#: Terms that one product sums at most, multiply-adds of it, and groups of operands that are put on two sides.
_TERMS, _LARGE, _GROUPS = 512, 1e6, 8


@dataclass(frozen=True, slots=True)
class Side:
    """Operands that make one of the two matrices of a place.

    Attributes
    ----------
    positions : tuple of int
        Of the operands in the step.
    labels : str
        Of what they make: the places, what else is summed, and the side's own labels of the result.
    own : str
        Those last ones.
    """

    positions: tuple[int, ...]
    labels: str
    own: str

    def bare(self, step: Step) -> bool:
        """Whether it is one operand as it is."""
        return len(self.positions) == 1 and len(step.inputs[self.positions[0]]) == len(self.labels)

    def apart(self, step: Step) -> bool:
        """Whether its numbers do not lie side by side."""
        i, last = self.positions[0], self.own[-1:]
        op = step.operands[i]
        return self.bare(step) and op.strides[step.inputs[i].index(last)] != op.dtype.itemsize

    def inner(self, step: Step) -> Inner:
        """The contraction that makes it."""
        operands = tuple(replace(step.operands[i], alias=None) for i in self.positions)
        return Inner(tuple(step.inputs[i] for i in self.positions), self.labels, operands)


@dataclass(frozen=True, slots=True)
class Matrices:
    """What is multiplied at each place, summed over ``summed`` besides, and where it is added."""

    plan: AtPlaces
    sides: tuple[Side, Side]
    summed: str

    def cost(self) -> Cost:
        """Of ordering places and rows, and of the products."""
        step, plan = self.plan.step, self.plan
        places, classes = step.extent(plan.taken.places), step.extent(plan.kept + plan.shown)
        k, (m, n) = step.extent(self.summed), [step.extent(side.own) for side in self.sides]
        work, item = float(places) * m * n * k, step.dtype.itemsize
        terms = max(1, min(places * k // max(classes, 1), _TERMS, int(_LARGE) // (m * n)))
        rate = gemm_rate(m, n, terms, item, step.dtype.kind == "c", 1)
        rows = float(places) * k * (m + n) * item
        taken = places * _PLACE + rows * _BYTE + min(classes, places) * _CLASS + _SLOWER * work / rate
        for side, numbers in zip(self.sides, (m, n), strict=True):
            taken += places * k * numbers * _APART * side.apart(step)
        made = sum(not side.bare(step) for side in self.sides)
        moved = 2 * step.out_bytes  # it is written, and looked at
        return Cost(taken * 1e9, 0.0, _CALLS + _MADE * made, 1e9) + Cost(bytes=float(moved), calls=0)


def _matrices(plan: AtPlaces) -> Matrices | Refused:
    step = plan.step
    if CORE is None or step.dtype.char not in "fdFD" or not has_blas():
        return Refused("BLAS has no product of this dtype, or the core none of its own")
    if 0 in step.sizes.values():
        return Refused("nothing to multiply")
    if not plan.shown or Rows.of(plan) is None:
        return Refused("not every one_hot has a class label of the result")
    if any(way.replaced or step.operands[i].form != "dense" for i, way in _others(plan)):
        return Refused("an operand is looked up by label, or is no array")
    groups = _groups(plan)
    if not 2 <= len(groups) <= _GROUPS:
        return Refused("the operands have no two sides, without a label of the result in common")
    splits = (_split(plan, groups, chosen) for chosen in product((False, True), repeat=len(groups) - 1))
    found = [x for x in splits if x is not None]
    return min(found, key=lambda x: x.cost().seconds) if found else Refused("one side lacks labels")


def _others(plan: AtPlaces) -> list[tuple[int, Any]]:
    return list(zip(plan.rest, plan.plain.ways, strict=True))


def _groups(plan: AtPlaces) -> list[tuple[int, ...]]:
    """Operands that share labels of the result, together."""
    groups: list[tuple[set[str], tuple[int, ...]]] = []
    for i in plan.rest:
        own = {c for c in plan.step.inputs[i] if c in plan.wide}
        members: tuple[int, ...] = (i,)
        for group in [x for x in groups if x[0] & own]:
            groups.remove(group)
            own, members = own | group[0], group[1] + members
        groups.append((own, members))
    return [tuple(sorted(members)) for _, members in groups]


def _split(plan: AtPlaces, groups: Sequence[tuple[int, ...]], chosen: tuple[bool, ...]) -> Matrices | None:
    """The groups on two sides, as chosen; None where one lacks places, or labels of its own."""
    step = plan.step
    halves = [
        tuple(
            i for group, right in zip(groups, (False, *chosen), strict=True) if right is side for i in group
        )
        for side in (False, True)
    ]
    have = [set("".join(step.inputs[i] for i in half)) for half in halves]
    if not all(set(plan.taken.places) <= labels and labels & set(plan.wide) for labels in have):
        return None
    summed = "".join(sorted(c for c in have[0] & have[1] if c not in plan.taken.places))
    sides = []
    for half, labels in zip(halves, have, strict=True):
        first = step.inputs[half[0]]
        own = "".join(c for c in (first if len(half) == 1 else plan.wide) if c in plan.wide and c in labels)
        sides.append(Side(half, plan.taken.places + summed + own, own))
    return Matrices(plan, (sides[0], sides[1]), summed)


def _verdict(step: Step) -> Rewriting | Refused:
    plan = at_places(step)
    found = plan if isinstance(plan, Refused) else _matrices(plan)
    if isinstance(found, Refused):
        return found
    sides = ",".join(side.labels for side in found.sides)
    rows = found.plan.kept + found.plan.shown
    note = f"{sides}->{found.plan.wide}, a product of matrices for each class {rows}"
    inner = tuple(side.inner(step) for side in found.sides if not side.bare(step))
    # Whatever is not finite it declines.
    return Rewriting(
        Offer(found.cost(), step.output, found, note), inner, short_of=_short_of(found), settled=True
    )


def _short_of(found: Matrices) -> Callable[[Contract], Callable[[tuple[Any, ...]], Array | None]]:
    def short_of(contract: Contract) -> Callable[[tuple[Any, ...]], Array | None]:
        multiply = _multiplier(found)
        return lambda operands: multiply(operands, contract)

    return short_of


def _run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Array | Declined:
    result = _multiplier(rewriting.offer.recipe)(operands, contract)
    return Declined("a number of the result is not finite") if result is None else result


def _side(side: Side, step: Step, number: int, k: int) -> Callable[[tuple[Any, ...], Contract], Array]:
    """From the operands to a side's matrices, an axis for the places, one that is summed, and its own."""
    shape, dtype = (-1, k, step.extent(side.own)), step.dtype
    if not side.bare(step):
        positions = side.positions
        return lambda operands, contract: contract.inner(
            number, tuple(operands[i] for i in positions)
        ).reshape(shape)
    (i,) = side.positions
    axes = tuple(step.inputs[i].index(c) for c in side.labels)
    return lambda operands, _: operands[i].transpose(axes).astype(dtype, copy=False).reshape(shape)


def _multiplier(found: Matrices) -> Callable[[tuple[Any, ...], Contract], Array | None]:
    """From the operands to the result; None where it is not finite."""
    plan, step, k = found.plan, found.plan.step, found.plan.step.extent(found.summed)
    at = Rows.of(plan)
    assert at is not None
    first, second = found.sides
    left, right = _side(first, step, 0, k), _side(second, step, 0 if first.bare(step) else 1, k)
    shape = step.extent(plan.kept + plan.shown), step.extent(first.own), step.extent(second.own)
    make, dtype, threads = allocator(step.out_bytes, last=True), step.dtype, step.threads
    where, shaped = at.where(), at.shaped(first.own + second.own)
    facts = at.lengths, at.scales, at.steps

    def multiply(operands: tuple[Any, ...], contract: Contract) -> Array | None:
        a, b = left(operands, contract), right(operands, contract)
        out: Array = make(shape, dtype)
        CORE.multiply_at(where(operands), *facts, a, b, out, threads)
        return shaped(out) if finite(out) else None

    return multiply


CLASS_PRODUCTS = Rewrite("one_hot.class_products", _verdict, _run, "the result is finite")
