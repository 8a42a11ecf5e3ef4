"""Sums over one operand, and dot products along shared labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import CALL, Cost, blas_threads, scattered
from ..._base.facts import LINE, Step, classify
from ..._base.machine import machine
from ..._base.numpy_functions import numpy_matmul, numpy_vecdot
from ..._base.routes import Offer, Refused, Route, Runner
from ..._native import CORE
from ..._native.fresh import allocator
from .gemm_cost import UNCOPIED
from .layout import is_matrix
from .numpy_einsum import coalesced
from .strides import by_stride, strides_of

Array = np.ndarray[Any, Any]

#: Elements that NumPy sums a second, and seconds that each run of its innermost loop takes to begin.
_RATE, _ROW = 5.5e9, 15e-9
#: Bytes a second that GEMV with ones takes of what is in cache, how many times it reads them, and seconds in
#: which each of its sums along rows begins.
_ONES, _ONES_BYTES, _DOT = 72e9, 1.2, 1.2e-9
#: A plan that sums by GEMV keeps a vector of ones, of no more than this many elements.
_MAX_ONES = 1 << 16
#: Seconds an element of single precision that BLAS's dot multiplies after the last of its turns of so many.
_REST, _TURN = 0.3e-9, 32


def verdict(step: Step) -> Offer | Refused:
    """Offer ``add.reduce`` (``logical_or.reduce`` for bool) over the labels that the output lacks."""
    if len(step.inputs) != 1:
        return Refused("more than one operand")
    labels = step.inputs[0]
    if len(labels) == len(step.output):
        return Refused("nothing to sum")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    if step.dtype.kind not in "?biufc" or step.dtype.char == "e":
        return Refused(f"summing {step.dtype.name} is left to einsum")
    size = float(step.extent(labels))
    strides = strides_of(labels, step.operands[0].strides)
    layout = {"C": step.output, "F": step.output[::-1]}.get(step.order)
    if layout is None:
        layout = by_stride(step.output, strides)
    inner = coalesced(step, by_stride(labels, strides)[::-1], layout)[0]
    (op,) = step.operands
    each = 1 / _RATE + _ROW / inner
    if min(abs(s) for n, s in zip(op.shape, op.strides, strict=True) if n > 1 or op.size == 1) >= LINE:
        each += scattered(op.span)  # no two elements lie together
    # Along what is kept NumPy adds to a result in memory.
    passes = 3 if by_stride(labels, strides)[-1:] in step.output else 1
    cost = Cost(size, float(step.read_bytes + passes * step.out_bytes), 3.2, 1 / each)
    return Offer(cost, layout, layout, "one reduction")


def bind(step: Step, offer: Offer) -> Runner:
    """Reduce with the remaining axes brought into the output's order."""
    labels = step.inputs[0]
    layout: str = offer.recipe
    summed = tuple(i for i, c in enumerate(labels) if c not in step.output)
    kept = "".join(c for c in labels if c in step.output)
    to_kept = tuple(step.output.index(c) for c in kept)
    sizes = tuple(step.sizes[c] for c in layout)
    axes = tuple(layout.index(c) for c in step.output)
    dtype, empty = step.dtype, allocator(step.out_bytes, last=step.last)
    reduce = np.logical_or.reduce if dtype.kind == "b" else np.add.reduce

    def run(a: Array, out: Array | None = None) -> Any:
        if out is None:
            out = empty(sizes, dtype).transpose(axes)
        reduce(a, axis=summed, dtype=dtype, out=out.transpose(to_kept))
        return out

    return run


ROUTE = Route("dense.reduce", verdict, bind)


def dot_verdict(step: Step) -> Offer | Refused:
    """Offer ``vecdot`` where neither operand of a pair has a free label."""
    if len(step.inputs) != 2:
        return Refused("not a pair of operands")
    labels = classify(step)
    if labels.left or labels.right:
        return Refused("a free label makes it a matrix product")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    if not labels.contracted or set("".join(step.inputs)) - set(step.output) - set(labels.contracted):
        return Refused("no label is contracted between the two")
    if len(labels.contracted) != 1:
        return Refused("more than one contracted label")
    if step.dtype.char not in "fd":
        return Refused(f"vecdot conjugates or is slow for {step.dtype.name}")
    k = labels.contracted
    itemsize = step.dtype.itemsize
    along = [strides_of(c, op.strides)[k] for c, op in zip(step.inputs, step.operands, strict=True)]
    if any(s != itemsize for s in along) and step.sizes[k] > 1:
        return Refused("the contracted label is not contiguous in both operands")
    count = step.extent(step.output)
    rest = _REST * (step.sizes[k] % _TURN) if step.dtype.char == "f" else 0.0
    calls = 2.8 + count * (0.012 + rest / CALL)
    cost = Cost(float(step.iterations), float(step.in_bytes + step.out_bytes), calls, 10e9)
    return Offer(
        cost,
        {"F": step.output[::-1]}.get(step.order, step.output),
        None,
        f"{count} dot products",
        blas=True,
        flagged=True,
    )


def dot_bind(step: Step, offer: Offer) -> Runner:
    """``np.vecdot`` with the contracted axis last."""
    k = classify(step).contracted
    order = step.output + k
    left, right = (tuple(labels.index(c) for c in order) for labels in step.inputs)
    layout = offer.layout
    sizes = tuple(step.sizes[c] for c in layout)
    axes = tuple(layout.index(c) for c in step.output)
    dtype, empty = step.dtype, allocator(step.out_bytes, last=step.last)

    def run(a: Array, b: Array, out: Array | None = None) -> Any:
        if out is None:
            out = empty(sizes, dtype).transpose(axes)
        numpy_vecdot(a.transpose(left), b.transpose(right), out=out)
        return out

    return run


def ones_verdict(step: Step) -> Offer | Refused:
    """Offer a matrix-vector product with ones, which BLAS does at the speed of memory."""
    if len(step.inputs) != 1 or step.dtype.char not in "fdFD":
        return Refused("not a single operand of a BLAS dtype")
    labels = step.inputs[0]
    if 0 in step.sizes.values() or len(labels) == len(step.output):
        return Refused("nothing to sum")
    strides = strides_of(labels, step.operands[0].strides)
    ordered = by_stride(labels, strides)
    kept = "".join(c for c in ordered if c in step.output)
    summed = "".join(c for c in ordered if c not in step.output)
    depth = step.extent(summed)
    if depth > _MAX_ONES:
        return Refused("the vector of ones would be long")
    if not is_matrix(kept, summed, step.sizes, strides, step.dtype.itemsize):
        return Refused("the summed axes do not fuse")
    if (kept if step.order != "F" else kept[::-1]) != step.output and step.order != "K":
        return Refused("the result would have to be copied")
    share = min(blas_threads(step.threads), 2)  # BLAS reads it by all threads
    rate = share * _ONES / step.dtype.itemsize / (2 if step.dtype.kind == "c" else 1)
    # Two threads get less than twice as much out of memory, which counts where the core sums as fast.
    (op,) = step.operands
    shared = share if CORE is None else 1 + machine().more_bandwidth * (share - 1)
    nbytes = _ONES_BYTES * op.lines / shared
    rows = step.extent(kept) * _DOT / CALL if summed and ordered[-1] == summed[-1] else 0.0
    nbytes += 2 * step.out_bytes
    cost = Cost(float(step.extent(labels)), nbytes, rows + (1.2 if len(labels) <= 2 else 4.0), rate)
    return Offer(cost, kept, (kept, summed), f"GEMV with {depth} ones", blas=True, flagged=True)


def ones_bind(step: Step, offer: Offer) -> Runner:
    """The operand as a matrix (kept, summed), times ones."""
    kept, summed = offer.recipe
    labels = step.inputs[0]
    axes = tuple(labels.index(c) for c in kept + summed)
    depth = step.extent(summed)
    shape = (step.extent(kept), depth) if kept else (depth,)
    ones = np.ones(depth, step.dtype)
    sizes = tuple(step.sizes[c] for c in kept)
    back = tuple(kept.index(c) for c in step.output)
    # What has gaps dot would copy.
    (op,) = step.operands
    times: Any = numpy_matmul if op.span != op.nbytes > UNCOPIED else np.ndarray.dot
    plain = axes == tuple(range(len(axes))) and len(kept) <= 1 and len(summed) == 1 and kept == step.output

    def run(a: Array, out: Array | None = None) -> Any:
        result = times(a.transpose(axes).reshape(shape), ones).reshape(sizes).transpose(back)
        if out is None:
            return result
        np.copyto(out, result)
        return out

    def run_plain(a: Array, out: Array | None = None) -> Any:
        if out is None:
            return times(a, ones)
        np.copyto(out, times(a, ones))
        return out

    def run_transposed(a: Array, out: Array | None = None) -> Any:
        if out is None:
            return times(ones, a)
        np.copyto(out, times(ones, a))
        return out

    if labels == summed + kept and len(kept) == len(summed) == 1:
        return run_transposed
    return run_plain if plain else run


ONES_ROUTE = Route("dense.ones_gemv", ones_verdict, ones_bind)
DOT_ROUTE = Route("dense.vecdot", dot_verdict, dot_bind)
