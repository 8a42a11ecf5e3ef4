"""Batches of GEMMs over our own threads, which wait for nobody where BLAS's own would spin for each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from ..._base.cost import CALL, Cost, product_threads
from ..._base.facts import Step
from ..._base.machine import machine
from ..._base.records import dataclass
from ..._base.routes import Offer, Runner
from ..._base.threads import run_blocks, with_single_threaded_blas
from ..._native.fresh import allocator
from . import matmul
from .recipe import Recipe

Array = np.ndarray[Any, Any]

#: Estimated seconds from which several threads pay, and from which holding BLAS to one does.
_WORTH, _HOLD = 350e-6, 1e-3
#: Seconds that waking threads takes (two cores of a virtual machine: about 100 us), and each block.
_WAKE, _BLOCK = 90e-6, 10e-6
#: Blocks for each thread: what one is late by, the others make up for.
_BLOCKS = 4


@dataclass(frozen=True, slots=True)
class _Cut:
    """Blocks along a loop of a batch, and whether BLAS has to be held to one thread meanwhile."""

    label: str
    count: int
    hold: bool


def _cut(step: Step, offer: Offer) -> _Cut | None:
    """How a batch is cut; None where threads do not pay."""
    recipe: Recipe = offer.recipe
    if step.threads < 2 or not recipe.loops or recipe.pack_out:
        return None
    m, n, k = (step.extent(x) for x in (recipe.m, recipe.n, recipe.k))
    hold = product_threads(m, n, k, step.dtype.kind == "c", step.threads) > 1
    if offer.cost.seconds < (_HOLD if hold else _WORTH):
        return None
    label = max(recipe.loops, key=lambda c: step.sizes[c])
    count = min(step.sizes[label], _BLOCKS * step.threads)
    return _Cut(label, count, hold) if count > 1 else None


def batched_cost(step: Step, offer: Offer) -> Cost:
    """Cost of a batch on the step's threads; ``offer`` is that of one thread."""
    cost, cut = offer.cost, _cut(step, offer)
    if cut is None:
        return cost
    threads = min(step.threads, cut.count)
    more = 1 + machine().more_bandwidth * (threads - 1)
    calls = (cost.calls + (_BLOCK * cut.count + offer.crowded) / CALL) / threads + _WAKE / CALL
    return Cost(cost.flops, cost.bytes / more, calls, cost.rate * threads)


def bind_batched(step: Step, offer: Offer) -> Runner:
    """The batch, in blocks of its longest loop."""
    cut = _cut(step, offer)
    if cut is None:
        return matmul.bind(step, offer)
    size = step.sizes[cut.label]
    edges = [n * size // cut.count for n in range(cut.count + 1)]
    blocks = [slice(*pair) for pair in pairwise(edges)]
    products = {n: _resized(step, offer, cut.label, n) for n in {b.stop - b.start for b in blocks}}
    sizes = tuple(step.sizes[c] for c in offer.layout)
    axes = tuple(offer.layout.index(c) for c in step.output)
    of_a, of_b, of_out = (_slicer(labels, cut.label) for labels in (*step.inputs, step.output))
    threads, dtype, empty = step.threads, step.dtype, allocator(step.out_bytes, last=step.last)
    spread = with_single_threaded_blas(run_blocks) if cut.hold else run_blocks

    def run(a: Array, b: Array, out: Array | None = None) -> Any:
        result = empty(sizes, dtype).transpose(axes) if out is None else out

        def work(index: int) -> None:
            block = blocks[index]
            products[block.stop - block.start](of_a(a, block), of_b(b, block), out=of_out(result, block))

        spread(len(blocks), work, threads)
        return result

    return run


def _slicer(labels: str, label: str) -> Callable[[Array, slice], Array]:
    """What a block takes of an array: all of one that lacks the label."""
    if label not in labels:
        return lambda x, _: x
    head = (slice(None),) * labels.index(label)
    return lambda x, block: x[(*head, block)]


def _resized(step: Step, offer: Offer, label: str, size: int) -> Runner:
    """The batch with one loop shorter, on one thread."""
    sizes = {**step.sizes, label: size}
    operands = tuple(
        replace(op, shape=tuple(sizes[c] for c in labels))
        for labels, op in zip(step.inputs, step.operands, strict=True)
    )
    return matmul.bind(replace(step, sizes=sizes, operands=operands, threads=1), offer)
