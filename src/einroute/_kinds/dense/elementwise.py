"""Products without a contracted label: elementwise, scaled, outer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step, c_strides
from ..._base.machine import machine
from ..._base.routes import Offer, Refused, Route, Runner
from ..._base.threads import run_blocks
from ..._native.fresh import allocator
from .numpy_einsum import coalesced
from .strides import by_stride, strides_of
from .transpose import innermost, tiles

Array = np.ndarray[Any, Any]

#: Bytes from which operands that lie across each other are multiplied in tiles.
_TILED = 1 << 20
#: Elements of an inner loop from which NumPy's multiplication runs at full speed though both are broadcast.
_LONG = 2700
#: Seconds that a run of the innermost loop takes to begin, and that an element takes which lies far from the
#: last one: in the core's own caches, in the last-level one, in memory.
_ROW, _ACROSS = 4e-9, (0.5e-9, 0.9e-9, 2e-9)
#: Bytes from which that is memory's time, and what it takes where it is done in tiles.
_PAGED, _IN_TILES = 8 << 20, 3e-9


def verdict(step: Step) -> Offer | Refused:
    """Offer one broadcast multiplication where every label of the pair is kept."""
    if len(step.inputs) != 2:
        return Refused("not a pair of operands")
    if set(step.inputs[0]) | set(step.inputs[1]) != set(step.output):
        return Refused("a label is summed")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    if step.dtype.kind not in "?biufc" or step.dtype.char == "e":
        return Refused(f"multiplication of {step.dtype.name} is left to einsum")
    layout = _layout(step)
    flops = float(step.extent(step.output))
    calls = 1.2 if step.inputs[0] == step.inputs[1] == layout else 2.2 if _natural(step, layout) else 4.0
    cost = Cost(flops, float(step.read_bytes + step.out_bytes), calls, 1 / _each(step, layout))
    return Offer(
        cost, layout, layout, "one broadcast multiplication", flagged=True, single=True, overwrites=True
    )


def _each(step: Step, layout: str) -> float:
    """Seconds an element, with all in cache but for what is walked across its memory."""
    each = 0.15e-9
    if layout and all(step.inputs):
        inner = layout[-1]
        length = coalesced(step, layout[::-1], layout)[0]
        # Broadcasting makes for shorter loops; where both operands are, for slow ones unless they are long.
        if set(step.inputs[0]) != set(step.inputs[1]):
            each = 0.36e-9
            if len(step.inputs[0]) < len(layout) > len(step.inputs[1]) and step.dtype.kind == "f":
                each = (0.11e-9 if length < _LONG else 0.045e-9) * step.dtype.itemsize
        each = (2 if step.dtype.kind == "c" else 1) * each + _ROW / length
        here = machine()
        for labels, op in zip(step.inputs, step.operands, strict=True):
            if inner in labels and abs(op.strides[labels.index(inner)]) > op.dtype.itemsize:
                level = (op.nbytes > here.own_bytes) + (op.nbytes > _PAGED)
                each += _IN_TILES * op.dtype.itemsize / 8 if _in_tiles(step, layout) else _ACROSS[level]
    return each


def _natural(step: Step, layout: str) -> bool:
    """Whether the operands lie so that the ufunc itself lays the result out in C order."""
    if layout != step.output:
        return False
    return all(
        "".join(c for c in step.output if c in labels) == labels
        and op.strides == c_strides(op.shape, op.dtype.itemsize)
        for labels, op in zip(step.inputs, step.operands, strict=True)
    )


def _layout(step: Step) -> str:
    """The output's labels in the order in which the larger operand lies, for order "K"."""
    if step.order == "C":
        return step.output
    if step.order == "F":
        return step.output[::-1]
    long = _long_inner(step)
    if long:
        return "".join(c for c in step.output if c != long) + long
    larger = max((0, 1), key=lambda i: step.operands[i].size)
    strides = strides_of(step.inputs[larger], step.operands[larger].strides)
    if 0 in strides.values() or set(strides) != set(step.output):
        return step.output
    return by_stride(step.output, strides)


def _long_inner(step: Step) -> str:
    """A long label to run innermost, where the output's own innermost is so short that loops dominate."""
    if not step.output or step.sizes[step.output[-1]] >= 8 or step.order != "K":
        return ""
    for labels, op in zip(step.inputs, step.operands, strict=True):
        if labels and op.strides[-1] == op.dtype.itemsize and step.sizes[labels[-1]] >= 64:
            return labels[-1]
    return ""


def bind(step: Step, offer: Offer) -> Runner:
    """Align both operands with the axes of the result's memory and multiply.

    Where operands disagree about the order of axes, NumPy's loops keep the one in which they are given.
    """
    layout: str = offer.recipe
    as_a = align(step.inputs[0], layout)
    as_b = align(step.inputs[1], layout)
    sizes = tuple(step.sizes[c] for c in layout)
    axes = tuple(layout.index(c) for c in step.output)
    back = tuple(step.output.index(c) for c in layout)
    multiply = np.logical_and if step.dtype.kind == "b" else np.multiply

    empty = allocator(step.out_bytes, last=step.last)

    if _natural(step, layout) and empty is np.empty:
        if step.inputs[0] == step.inputs[1]:
            return multiply
        return lambda a, b, out=None: multiply(as_a(a), as_b(b), out=out)

    tiled = _in_tiles(step, layout)
    dtype, threads = step.dtype, step.threads

    def run(a: Array, b: Array, out: Array | None = None) -> Any:
        made = empty(sizes, dtype) if out is None else out.transpose(back)
        a, b = as_a(a), as_b(b)
        if tiled:
            multiply_in_tiles(a, b, made)
        else:
            multiply(a, b, out=made)
        return made.transpose(axes) if out is None else out

    def multiply_in_tiles(a: Array, b: Array, out: Array) -> None:
        a, b = np.broadcast_to(a, out.shape), np.broadcast_to(b, out.shape)
        crossing = a if innermost(a) != innermost(out) else b
        blocks = tiles(crossing, out)

        def work(index: int) -> None:
            block = blocks[index]
            multiply(a[block], b[block], out=out[block])

        run_blocks(len(blocks), work, threads)

    return run


def _in_tiles(step: Step, layout: str) -> bool:
    """Whether an operand is contiguous along another label than the result: a cache line an element."""
    if step.out_bytes <= _TILED:
        return False
    for labels, op in zip(step.inputs, step.operands, strict=True):
        ordered = by_stride(labels, strides_of(labels, op.strides))
        if ordered and op.nbytes > _TILED and ordered[-1] != layout[-1]:
            return True
    return False


def align(labels: str, output: str) -> Callable[[Array], Array]:
    """A view of an operand with the output's axes, new axes of length 1 where it lacks a label."""
    present = [c for c in output if c in labels]
    axes = tuple(labels.index(c) for c in present)
    index = tuple(slice(None) if c in labels else None for c in output)
    same = axes == tuple(range(len(axes)))
    whole = None not in index

    if same:
        return (lambda x: x) if whole else (lambda x: x[index])
    if whole:
        return lambda x: x.transpose(axes)
    return lambda x: x.transpose(axes)[index]


ROUTE = Route("dense.multiply", verdict, bind)
