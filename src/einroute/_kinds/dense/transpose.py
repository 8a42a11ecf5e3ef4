"""Copies that change the order of the axes, in blocks that stay in cache.

NumPy copies along one axis at a time; where that axis is contiguous on one side only, every element
costs a cache line on the other, five to ten times a plain copy.  Cutting the copy into blocks whose
lines fit in the second-level cache, and giving the blocks to our threads, mends that without compiled
code: 4000x4000 float64 in 16 ms against 65 ms, where a plain copy takes 10 to 15 ms.  Where the compiled core
is there it does the same, squares of a few elements at a time in registers.
"""

from __future__ import annotations

from math import ceil, prod
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner
from ..._base.threads import inside_block, run_blocks
from ..._native import CORE
from ..._native.fresh import allocator
from .gemm_cost import TRANSPOSE
from .strides import by_stride, strides_of

Array = np.ndarray[Any, Any]

#: Elements of a block's side along either contiguous axis.
_SIDE = 128
#: Bytes of one block: half of it and of its image fit in a second-level cache of 1 MiB.
_BLOCK = 1 << 17
#: Lines, each perhaps on a page of its own, that stay at hand in cache and page table: crossing no more than
#: these NumPy's own order of copying is the fastest.
_LINES = 1536
#: Bytes of a line of a cache.
_LINE = 64
#: Below this many bytes cutting into blocks takes longer than it saves.
_WHOLE = 1 << 20
#: How many times memory is read and written by the core, whose copies are made in squares.
_IN_SQUARES = 1.1
#: Bytes from which threads pay where NumPy's own order is the fastest.
_SHARED = 1 << 22


def permuted_copy(view: Array, out: Array, threads: int) -> None:
    """Copy ``view`` into ``out`` (same shape, any strides), as ``out[...] = view`` does.

    Parameters
    ----------
    view, out : ndarray, shape (...)
        Must not overlap.  The dtypes may differ; the cast is unchecked.
    threads : int
        How many threads may take part.
    """
    if CORE is not None and view.dtype == out.dtype and view.dtype.kind in "?biufc" and view.itemsize <= 16:
        CORE.copy(np.asarray(view), out, 1 if inside_block() else threads)  # a sum to no axes is a number
        return
    if view.nbytes < _WHOLE or view.ndim < 2 or 0 in view.shape:
        np.copyto(out, view, casting="unsafe")
        return
    view, out = _coalesced(view, out)
    few = view.ndim < 2 or _revisited(view, out) <= _LINES
    if view.ndim < 2 or _together(view, out) or (few and view.nbytes < _SHARED):
        np.copyto(out, view, casting="unsafe")
        return
    if few:
        blocks = _rows(view, out)
    else:
        blocks = tiles(view, out)

    def work(index: int) -> None:
        block = blocks[index]
        np.copyto(out[block], view[block], casting="unsafe")

    run_blocks(len(blocks), work, threads)


def _coalesced(view: Array, out: Array) -> tuple[Array, Array]:
    """Both with the axes in the output's order, those fused that are one axis of memory on either side."""
    order = sorted(range(out.ndim), key=lambda i: -abs(out.strides[i]))
    shape: list[int] = []
    strides: list[tuple[int, int]] = []
    for i in order:
        n, s, t = out.shape[i], view.strides[i], out.strides[i]
        if n == 1:
            continue
        if shape and strides[-1] == (s * n, t * n):
            shape[-1] *= n
            strides[-1] = (s, t)
        else:
            shape.append(n)
            strides.append((s, t))
    return (
        view.transpose(order).reshape(shape, copy=False),
        out.transpose(order).reshape(shape, copy=False),
    )


def _together(view: Array, out: Array) -> bool:
    """Whether both are walked along one axis in runs of lines: a plain copy, for which one core will do."""
    axis = innermost(view)
    return axis == innermost(out) and view.shape[axis] * view.itemsize >= _LINE


def _revisited(view: Array, out: Array) -> int:
    """Lines of ``view`` that a copy in the order of ``out`` touches before it comes back to the first."""
    q = innermost(view)
    return prod(n for n, t in zip(out.shape, out.strides, strict=True) if abs(t) < abs(out.strides[q]))


def innermost(x: Array) -> int:
    """The axis of the smallest stride, axes of length 1 aside."""
    return min(range(x.ndim), key=lambda i: (x.shape[i] == 1, abs(x.strides[i])))


def _rows(view: Array, out: Array) -> list[tuple[slice, ...]]:
    """A few blocks along the output's outermost axis: enough for the threads, no more."""
    axis = max(range(out.ndim), key=lambda i: abs(out.strides[i]) if out.shape[i] > 1 else -1)
    n = out.shape[axis]
    step = max(1, ceil(n * (8 * _BLOCK) / view.nbytes))
    head = (slice(None),) * axis
    return [(*head, slice(i, i + step)) for i in range(0, n, step)]


def tiles(view: Array, out: Array) -> list[tuple[slice, ...]]:
    """Blocks square in the two contiguous axes, widened over the output's inner axes up to `_BLOCK`."""
    p, q = innermost(out), innermost(view)
    steps = [1] * out.ndim
    steps[p] = min(_SIDE, out.shape[p])
    steps[q] = min(_SIDE, out.shape[q])
    budget = _BLOCK // view.itemsize
    inner_first = sorted(range(out.ndim), key=lambda i: min(abs(out.strides[i]), abs(view.strides[i])))
    for i in inner_first:
        room = budget // prod(steps)
        if room <= 1:
            break
        steps[i] = min(out.shape[i], steps[i] * room)
    return _grid(out.shape, steps, sorted(range(out.ndim), key=lambda i: -abs(out.strides[i])))


def _grid(shape: tuple[int, ...], steps: list[int], order: list[int]) -> list[tuple[slice, ...]]:
    """Slices that cover ``shape``, the last axis of ``order`` running fastest."""
    blocks: list[tuple[slice, ...]] = [(slice(None),) * len(shape)]
    for axis in order:
        if steps[axis] >= shape[axis]:
            continue
        cuts = [slice(i, i + steps[axis]) for i in range(0, shape[axis], steps[axis])]
        blocks = [(*b[:axis], cut, *b[axis + 1 :]) for b in blocks for cut in cuts]
    return blocks


def verdict(step: Step) -> Offer | Refused:
    """Offer a copy where nothing is summed: for a result that must not be a view."""
    if len(step.inputs) != 1 or len(step.inputs[0]) != len(step.output):
        return Refused("not a copy of one operand")
    layout = step.output[::-1] if step.order == "F" else step.output
    labels = step.inputs[0]
    along = by_stride(labels, strides_of(labels, step.operands[0].strides))[-1:] == layout[-1:]
    factor = 1.3 if along else TRANSPOSE if CORE is None else _IN_SQUARES
    return Offer(
        Cost(bytes=factor * (step.in_bytes + step.out_bytes)), layout, None, "a copy in blocks", single=True
    )


def bind(step: Step, offer: Offer) -> Runner:
    """Transpose the view and copy it."""
    axes = tuple(step.inputs[0].index(c) for c in step.output)
    sizes = tuple(step.sizes[c] for c in step.output)
    order: Any = "F" if step.order == "F" else "C"
    empty = allocator(step.out_bytes, last=step.last)

    def run(a: Array, out: Array | None = None) -> Any:
        if out is None:
            out = empty(sizes, step.dtype, order)
        permuted_copy(a.transpose(axes), out, step.threads)
        return out

    return run


ROUTE = Route("dense.copy", verdict, bind)
