"""How a task reads the part of chunks that it needs, and makes structured operands of it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .joining import joined, sliced

__all__ = ["Differences", "Halo", "Labels", "Misfit", "Reader", "Window", "ours"]

Array = np.ndarray[Any, Any]
_PACKAGE = __package__.partition(".")[0]


def ours() -> Any:
    """The public functions, which a task calls as a user would."""
    return importlib.import_module(_PACKAGE)


class Misfit(ValueError):
    """Chunks are not of the shapes that their array says."""


class Reader(Protocol):
    """What makes an operand of chunks."""

    @property
    def count(self) -> int:
        """How many chunks it reads."""
        ...

    def read(self, blocks: Sequence[Any]) -> Any:
        """The operand."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of neighbouring chunks a task reads.

    Attributes
    ----------
    grid : tuple of int
        How many chunks along each axis; they come in C order.
    cut : tuple of (int, int) or None
        Where the part begins and ends along each axis of the chunks put together; None for all of it.
    shape : tuple of int or None
        Of the chunks put together; None along axes where it is not known.
    """

    grid: tuple[int, ...]
    cut: tuple[tuple[int, int], ...] | None = None
    shape: tuple[int | None, ...] = ()

    @property
    def count(self) -> int:
        """How many chunks there are."""
        return prod(self.grid)

    def read(self, blocks: Sequence[Any]) -> Any:
        """The part.

        Raises
        ------
        Misfit
        """
        try:
            whole = blocks[0] if len(blocks) == 1 else _together(blocks, self.grid)
        except (ValueError, IndexError):  # NumPy's, of shapes that cannot be put together
            shapes = [np.shape(x) for x in blocks]
            raise Misfit(f"they have shapes {shapes}, in a grid {self.grid} of shape {self.shape}") from None
        check_shape(np.shape(whole), self.shape)
        if self.cut is None:
            return whole
        return sliced(whole, tuple(slice(low, high) for low, high in self.cut))


def check_shape(found: tuple[int, ...], said: tuple[int | None, ...]) -> None:
    """Compare the shape of chunks with what their array says.

    Raises
    ------
    Misfit
    """
    if len(found) != len(said) or any(n not in {None, own} for own, n in zip(found, said, strict=True)):
        expected = tuple("?" if n is None else n for n in said)
        raise Misfit(f"put together they have shape {found}, expected {expected}")


def _together(blocks: Sequence[Any], grid: tuple[int, ...]) -> Any:
    """Chunks in C order as one."""
    found = list(blocks)
    for axis in reversed(range(len(grid))):
        count = grid[axis]
        if count > 1:
            found = [joined(found[i : i + count], axis) for i in range(0, len(found), count)]
    return found[0]


@dataclass(frozen=True, slots=True)
class Labels:
    """A one-hot operand of a part of labels, in some of the classes."""

    window: Window
    depth: int
    dtype: str
    low: int
    high: int

    @property
    def count(self) -> int:
        return self.window.count

    def read(self, blocks: Sequence[Any]) -> Any:
        labels = self.window.read(blocks)
        made = ours().one_hot(labels, self.depth, dtype=np.dtype(self.dtype))
        if (self.low, self.high) == (0, self.depth):
            return made
        return made.part((labels.ndim,), self.low, self.high)


@dataclass(frozen=True, slots=True)
class Differences:
    """Differences of the points of one part and those of another."""

    first: Window
    second: Window

    @property
    def count(self) -> int:
        return self.first.count + self.second.count

    def read(self, blocks: Sequence[Any]) -> Any:
        of_x, of_y = blocks[: self.first.count], blocks[self.first.count :]
        x = self.first.read(of_x)
        same = self.first == self.second and all(a is b for a, b in zip(of_x, of_y, strict=True))
        return (
            ours().pairwise_difference(x) if same else ours().pairwise_difference(x, self.second.read(of_y))
        )


@dataclass(frozen=True, slots=True)
class Halo:
    """Rollings of some rows along an axis: ``[i, j]`` is row ``origin + i + shift*j`` of what is read.

    Attributes
    ----------
    window : Window
    axis : int
        That is rolled.
    rows, turns : int
        Lengths of the two axes that stand for it.
    shift : int
    origin : int
        Where row 0 is before it is rolled.
    around : bool
        All rows are read, and those after the last are the first again.
    """

    window: Window
    axis: int
    rows: int
    turns: int
    shift: int
    origin: int
    around: bool

    @property
    def count(self) -> int:
        return self.window.count

    def read(self, blocks: Sequence[Any]) -> Any:
        part = self.window.read(blocks)
        axis, origin = self.axis, self.origin
        if not self.rows or not self.turns:
            shape = (*part.shape[:axis], self.rows, self.turns, *part.shape[axis + 1 :])
            return np.zeros(shape, part.dtype)
        if self.around:
            size = part.shape[axis]
            if self.rows == size and origin % size == 0:
                return ours().rolled(part, self.turns, axis=axis, step=self.shift)
            begin = origin + min(0, self.shift * (self.turns - 1))
            length = self.rows + abs(self.shift) * (self.turns - 1)
            part = np.take(part, (begin + np.arange(length)) % size, axis=axis)
            origin -= begin
        strides = (*part.strides[: axis + 1], self.shift * part.strides[axis], *part.strides[axis + 1 :])
        shape = (*part.shape[:axis], self.rows, self.turns, *part.shape[axis + 1 :])
        return as_strided(
            part[(slice(None),) * axis + (slice(origin, None),)], shape, strides, writeable=False
        )
