"""A rolled operand as a strided view: its base lengthened by the slices that come round again.

``b[(i + s*j) % d]`` is ``longer[i + s*j]`` where `longer` is b followed by its first ``s*(k-1)`` slices: a
view of `longer` whose axes for i and j have the strides u and s*u shows all rollings.  Of a negative s one of
the two axes runs backwards, either one.  Where so many slices come round that `longer` would be large beside
the base, one copy serves some of the rollings at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..._base.facts import DType, Operand, c_strides
from ..dense.gemm_cost import SMALL
from ..dense.transpose import permuted_copy

Array = np.ndarray[Any, Any]

#: Bytes of slices that come round again which are always allowed; and that many times the base's own.
_FEW, _TIMES = 1 << 20, 2


@dataclass(frozen=True, slots=True)
class Rolling:
    """What is known of a rolled operand besides its shape.

    Attributes
    ----------
    axis : int
        Of the base; it is `axis` and ``axis + 1`` of the operand.
    shift : int
        The step, of least size.
    strides : tuple of int
        Of the base, in bytes.
    """

    axis: int
    shift: int
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Run:
    """Slices copied together: to where, from where, and whether from the copy itself."""

    target: tuple[slice, ...]
    source: tuple[slice, ...]
    again: bool


@dataclass(frozen=True, slots=True)
class Extension:
    """A lengthened copy of a base, and the view of it that shows some of the rollings.

    Attributes
    ----------
    index : tuple of slice or None
        The part of the base that is copied: one element of axes of stride 0, and the rolled axis reversed
        where i runs backwards; None for all of it as it is.
    order : tuple of int or None
        The axes of the base as they lie in the copy, outermost first; None if that is their own order.
    sizes : tuple of int
        Of the copy's axes.
    runs : tuple of _Run
        What is copied where.
    backwards : bool
        Whether the copy is of the base reversed, and i runs backwards.
    rolls : int
        How many rollings the view shows.
    shape, strides : tuple of int
        Of the view; strides in bytes.
    origin, turn : int
        Bytes from the copy to the view's first element, and how many more for each position along the base.
    axis : int
        That of the view which i runs along.
    dtype : dtype
    """

    index: tuple[slice, ...] | None
    order: tuple[int, ...] | None
    sizes: tuple[int, ...]
    runs: tuple[_Run, ...]
    backwards: bool
    rolls: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    origin: int
    turn: int
    axis: int
    dtype: DType

    @property
    def facts(self) -> Operand:
        """Facts of the view."""
        return Operand(self.shape, self.dtype, self.strides)

    @property
    def nbytes(self) -> int:
        """Bytes of the copy."""
        return prod(self.sizes) * self.dtype.itemsize

    def copy(self, base: Array, threads: int) -> Array:
        """The lengthened copy of a base."""
        if self.index is not None:
            base = base[self.index]
        if self.order is not None:
            base = base.transpose(self.order)
        copy = np.empty(self.sizes, self.dtype)
        large = copy.nbytes > SMALL
        for run in self.runs:
            source = copy if run.again else base
            if large:
                permuted_copy(source[run.source], copy[run.target], threads)
            else:
                copy[run.target] = source[run.source]
        return copy

    def pieces(self) -> tuple[int, tuple[tuple[slice, ...] | None, ...]] | None:
        """An axis, and the parts of the base that make the copy along it; None for a whole base.

        None if that is not how the copy is made.
        """
        if self.index is not None or self.order is not None:
            return None
        axis = len(self.runs[0].source) - 1
        whole = slice(0, self.shape[self.axis])
        if len(self.runs) > 2 or (any(run.again for run in self.runs) and self.runs[0].source[axis] != whole):
            return None
        return axis, tuple(None if run.source[axis] == whole else run.source for run in self.runs)

    def rounds(self) -> tuple[int, int, int, int] | None:
        """Rows of the base, and bytes of one, of where it begins to be copied, and of one of the copy.

        None if the copy is not made of rows that go round.
        """
        if self.index is not None or self.order is not None:
            return None
        run = self.runs[0]
        at = len(run.source) - 1
        unit = prod(self.sizes[at + 1 :]) * self.dtype.itemsize
        period = self.shape[self.axis]
        return prod(self.sizes[:at]), period * unit, run.source[at].start * unit, self.sizes[at] * unit

    def view(self, copy: Array, start: int = 0, rolls: int | None = None) -> Array:
        """The rollings from ``start`` positions along the base on: all that the view shows, or so many."""
        shape = self.shape
        if rolls is not None:
            shape = (*shape[: self.axis + 1], rolls, *shape[self.axis + 2 :])
        if self.backwards:
            start = -start % shape[self.axis]
        return np.ndarray(shape, self.dtype, copy, self.origin + start * self.turn, self.strides)


def rolls_at_once(op: Operand, dtype: DType, room: int) -> int:
    """How many rollings one copy may serve: all, where it is then not much larger than the base or ``room``.

    Parameters
    ----------
    room : int
        Bytes.
    """
    rolling: Rolling = op.structure
    k = op.shape[rolling.axis + 1]
    slice_bytes = dtype.itemsize * prod(_sizes(op)) // max(1, op.shape[rolling.axis])
    each = abs(rolling.shift) * slice_bytes
    allowed = max(_FEW, _TIMES * slice_bytes * op.shape[rolling.axis], room)
    return k if each * (k - 1) <= allowed else 1 + allowed // each


def base_shape(op: Operand) -> tuple[int, ...]:
    """The shape of the base."""
    axis = op.structure.axis
    return (*op.shape[: axis + 1], *op.shape[axis + 2 :])


def _sizes(op: Operand) -> list[int]:
    """The base's shape without what repeats."""
    return [1 if s == 0 and n else n for n, s in zip(base_shape(op), op.structure.strides, strict=True)]


def memory_order(op: Operand) -> tuple[int, ...]:
    """The axes of the base as they lie in memory, outermost first."""
    strides = op.structure.strides
    return tuple(sorted(range(len(strides)), key=lambda a: -abs(strides[a])))


def extension(
    op: Operand, dtype: DType, order: Sequence[int] | None = None, *, backwards: bool = False, rolls: int = 0
) -> Extension:
    """How a rolled operand is shown by a view.

    Parameters
    ----------
    order : sequence of int, optional
        The axes of the base as they are to lie in the copy; by default as they lie in the base.
    backwards : bool, optional
        Of a negative step, whether i runs backwards through the copy, and not j.
    rolls : int, optional
        How many rollings are shown at a time, from any position on; by default all, from the first on.
    """
    rolling: Rolling = op.structure
    order = memory_order(op) if order is None else tuple(order)
    shape, sizes = base_shape(op), _sizes(op)
    axis, k = rolling.axis, op.shape[rolling.axis + 1]
    d = sizes[axis]
    shift = rolling.shift if d > 1 else 0
    backwards = backwards and shift < 0
    reach = abs(shift) * ((rolls or k) - 1)
    length = d + reach + (max(0, d - 1) if rolls else 0)
    sizes[axis] = length
    copied = tuple(sizes[a] for a in order)
    units = dict(zip(order, c_strides(copied, dtype.itemsize), strict=True))
    strides = [0 if rolling.strides[a] == 0 and shape[a] > 1 else units[a] for a in range(len(shape))]
    u, at = strides[axis], order.index(axis)
    index = [slice(1) if n == 0 else slice(None) for n in rolling.strides]
    if backwards:
        index[axis] = slice(None, None, -1)
        along, across, origin = -u, -shift * u, (d - 1) * u
    else:
        along, across, origin = u, shift * u, max(0, -shift) * ((rolls or k) - 1) * u
    return Extension(
        None if index == [slice(None)] * len(index) else tuple(index),
        None if order == tuple(range(len(order))) else order,
        copied,
        tuple(_runs(d, length, 0 if backwards or shift >= 0 else -reach % d, (slice(None),) * at)),
        backwards,
        rolls or k,
        (*op.shape[: axis + 1], rolls or k, *op.shape[axis + 2 :]),
        (*strides[:axis], along, across, *strides[axis + 1 :]),
        origin,
        u,
        axis,
        dtype,
    )


def _runs(period: int, length: int, first: int, head: tuple[slice, ...]) -> Iterator[_Run]:
    """How an axis of some length is filled with rounds of a period, from position ``first`` of it on."""
    done, start = 0, first
    while done < length:
        again = done >= period  # a whole round is there, and can be copied
        if again:
            start = done % period
        count = min(length - done, (done if again else period) - start)
        target, source = slice(done, done + count), slice(start, start + count)
        yield _Run((*head, target), (*head, source), again)
        done, start = done + count, 0
