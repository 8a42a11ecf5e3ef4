"""Pairwise differences with arrays: some points at a time, their differences written out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
from jax import lax

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner
from .blocks import block_of, contracted, in_blocks, limit_of, recomputed
from .dense import LIBRARY, cast
from .dtypes import native
from .written import dense_step, structures

__all__ = ["ROUTE", "differences", "some_points"]

#: Bytes of differences at a time where no memory_limit is set.
_BLOCK = 16 << 20
#: Differences a second, and multiply-adds of what is done with them.
_ENTRIES, _RATE = 2e9, 2e9


def differences(step: Step) -> tuple[list[int], str] | Refused:
    """Positions of operands that are differences, and the label of points that all of them have first."""
    found = structures(step, "pairwise_difference")
    if not found:
        return Refused("no pairwise difference")
    if any(op.form != LIBRARY.name for n, op in enumerate(step.operands) if n not in found):
        return Refused("not differences and arrays")
    first = {step.inputs[n][0] for n in found}
    if len(first) > 1:
        return Refused("differences of points under several labels")
    return found, first.pop()


def _verdict(step: Step) -> Offer | Refused:
    """Offer to write some points' differences out at a time."""
    whole = differences(step)
    if isinstance(whole, Refused):
        return whole
    found, label = whole
    size, n = sum(step.operands[i].size for i in found), step.sizes[label]
    each = size // max(n, 1) * step.dtype.itemsize
    limit = limit_of(step)
    block = block_of(max(n, 1), 2 * each, _BLOCK if limit is None else limit)
    flops = float(step.extent("".join(dict.fromkeys("".join(step.inputs)))))
    seconds = flops / _RATE + size / _ENTRIES
    moved = float(step.in_bytes + step.out_bytes)
    cost = Cost(flops, moved, LIBRARY.calls, flops / seconds if flops else _RATE)
    return Offer(cost, step.output, (tuple(found), label, block), f"differences of {block} points at a time")


def _bind(step: Step, offer: Offer) -> Runner:
    found, label, block = offer.recipe
    return some_points(step, found, label, block)


def some_points(step: Step, found: tuple[int, ...], label: str, block: int) -> Runner:
    """A step with differences, of so many points under a label at a time."""
    size = step.sizes[label]
    axes = [0 if i in found else labels.find(label) for i, labels in enumerate(step.inputs)]

    def run_of(length: int, sets: tuple[Any, ...]) -> Callable[..., Any]:
        multiply = contracted(replace(dense_step(step), sizes={**step.sizes, label: length}))

        def run(*parts: Any) -> Any:
            written = [
                cast(x[:, None, :] - sets[i][None, :, :], step.dtype) if i in found else x
                for i, x in enumerate(parts)
            ]
            return multiply(*written)

        return run

    def run(*operands: Any, out: Any = None) -> Any:
        points = {i: operands[i].points() for i in found}
        sets = tuple(points[i][1] if i in found else None for i in range(len(operands)))
        parts = [points[i][0] if i in found else x for i, x in enumerate(operands)]
        if block >= size:
            return run_of(size, sets)(*parts)
        if label in step.output:
            at = step.output.index(label)
            return in_blocks(size, block, at, tuple(axes), lambda n: run_of(n, sets))(*parts)
        return _added(step, size, block, axes, lambda n: run_of(n, sets), parts)

    return run


def _added(
    step: Step, size: int, block: int, axes: list[int], run_of: Callable[[int], Any], parts: list[Any]
) -> Any:
    """Sums over the points, block after block."""
    whole, rest = divmod(size, block)
    add = jnp.logical_or if step.dtype.kind == "b" else jnp.add

    def sliced(start: Any, length: int) -> list[Any]:
        return [
            x if axis < 0 else lax.dynamic_slice_in_dim(x, start, length, axis)
            for x, axis in zip(parts, axes, strict=True)
        ]

    total = jnp.zeros(tuple(step.sizes[c] for c in step.output), native(step.dtype))
    inner = run_of(block)
    one = recomputed(lambda start: inner(*sliced(start, block)))
    starts = jnp.arange(whole) * block
    total, _ = lax.scan(lambda so_far, start: (add(so_far, one(start)), None), total, starts)
    return add(total, run_of(rest)(*sliced(whole * block, rest))) if rest else total


ROUTE = Route("jax.differences", _verdict, _bind)
