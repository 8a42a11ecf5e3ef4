"""Products without a contracted label: elementwise, scaled, outer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._cost import Cost
from ..._problem import Step, c_strides
from ..._route import Offer, Refused, Route, Runner
from .layout import by_stride, strides_of

Array = np.ndarray[Any, Any]


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
    cost = Cost(flops, float(step.in_bytes + step.out_bytes), calls, 4e9 / (4 if step.dtype.kind == "c" else 1))
    return Offer(cost, layout, layout, "one broadcast multiplication")


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
    larger = max((0, 1), key=lambda i: step.operands[i].size)
    strides = strides_of(step.inputs[larger], step.operands[larger].strides)
    if 0 in strides.values() or set(strides) != set(step.output):
        return step.output
    return by_stride(step.output, strides)


def bind(step: Step, offer: Offer) -> Runner:
    """Align both operands with the output's axes and multiply."""
    layout: str = offer.recipe
    as_a = align(step.inputs[0], step.output)
    as_b = align(step.inputs[1], step.output)
    sizes = tuple(step.sizes[c] for c in layout)
    axes = tuple(layout.index(c) for c in step.output)
    dtype = step.dtype
    multiply = np.logical_and if dtype.kind == "b" else np.multiply

    if _natural(step, layout):
        if step.inputs[0] == step.inputs[1]:
            return multiply
        return lambda a, b, out=None: multiply(as_a(a), as_b(b), out=out)

    def run(a: Array, b: Array, out: Array | None = None) -> Any:
        if out is None:
            out = np.empty(sizes, dtype).transpose(axes)
        multiply(as_a(a), as_b(b), out=out)
        return out

    return run


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
