"""The ordinary array under an operand that overlaps itself, and copies of it in other orders."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd, prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..._base.facts import DType, Operand, Step, c_strides, classify
from ..._base.records import dataclass
from ..._native.fresh import allocator
from .transpose import permuted_copy

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Under:
    """The ordinary array under an operand, and how the operand's labels stride over it.

    Attributes
    ----------
    groups : tuple of str
        The labels that stride over each axis of that array, outermost first. Labels of length 1 and
        broadcast ones stride over none.
    lengths, units : tuple of int
        Of its axes; units are strides in bytes.
    steps : tuple of int
        Of each label of the operand, in units of its axis; 0 for labels of no group.
    """

    groups: tuple[str, ...]
    lengths: tuple[int, ...]
    units: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def size(self) -> int:
        """Elements of the array."""
        return prod(self.lengths)


class _Axis:
    """An axis of the array under an operand, as its labels are found: innermost axes first."""

    __slots__ = ("inner", "labels", "span", "unit")

    def __init__(self, label: str, unit: int, span: int, inner: int) -> None:
        self.labels = label
        self.unit = unit
        self.span = span  # bytes from its first to its last position
        self.inner = inner  # bytes that an element and the axes within take


def memory_under(labels: str, op: Operand) -> Under | None:
    """The array under an operand that overlaps itself; None if it does not, or not in this way.

    Labels are taken by size of stride.  One whose stride lies within what the labels before it reach shares
    the outermost axis found so far.
    """
    axes: list[_Axis] = []
    reach = op.dtype.itemsize  # bytes that the labels so far touch
    strided = [(abs(s), c, n) for c, n, s in zip(labels, op.shape, op.strides, strict=True) if s and n > 1]
    for stride, label, n in sorted(strided):
        if stride >= reach:
            axes.append(_Axis(label, stride, stride * (n - 1), reach))
        else:
            axis = axes[-1]
            axis.unit = gcd(axis.unit, stride)
            if axis.unit < axis.inner:
                return None
            axis.labels += label
            axis.span += stride * (n - 1)
        reach += stride * (n - 1)
    if all(len(x.labels) == 1 for x in axes):
        return None
    axes.reverse()
    unit = {c: x.unit for x in axes for c in x.labels}
    steps = tuple(s // unit[c] if c in unit else 0 for c, s in zip(labels, op.strides, strict=True))
    lengths = tuple(x.span // x.unit + 1 for x in axes)
    return Under(tuple(x.labels for x in axes), lengths, tuple(x.unit for x in axes), steps)


def orders(under: Under, position: int, step: Step) -> Iterator[tuple[int, ...]]:
    """Orders in which the axes of the array under an operand may suit GEMM, outermost first.

    As they lie; and axes of batch labels first, then those of contracted labels and those of free ones: the
    contracted ones inside where windows slide along one of them, so that those of a window fuse.
    """
    labels = classify(step)
    free = labels.right if position else labels.left

    def rank(axis: int) -> int:
        own = under.groups[axis]
        return 2 if any(c in free for c in own) else 1 if any(c in labels.contracted for c in own) else 0

    axes = range(len(under.groups))
    yield tuple(axes)
    slides = [len(group) > 1 for group in under.groups]
    summed = any(set(group) & set(labels.contracted) for group in under.groups if len(group) > 1)
    ranks = (0, 2, 1) if summed else (0, 1, 2)
    # The axis that windows slide along goes before others of its rank: so its label fuses with theirs.
    yield tuple(sorted(axes, key=lambda a: (ranks.index(rank(a)), not slides[a])))


@dataclass(frozen=True, slots=True)
class Packed:
    """A copy of the array under an operand in another order, seen through the operand's labels.

    Attributes
    ----------
    under : Under
    order : tuple of int
        Axes of the array under the operand as they lie in the copy, outermost first.
    dtype : dtype
        Of the copy.
    shape, strides : of the view of it
    origin : int
        Bytes from the copy to the view's first element.
    """

    under: Under
    order: tuple[int, ...]
    dtype: DType
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    origin: int

    @classmethod
    def of(cls, op: Operand, under: Under, labels: str, order: tuple[int, ...], dtype: DType) -> Packed:
        """The copy in an order."""
        lengths = tuple(under.lengths[a] for a in order)
        units = dict(zip(order, c_strides(lengths, dtype.itemsize), strict=True))
        unit = {c: units[a] for a, group in enumerate(under.groups) for c in group}
        strides = tuple(n * unit.get(c, 0) for c, n in zip(labels, under.steps, strict=True))
        origin = sum(-s * (n - 1) for s, n in zip(strides, op.shape, strict=True) if s < 0)
        return cls(under, order, dtype, op.shape, strides, origin)

    @property
    def facts(self) -> Operand:
        """Facts of the view."""
        return Operand(self.shape, self.dtype, self.strides)

    def source(self, x: Array) -> Array:
        """The array under an operand, in the order of the copy."""
        if any(n < 0 for n in self.under.steps):
            x = x[tuple(slice(None, None, -1) if n < 0 else slice(None) for n in self.under.steps)]
        under = as_strided(x, self.under.lengths, self.under.units, writeable=False)
        return under.transpose(self.order)

    def copied(self, source: Array, threads: int) -> Array:
        """The view of a copy of that array."""
        copy = allocator(source.size * self.dtype.itemsize, last=False)(source.shape, self.dtype)
        permuted_copy(source, copy, threads)
        return np.ndarray(self.shape, self.dtype, copy, self.origin, self.strides)
