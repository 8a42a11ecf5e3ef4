"""Operands converted to a BLAS dtype, each laid out in the order in which it lay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..._problem import Operand, Step, c_strides
from ..._route import Refused
from .layout import MAX_EXPANSION
from .transpose import permuted_copy

Array = np.ndarray[Any, Any]
Converter = Callable[[Array], Array]


def converted(step: Step, dtype: np.dtype[Any]) -> Step | Refused:
    """The step as it is once its operands have been converted to ``dtype``.

    Refused where an operand repeats its memory, so that a copy would be far larger than it.
    """
    if any(op.nbytes > MAX_EXPANSION * op.span + 65536 for op in step.operands):
        return Refused("an operand that repeats its own memory would have to be copied")
    operands = []
    for op in step.operands:
        strides = [0] * len(op.shape)
        order = _order(op)
        dense = c_strides(tuple(op.shape[i] for i in order), dtype.itemsize)
        for axis, stride in zip(order, dense, strict=True):
            strides[axis] = stride
        operands.append(Operand(op.shape, dtype, tuple(strides), op.kind))
    return replace(step, operands=tuple(operands), dtype=dtype)


def _order(op: Operand) -> tuple[int, ...]:
    """Axes from the outermost to the innermost."""
    return tuple(sorted(range(len(op.shape)), key=lambda i: -abs(op.strides[i])))


def converters(step: Step, dtype: np.dtype[Any]) -> tuple[Converter, ...]:
    """Functions that make the copies which `converted` describes."""
    return tuple(_converter(op, dtype, step.threads) for op in step.operands)


def _converter(op: Operand, dtype: np.dtype[Any], threads: int) -> Converter:
    order = _order(op)
    shape = tuple(op.shape[i] for i in order)

    def convert(x: Array) -> Array:
        copy = np.empty(shape, dtype)
        view = x.transpose(order)
        permuted_copy(view, copy, threads)
        return copy.transpose(back)

    back = tuple(int(i) for i in np.argsort(order)) if order else ()
    return convert
