"""Operands converted to a BLAS dtype, each laid out in the order in which it lay.

An operand that repeats its memory (a sliding or rolled window, a broadcast) is converted as that memory,
once, and then strided over again: the copy is as large as what it strides over, not as large as it looks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from ..._base.facts import Operand, Step, c_strides
from ..._base.routes import Refused
from ..._native.fresh import allocator, cast
from .transpose import permuted_copy

Array = np.ndarray[Any, Any]
Converter = Callable[[Array], Array]


def converted(step: Step, dtype: np.dtype[Any]) -> Step | Refused:
    """The step as it is once its operands have been converted to ``dtype``.

    Refused where an operand repeats its memory in a way that cannot be taken over.
    """
    operands = []
    for op in step.operands:
        strides = _strides(op, dtype.itemsize)
        if strides is None:
            return Refused("an operand that repeats its own memory would have to be copied")
        operands.append(Operand(op.shape, dtype, strides, op.form))
    return replace(step, operands=tuple(operands), dtype=dtype)


def _repeats(op: Operand) -> bool:
    """Whether an operand has far more elements than memory."""
    return op.nbytes > 2 * op.span


def _strides(op: Operand, itemsize: int) -> tuple[int, ...] | None:
    """Strides of the converted operand."""
    if _repeats(op):
        if any(s < 0 or s % op.dtype.itemsize for s in op.strides):
            return None
        return tuple(s // op.dtype.itemsize * itemsize for s in op.strides)
    strides = [0] * len(op.shape)
    order = _order(op)
    dense = c_strides(tuple(op.shape[i] for i in order), itemsize)
    for axis, stride in zip(order, dense, strict=True):
        strides[axis] = stride
    return tuple(strides)


def _order(op: Operand) -> tuple[int, ...]:
    """Axes from the outermost to the innermost."""
    return tuple(sorted(range(len(op.shape)), key=lambda i: -abs(op.strides[i])))


def memory(op: Operand) -> Callable[[Array], Array]:
    """From an operand to the memory behind it: itself, or what it repeats, as a vector."""
    if not _repeats(op):
        return lambda x: x
    length = (op.span // op.dtype.itemsize,)
    unit = (op.dtype.itemsize,)
    # The first element is the lowest in memory, since no stride is negative.
    return lambda x: np.lib.stride_tricks.as_strided(x, length, unit)


def converters(step: Step, dtype: np.dtype[Any]) -> tuple[Converter, ...]:
    """Functions that make the copies which `converted` describes."""
    return tuple(_converter(op, dtype, step.threads) for op in step.operands)


def _converter(op: Operand, dtype: np.dtype[Any], threads: int) -> Converter:
    if _repeats(op):
        base, shape, strides = memory(op), op.shape, _strides(op, dtype.itemsize)
        return lambda x: np.lib.stride_tricks.as_strided(cast(base(x), dtype), shape, strides)
    order = _order(op)
    if order == tuple(range(len(order))) and op.strides == c_strides(op.shape, op.dtype.itemsize):
        return lambda x: cast(x, dtype)
    ordered = tuple(op.shape[i] for i in order)
    back = tuple(order.index(i) for i in range(len(order)))
    empty = allocator(prod(ordered) * dtype.itemsize, last=False)

    def convert(x: Array) -> Array:
        copy = empty(ordered, dtype)
        permuted_copy(x.transpose(order), copy, threads)
        return copy.transpose(back)

    return convert
