"""Counts and sums where several labels, or coordinates beside them, say together where a place is added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._native import CORE
from .adding import LOOPS
from .places import AtPlaces
from .where import aligned, in_native_order

Array = np.ndarray[Any, Any]
Quick = Callable[[tuple[Any, ...]], "Array | None"]


def in_order(axes: tuple[int, ...]) -> bool:
    """Whether a transposition to these axes changes nothing."""
    return axes == tuple(range(len(axes)))


@dataclass(frozen=True, slots=True)
class Rows:
    """Where places are added: at a row for each of the classes and of the places that are kept.

    Attributes
    ----------
    lengths, scales : tuple of int
        Of the classes, and what each counts in the row's number.
    steps : tuple of int
        What each coordinate of the places counts there.
    """

    plan: AtPlaces
    lengths: tuple[int, ...]
    scales: tuple[int, ...]
    steps: tuple[int, ...]

    @classmethod
    def of(cls, plan: AtPlaces) -> Rows | None:
        """None where a label says something else than where a place is added."""
        if not plan.tested or plan.taken.repeats or plan.step.dtype.char not in LOOPS:
            return None
        labels, step = plan.kept + plan.shown, plan.step
        scales = {c: step.extent(labels[n + 1 :]) for n, c in enumerate(labels)}
        lengths = tuple(step.sizes[c] for c in plan.taken.classes)
        own = tuple(scales[c] for c in plan.taken.classes)
        return cls(plan, lengths, own, tuple(scales.get(c, 0) for c in plan.taken.places))

    def where(self) -> Callable[[tuple[Any, ...]], tuple[Array, ...]]:
        """From operands to their labels, an axis for each of the places."""
        taken, positions = self.plan.taken, self.plan.taken.positions
        if set(taken.inputs) == {taken.places}:
            return lambda operands: tuple([in_native_order(operands[i].labels) for i in positions])
        shape = tuple(self.plan.step.sizes[c] for c in taken.places)
        return lambda operands: tuple(
            aligned(taken, [in_native_order(operands[i].labels) for i in positions], shape)
        )

    def shaped(self, wide: str) -> Callable[[Array], Array]:
        """From rows, of the labels ``wide``, to the result."""
        step, found = self.plan.step, self.plan.kept + self.plan.shown + wide
        shape, back = tuple(step.sizes[c] for c in found), tuple(found.index(c) for c in step.output)
        if in_order(back):
            return lambda rows: rows.reshape(shape)
        return lambda rows: rows.reshape(shape).transpose(back)


def count_together(plan: AtPlaces) -> Quick | None:
    """Counts by the labels of one-hots, and by the places that are kept."""
    at = Rows.of(plan)
    if at is None:
        return None
    step, where, shaped = plan.step, at.where(), at.shaped(plan.wide)
    size, char, threads = step.extent(plan.kept + plan.shown), step.dtype.char, step.threads
    facts = at.lengths, at.scales, at.steps, size, char, threads
    return lambda operands: shaped(CORE.count_at(where(operands), *facts))


def sum_together(plan: AtPlaces) -> Quick | None:
    """Sums by the labels of one-hots, and by the places that are kept."""
    at, step, places = Rows.of(plan), plan.step, plan.taken.places
    if at is None or not plan.plain.bare or plan.plain.ways[0].replaced:
        return None
    (other,), dtype, threads = plan.rest, plan.step.dtype, plan.step.threads
    labels = step.inputs[other]
    if step.operands[other].dtype != dtype or not set(places) <= set(labels):
        return None
    axes = tuple(labels.index(c) for c in places + plan.wide)
    width, size = step.extent(plan.wide), step.extent(plan.kept + plan.shown)
    rows_shape = (*(step.sizes[c] for c in places), *((width,) if plan.wide else ()))
    flat = (size, width) if plan.wide else (size,)
    facts, where, shaped = (at.lengths, at.scales, at.steps), at.where(), at.shaped(plan.wide)

    def run(operands: tuple[Any, ...]) -> Array | None:
        rows = operands[other].transpose(axes)
        if rows.shape != rows_shape:
            try:
                rows = rows.reshape(rows_shape, copy=False)
            except ValueError:  # they do not follow each other evenly
                return None
        if not rows.dtype.isnative:
            return None
        out = np.zeros(flat, dtype)
        CORE.add_at(where(operands), *facts, rows, out, threads)
        return shaped(out)

    return run
