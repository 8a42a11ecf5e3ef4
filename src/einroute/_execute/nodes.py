"""A plan's node -> a callable of canonical operands.

Everything that can be settled beforehand is: a call of one step becomes little more than the NumPy call
it was decided to be.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from .._base.facts import Step
from .._base.routes import Declined, Runner, bind
from .._base.threads import run_blocks, with_single_threaded_blas
from .._kinds.dense.transpose import permuted_copy
from .._native.fresh import allocator
from .._plan.plans import Chain, Planned, Sliced

__all__ = ["OnRun", "bind_node"]

Array = np.ndarray[Any, Any]
OnRun = Callable[[str, Declined | None], None]
Piece = Callable[[Array, slice], Array]


def bind_node(node: Chain | Sliced, on_run: OnRun | None) -> Runner:
    """A callable of canonical operands that runs a node."""
    if isinstance(node, Sliced):
        return _bind_sliced(node, on_run)
    return bind_chain(node, on_run)


def bind_chain(chain: Chain, on_run: OnRun | None) -> Runner:
    if len(chain.steps) == 1 and chain.steps[0].positions == tuple(range(len(chain.inputs))):
        return bind(chain.steps[0].decision, on_run)
    steps = _with_slots(chain, on_run)
    body, (last_slots, _, last) = steps[:-1], steps[-1]
    if len(body) == 1 and len(body[0][0]) == len(last_slots) == 2 and len(chain.inputs) == 3:
        return _bind_triple(body[0][0], body[0][2], last_slots, last)

    def run(*arrays: Any, out: Any = None) -> Any:
        slots = list(arrays)
        for sources, target, step in body:
            result = step(*[slots[i] for i in sources])
            for i in sources:
                slots[i] = None  # an intermediate goes when it has been used
            slots[target] = result
        if out is None:
            return last(*[slots[i] for i in last_slots])
        return last(*[slots[i] for i in last_slots], out=out)

    return run


def _bind_triple(
    sources: tuple[int, ...], first: Runner, last_sources: tuple[int, ...], last: Runner
) -> Runner:
    """Two steps over three operands, without the bookkeeping of longer chains."""
    i, j = sources
    k = 3 - i - j
    left = last_sources[0] == k  # whether the operand that is left stands before the intermediate

    def run(*arrays: Any, out: Any = None) -> Any:
        made = first(arrays[i], arrays[j])
        x, y = (arrays[k], made) if left else (made, arrays[k])
        return last(x, y) if out is None else last(x, y, out=out)

    return run


def _with_slots(chain: Chain, on_run: OnRun | None) -> list[tuple[tuple[int, ...], int, Runner]]:
    """Each step with the slots it reads and the one it writes: its first operand's, which is free by then."""
    there = list(range(len(chain.inputs)))
    made: dict[int, Planned] = {}  # what wrote a slot last
    steps = []
    for s in chain.steps:
        sources = tuple(there[i] for i in s.positions)
        for i in sorted(s.positions, reverse=True):
            del there[i]
        there.insert(len(there) if s.at is None else s.at, sources[0])
        spent = _spent([made.get(i) for i in sources], s)
        made[sources[0]] = s
        run = bind(s.decision, on_run)
        steps.append((sources, sources[0], run if spent is None else _over(run, spent, s.step)))
    return steps


def _spent(makers: list[Planned | None], planned: Planned) -> int | None:
    """Which operand of a multiplication is an intermediate whose memory the product may take."""
    if not planned.decision.offer.overwrites or not planned.step.output:
        return None
    for i, maker in enumerate(makers):
        if maker is not None and len(maker.step.inputs) > 1 and maker.layout == planned.layout:
            return i
    return None


def _over(run: Runner, spent: int, step: Step) -> Runner:
    """A multiplication that writes over an operand, unless an ``out`` is given."""
    axes = tuple(step.inputs[spent].index(c) for c in step.output)

    def over(*arrays: Any, out: Any = None) -> Any:
        return run(*arrays, out=arrays[spent].transpose(axes) if out is None else out)

    return over


def _bind_sliced(plan: Sliced, on_run: OnRun | None) -> Runner:
    inner = bind_node(plan.inner, on_run)
    tail = inner if plan.tail is None else bind_node(plan.tail, on_run)
    starts = range(
        0, plan.size, plan.block
    )  # not listed: there may be more than there is memory for a result
    pieces = [_slicer(labels, plan.label) for labels in plan.inputs]
    last = len(starts) - 1
    if plan.summed:
        return _bind_summed(plan, inner, tail, starts, pieces)
    axis = plan.output.index(plan.label)
    head = (slice(None),) * axis
    sizes = _sizes(plan)
    shape = tuple(sizes[c] for c in plan.layout)
    axes = tuple(plan.layout.index(c) for c in plan.output)
    dtype = _dtype(plan)
    threads = plan.threads
    blocks = _blocks(plan)
    empty = allocator(prod(shape) * dtype.itemsize, last=True)

    def run(*arrays: Any, out: Any = None) -> Any:
        result = empty(shape, dtype).transpose(axes) if out is None else out

        def work(index: int) -> None:
            cut = slice(starts[index], starts[index] + plan.block)
            slices = [piece(x, cut) for piece, x in zip(pieces, arrays, strict=True)]
            (tail if index == last else inner)(*slices, out=result[(*head, cut)])

        blocks(len(starts), work, threads)
        return result

    return run


def _blocks(plan: Sliced) -> Callable[[int, Callable[[int], None], int], None]:
    """`run_blocks`, with BLAS held to one thread where several of ours call it."""
    guarded = plan.threads > 1 and _uses_blas(plan.inner)
    return with_single_threaded_blas(run_blocks) if guarded else run_blocks


def _bind_summed(
    plan: Sliced,
    inner: Runner,
    tail: Runner,
    starts: range,
    pieces: list[Piece],
) -> Runner:
    """Slices along a contracted label: their results are added in order, whichever was ready first."""
    sizes = _sizes(plan)
    shape = tuple(sizes[c] for c in plan.output)
    dtype = _dtype(plan)
    add = np.logical_or if dtype.kind == "b" else np.add
    last = len(starts) - 1
    threads = plan.threads
    blocks = _blocks(plan)

    def part(arrays: tuple[Any, ...], index: int, out: Array | None) -> Any:
        cut = slice(starts[index], starts[index] + plan.block)
        slices = [piece(x, cut) for piece, x in zip(pieces, arrays, strict=True)]
        return (tail if index == last else inner)(*slices, out=out)

    def together(arrays: tuple[Any, ...]) -> Any:
        count = len(starts)
        partial = allocator(count * prod(shape) * dtype.itemsize, last=False)((count, *shape), dtype)
        blocks(count, lambda i: part(arrays, i, partial[i, ...]), threads)
        total = partial[0, ...].copy()
        for index in range(1, count):  # as in turn: bits do not depend on the number of threads
            add(total, partial[index], out=total)
        return total

    def in_turn(arrays: tuple[Any, ...]) -> Any:
        total = np.asarray(part(arrays, 0, None))
        if not total.flags.writeable or total.base is not None:
            total = total.copy()
        for index in range(1, len(starts)):
            add(total, part(arrays, index, None), out=total)
        return total

    def run(*arrays: Any, out: Any = None) -> Any:
        total = together(arrays) if threads > 1 else in_turn(arrays)
        if out is None:
            return _laid_out(np.asarray(total), plan)
        np.copyto(out, total)
        return out

    return run


def _laid_out(total: Array, plan: Sliced) -> Array:
    """The sum in the layout that was asked for."""
    axes = tuple(plan.layout.index(c) for c in plan.output)
    shape = tuple(total.shape[plan.output.index(c)] for c in plan.layout)
    result = allocator(total.nbytes, last=True)(shape, total.dtype).transpose(axes)
    if result.strides == total.strides:
        return total
    permuted_copy(total, result, 1)
    return result


def _slicer(labels: str, label: str) -> Piece:
    """What a slice along ``label`` takes of an operand: all of one that lacks the label."""
    if label not in labels:
        return lambda x, _: x
    head = (slice(None),) * labels.index(label)
    return lambda x, cut: x[(*head, cut)]


def _first_chain(node: Chain | Sliced) -> Chain:
    while isinstance(node, Sliced):
        node = node.inner
    return node


def _sizes(plan: Sliced) -> dict[str, int]:
    """Whole sizes of the labels of a sliced plan."""
    sizes = dict(_first_chain(plan).steps[-1].step.sizes)
    node: Chain | Sliced = plan
    while isinstance(node, Sliced):
        sizes[node.label] = max(sizes[node.label], node.size)
        node = node.inner
    return sizes


def _dtype(plan: Sliced) -> np.dtype[Any]:
    return _first_chain(plan).steps[-1].step.dtype


def _uses_blas(node: Chain | Sliced) -> bool:
    return any(s.decision.offer.blas for s in _first_chain(node).steps)
