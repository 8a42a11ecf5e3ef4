"""Sums over the places of a class that are a product of matrices: ``tr,tx,ty->rxy``.

The other operands fall into two sides that share no label of the result.  The core orders the places by
class, so that each side is a matrix for each class, and BLAS multiplies these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ..._base.cost import Cost, gemm_rate
from ..._base.facts import Step
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, shortened_by
from ..._base.routes import Declined, Offer, Refused
from ..._native import CORE
from ..._native.fresh import allocator
from ..dense.core_program import has_blas
from .order import finite
from .places import AtPlaces, at_places
from .where import aligned, in_native_order

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
    if not plan.shown or not plan.tested:
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
    return shortened_by(
        _run, step, Rewriting(Offer(found.cost(), step.output, found, note), inner, settled=True)
    )


def _run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Array | Declined:
    found: Matrices = rewriting.offer.recipe
    plan, taken = found.plan, found.plan.taken
    if 0 in step.sizes.values():
        return np.zeros([step.sizes[c] for c in step.output], step.dtype)
    shape = tuple(step.sizes[c] for c in taken.places)
    where = aligned(taken, [in_native_order(operands[i].labels) for i in taken.positions], shape)
    places, k, made = prod(shape), step.extent(found.summed), list[Array]()
    for side in found.sides:
        if side.bare(step):
            (i,) = side.positions
            array = operands[i].transpose([step.inputs[i].index(c) for c in side.labels])
        else:
            number = sum(not other.bare(step) for other in found.sides[: len(made)])
            array = contract.inner(number, tuple(operands[i] for i in side.positions))
        made.append(array.astype(step.dtype, copy=False).reshape(places, k, step.extent(side.own)))
    rows = plan.kept + plan.shown
    scales = {c: step.extent(rows[n + 1 :]) for n, c in enumerate(rows)}
    lengths = tuple(step.sizes[c] for c in taken.classes)
    steps = tuple(scales.get(c, 0) for c in taken.places)
    out = allocator(step.out_bytes, last=True)(
        (step.extent(rows), made[0].shape[2], made[1].shape[2]), step.dtype
    )
    CORE.multiply_at(
        tuple(where), lengths, tuple(scales[c] for c in taken.classes), steps, *made, out, step.threads
    )
    if not finite(out):
        return Declined("a number of the result is not finite")
    labels = rows + found.sides[0].own + found.sides[1].own
    result: Array = out.reshape([step.sizes[c] for c in labels])
    return result.transpose([labels.index(c) for c in step.output])


CLASS_PRODUCTS = Rewrite("one_hot.class_products", _verdict, _run, "the result is finite")
