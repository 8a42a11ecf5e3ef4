"""Calls that the core does as a whole: a vector of labels, and at most one array as it lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._native import CORE
from .adding import LOOPS
from .places import AtPlaces

Runner = Callable[..., Any]

#: What the core is told to do.
_COUNT, _SUM, _TAKE = range(3)
#: Classes up to which all are counted, met or not, in less time than what is around it takes.
_FEW = 1 << 11


def in_core(plan: AtPlaces) -> Callable[[Runner, bool], Runner] | None:
    """How a plan becomes the core's call (see `Rewriting.in_core`); None where it is more than one."""
    step, char = plan.step, plan.step.dtype.char
    if char not in LOOPS or len(plan.taken.places) != 1 or 0 in step.sizes.values():
        return None
    work = _work(plan)
    if work is None:
        return None
    (hot,), places, (own,) = plan.taken.positions, plan.taken.places, plan.taken.classes
    shape = step.operands[plan.rest[0]].shape if plan.rest else ()
    sizes = step.sizes[places], step.sizes[own], shape, step.threads

    def bound(run: Runner, looks: bool) -> Runner:
        looks = looks and work == _SUM and step.dtype.kind in "fc"
        if looks and char not in "fdFD":
            return run
        made: Runner = CORE.LabelCall(run, work, char, hot, *sizes, looks)
        return made

    return bound


def _work(plan: AtPlaces) -> int | None:
    """What it is of the three; None where it is none of them."""
    step, places, rest = plan.step, plan.taken.places, plan.rest
    if len(plan.taken.positions) != 1 or len(step.inputs) != 1 + len(rest) or len(rest) > 1:
        return None
    (own,) = plan.taken.classes
    if not rest:
        few = step.sizes[own] <= max(_FEW, step.sizes[places] // 2)
        return _COUNT if few and step.output == own else None
    labels, op = step.inputs[rest[0]], step.operands[rest[0]]
    if len(labels) > 2 or op.form != "dense" or op.dtype != step.dtype:
        return None
    wide = labels[1:]
    if wide in (places, own):
        return None
    if (labels[0], step.output) == (places, own + wide):
        return _SUM
    return _TAKE if (labels[0], step.output) == (own, places + wide) else None
