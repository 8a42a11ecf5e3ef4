"""Entries of sparse tensors: values, through which gradients flow, and the index of each on every axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import prod
from typing import Any

import torch

from .dense import Tensor

__all__ = ["Cells", "narrowed", "put_together", "widened", "written"]

#: Places from which one index for all axes together does not fit its integers.
_PLACES = 2**63 - 1
_COUNTED = frozenset({torch.bool, torch.uint8, torch.int8, torch.int16})
_HALVES = frozenset({torch.float16, torch.bfloat16})


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Entries; a place may have several, whose sum is the element.

    Attributes
    ----------
    shape : tuple of int
    values : Tensor
        Along one axis.
    coords : tuple of (Tensor or callable)
        The index of each entry on each axis, or what gives it.
    pointers : Tensor or None
        Where the entries of each index on one of two axes begin, in whose order they are.
    along : int
        Which axis that is.
    ordered : int
        Along so many axes, from the first, entries are in the order of their indices.
    unique : bool
        Whether no place is known to have several.
    """

    shape: tuple[int, ...]
    values: Tensor
    coords: tuple[Any, ...]
    pointers: Tensor | None = None
    along: int = 0
    ordered: int = 0
    unique: bool = False

    @property
    def count(self) -> int:
        """How many entries there are."""
        return int(self.values.shape[0])

    def coord(self, axis: int) -> Tensor:
        """The index of each entry on an axis."""
        found = self.coords[axis]
        return found if isinstance(found, torch.Tensor) else found()

    def take(self, axes: Sequence[int]) -> Cells:
        """The same along some of the axes, in that order; entries of the others fall together."""
        axes = tuple(axes)
        if axes == tuple(range(len(self.shape))):
            return self
        ordered = next((n for n, i in enumerate(axes) if n != i), len(axes))
        matrix = self.pointers is not None and axes == (1, 0)
        return Cells(
            tuple(self.shape[i] for i in axes),
            self.values,
            tuple(self.coords[i] for i in axes),
            pointers=self.pointers if matrix else None,
            along=1 - self.along,
            ordered=int(self.along == 1) if matrix else min(ordered, self.ordered),
            unique=self.unique and len(axes) == len(self.shape),
        )

    def kept(self, condition: Tensor | slice) -> Cells:
        """Only the entries for which a condition holds, or those of a slice."""
        coords = tuple(self.coord(i)[condition] for i in range(len(self.shape)))
        return Cells(self.shape, self.values[condition], coords, ordered=self.ordered, unique=self.unique)

    def diagonal(self, labels: str) -> Cells:
        """The diagonals of repeated labels, each label once."""
        unique = "".join(dict.fromkeys(labels))
        first = [labels.index(c) for c in labels]
        pairs = [(i, j) for j, i in enumerate(first) if i != j]
        on = [self.coord(i) == self.coord(j) for i, j in pairs]
        cells = self.kept(reduce(torch.logical_and, on))
        made = cells.take([labels.index(c) for c in unique])
        # Entries on a diagonal keep what made them unique; which axes led the order is not known.
        return replace(made, ordered=0, unique=cells.unique)

    def with_values(self, values: Tensor) -> Cells:
        """Other values at the same places."""
        return Cells(
            self.shape, values, self.coords, self.pointers, self.along, self.ordered, unique=self.unique
        )

    def place(self, axes: Sequence[int]) -> Tensor:
        """One index for some of the axes together, in C order."""
        if not axes:
            return torch.zeros(self.count, dtype=torch.int64, device=self.values.device)
        first = self.coord(axes[0]).long()
        return reduce(lambda index, axis: index * self.shape[axis] + self.coord(axis), axes[1:], first)


def widened(values: Tensor) -> Tensor:
    """Values whose sums are counts, or are formed in single precision, as torch's own are."""
    if values.dtype in _HALVES:
        return values.float()
    return values.long() if values.dtype in _COUNTED else values


def narrowed(sums: Tensor, dtype: Any) -> Tensor:
    """Sums of widened values in the dtype of these; of bools "or"."""
    return sums if sums.dtype is dtype else sums.to(dtype)


def put_together(cells: Cells) -> Cells:
    """Entries in the order of their places, one for each place that has some."""
    axes = range(len(cells.shape))
    if cells.unique and cells.ordered == len(cells.shape):
        return cells
    if cells.unique and prod(cells.shape) <= _PLACES:
        order = torch.argsort(cells.place(axes))
        coords = tuple(cells.coord(i).index_select(0, order) for i in axes)
        return Cells(
            cells.shape, cells.values.index_select(0, order), coords, ordered=len(coords), unique=True
        )
    if prod(cells.shape) > _PLACES:
        at = torch.stack([cells.coord(i).long() for i in axes])
        places, inverse = torch.unique(at, dim=1, return_inverse=True)
        coords, count = tuple(places), places.shape[1]
    else:
        at = cells.place(axes)
        places, inverse = torch.unique(at, return_inverse=True)
        coords, count = torch.unravel_index(places, cells.shape) if cells.shape else (), len(places)
    wide = widened(cells.values)
    sums = wide.new_zeros(count).index_add(0, inverse, wide)
    return Cells(
        cells.shape,
        narrowed(sums, cells.values.dtype),
        tuple(coords),
        ordered=len(cells.shape),
        unique=True,
    )


def written(cells: Cells) -> Tensor:
    """Entries written out."""
    wide = widened(cells.values)
    sums = wide.new_zeros(prod(cells.shape)).index_add(0, cells.place(range(len(cells.shape))), wide)
    return narrowed(sums, cells.values.dtype).reshape(cells.shape)
