"""Rolled operands laid out for GEMM: the copy is made in the order in which windows are matrices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular
from ..._base.routes import Offer, Refused
from ..dense import matmul
from ..dense.batches import batched_cost
from ..dense.overlap import memory_under, orders
from ..dense.windows import window_offer
from .extension import Extension, extension, memory_order, rolls_at_once
from .where import Where, others_bytes, replaced

_DOUBLE = np.dtype(np.float64)


def verdict(step: Step) -> Rewriting | Refused:
    """Offer the layout that makes the cheapest GEMMs, where it is not that of the base."""
    where = Where.of(step)
    op = where.operand(step)
    if len(step.inputs) != 2 or step.operands[1 - where.at].form != "dense":
        return Refused("not a pair with an array")
    if not (regular(step, 0) and regular(step, 1)):
        return Refused("a repeated label or a broadcast axis")
    if step.dtype.char not in matmul.BLAS_CHARS and step.dtype.kind not in "biu":
        return Refused(f"BLAS has no {step.dtype.name}")
    k = op.shape[where.rolling.axis + 1]
    if rolls_at_once(op, step.dtype, others_bytes(step, where.at)) < k:
        return Refused("the lengthened copy would be large beside the base")
    found = min(_candidates(step, where), key=lambda pair: pair[1], default=None)
    if found is None:
        return Refused("no GEMM takes its windows")
    ext = found[0]
    if ext == extension(op, step.dtype):
        return Refused("the base lies as it suits")
    inner = Inner(step.inputs, step.output, replaced(step.operands, where.at, ext.facts))
    cost = Cost(bytes=3.0 * ext.nbytes, calls=6)
    note = "a strided view of the base, lengthened and laid out for GEMM"
    return Rewriting(Offer(cost, step.output, (where.at, ext), note), (inner,))


def _candidates(step: Step, where: Where) -> Iterator[tuple[Extension, float]]:
    """Lengthened copies in the orders that may suit GEMM, each with the seconds that the products take."""
    op, labels = where.operand(step), step.inputs[where.at]
    axis, own = where.rolling.axis, memory_order(op)
    axes = {c: n - (n > axis) for n, c in enumerate(labels)}
    for backwards in (False, True)[: 1 + (where.rolling.shift < 0)]:
        under = memory_under(labels, extension(op, _DOUBLE, own, backwards=backwards).facts)
        if under is None:
            continue
        for groups in dict.fromkeys(orders(under, where.at, step)):
            order = [axes[under.groups[g][0]] for g in groups]
            order += [a for a in own if a not in order]
            seconds = _seconds(step, where.at, extension(op, _blas(step), order, backwards=backwards))
            if seconds is not None:
                yield extension(op, step.dtype, order, backwards=backwards), seconds


def _blas(step: Step) -> np.dtype[Any]:
    """The dtype of the GEMM, or about as wide a one."""
    return step.dtype if step.dtype.char in matmul.BLAS_CHARS else _DOUBLE


def _seconds(step: Step, at: int, ext: Extension) -> float | None:
    other = replace(step.operands[1 - at], dtype=ext.dtype)
    pair = (ext.facts, other) if at == 0 else (other, ext.facts)
    step = replace(step, operands=pair, dtype=ext.dtype)
    offer = window_offer(step, at)
    return None if isinstance(offer, Refused) else batched_cost(step, offer).seconds


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Lengthen the base, and contract the view."""
    at, ext = rewriting.offer.recipe
    view = ext.view(ext.copy(operands[at].base, step.threads))
    return contract.inner(0, replaced(operands, at, view))


WINDOWS = Rewrite("rolled.windows", verdict, run)
