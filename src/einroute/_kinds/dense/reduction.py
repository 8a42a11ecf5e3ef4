"""Sums over one operand, and dot products along shared labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._cost import CACHE, Cost
from ..._problem import Step, classify
from ..._route import Offer, Refused, Route, Runner
from .layout import by_stride, strides_of

Array = np.ndarray[Any, Any]


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
    cost = Cost(size, float(step.in_bytes + step.out_bytes), 3.2, 1.2e9)
    layout = {"C": step.output, "F": step.output[::-1]}.get(step.order)
    if layout is None:
        layout = by_stride(step.output, strides_of(labels, step.operands[0].strides))
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
    dtype = step.dtype
    reduce = np.logical_or.reduce if dtype.kind == "b" else np.add.reduce

    def run(a: Array, out: Array | None = None) -> Any:
        if out is None:
            out = np.empty(sizes, dtype).transpose(axes)
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
    rate = 4e9 if step.in_bytes < CACHE else 1.2e9
    cost = Cost(float(step.iterations), float(step.in_bytes + step.out_bytes), 2.8 + count * 0.04, rate)
    return Offer(cost, {"F": step.output[::-1]}.get(step.order, step.output), None, f"{count} dot products")


def dot_bind(step: Step, offer: Offer) -> Runner:
    """``np.vecdot`` with the contracted axis last."""
    k = classify(step).contracted
    order = step.output + k
    left, right = (tuple(labels.index(c) for c in order) for labels in step.inputs)
    layout = offer.layout
    sizes = tuple(step.sizes[c] for c in layout)
    axes = tuple(layout.index(c) for c in step.output)
    dtype = step.dtype

    def run(a: Array, b: Array, out: Array | None = None) -> Any:
        if out is None:
            out = np.empty(sizes, dtype).transpose(axes)
        np.vecdot(a.transpose(left), b.transpose(right), out=out)
        return out

    return run


DOT_ROUTE = Route("dense.vecdot", dot_verdict, dot_bind)
