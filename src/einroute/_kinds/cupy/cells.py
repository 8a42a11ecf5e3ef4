"""Entries of CuPy's sparse matrices, of SciPy's that join them, and of labels: values, and indices by axis.

How many there are is known without a look at them, so that no device is waited for: what has no entry, on a
diagonal or of a label out of range, is padding by a mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import prod
from typing import Any

import cupy
import numpy as np

from ..._base.facts import DType
from .operands import OneHot
from .sums import Sums

__all__ = ["Cells", "cells_of", "written"]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Entries; a place may have several, whose sum is the element.

    Attributes
    ----------
    shape : tuple of int
    values : cupy.ndarray or None
        Along one axis; None: all are one.
    coords : tuple of cupy.ndarray
        The index of each entry on each axis.
    count : int
    valid : cupy.ndarray or None
        Which entries are none of padding; None: all.
    grid : tuple of int or None
        Axes of which the entries have all indices once, in C order; None where that is not known.
    device : int
    """

    shape: tuple[int, ...]
    values: Any
    coords: tuple[Any, ...]
    count: int
    device: int
    valid: Any = None
    grid: tuple[int, ...] | None = None

    def take(self, axes: Sequence[int]) -> Cells:
        """The same along some of the axes, in that order; entries of the others fall together."""
        axes = tuple(axes)
        grid = None
        if self.grid is not None and all(i in axes or self.shape[i] == 1 for i in self.grid):
            grid = tuple(axes.index(i) for i in self.grid if i in axes)
        shape, coords = tuple(self.shape[i] for i in axes), tuple(self.coords[i] for i in axes)
        return replace(self, shape=shape, coords=coords, grid=grid)

    def kept(self, condition: Any) -> Cells:
        """Only the entries for which a condition holds; the others become padding."""
        valid = condition if self.valid is None else cupy.logical_and(self.valid, condition)
        return replace(self, valid=valid)

    def diagonal(self, labels: str) -> Cells:
        """The diagonals of repeated labels, each label once."""
        first = [labels.index(c) for c in labels]
        cells = self
        for j, i in enumerate(first):
            if i != j:
                cells = cells.kept(self.coords[i] == self.coords[j])
        unique = "".join(dict.fromkeys(labels))
        return cells.take([labels.index(c) for c in unique])

    def with_values(self, values: Any) -> Cells:
        """Other values at the same places."""
        return replace(self, values=values)

    def part(self, start: int, stop: int) -> Cells:
        """Some of the entries."""
        cut = slice(start, stop)
        return replace(
            self,
            values=None if self.values is None else self.values[cut],
            coords=tuple(c[cut] for c in self.coords),
            count=stop - start,
            valid=None if self.valid is None else self.valid[cut],
            grid=None,
        )

    def index(self, axes: Sequence[int]) -> Any:
        """One index for some of the axes together, in C order; of padding it is the first."""
        if not axes:
            return cupy.zeros(self.count, np.int64)
        first = self.coords[axes[0]].astype(np.int64, copy=False)
        found = reduce(lambda at, axis: at * self.shape[axis] + self.coords[axis], axes[1:], first)
        return found if self.valid is None else cupy.where(self.valid, found, np.int64(0))

    def masked(self, values: Any) -> Any:
        """Values or blocks of them, zeros for padding: what there is not is not multiplied."""
        if self.valid is None:
            return values
        here = self.valid.reshape(-1, *(1,) * (values.ndim - 1))
        return cupy.where(here, values, values.dtype.type(0))

    def filled(self, dtype: DType) -> Any:
        """The values, zeros for padding."""
        values = cupy.ones(self.count, dtype) if self.values is None else self.values
        return self.masked(values.astype(dtype, copy=False))


def cells_of(x: Any) -> Cells:
    """The entries of an operand of any sort; matrices in other formats as CuPy converts them."""
    if isinstance(x, Cells):
        return x
    if isinstance(x, OneHot):
        return _of_labels(x)
    coo = x if x.format == "coo" else x.tocoo()
    coords = (coo.row, coo.col) if len(x.shape) == 2 else tuple(coo.coords)
    return Cells(tuple(x.shape), coo.data, coords, int(coo.data.size), int(x.data.device.id))


def _of_labels(x: OneHot) -> Cells:
    """The ones of labels; of a label out of range there is none."""
    shape = x.labels.shape
    flat = x.labels.reshape(-1).astype(np.int64, copy=False)
    places = cupy.unravel_index(cupy.arange(flat.size), shape) if len(shape) > 1 and flat.size else None
    first = places if places is not None else (cupy.arange(flat.size),) * len(shape)
    valid = cupy.logical_and(flat >= 0, flat < x.depth)
    grid = tuple(range(len(shape)))
    return Cells(x.shape, None, (*first, flat), flat.size, x.device, valid=valid, grid=grid)


def written(x: Any, dtype: DType | None = None) -> Any:
    """Entries written out as an array."""
    cells = cells_of(x)
    kept = dtype if dtype is not None else np.dtype(float) if cells.values is None else cells.values.dtype
    sums = Sums(prod(cells.shape), (), np.dtype(kept))
    sums.add(cells.index(range(len(cells.shape))), cells.filled(np.dtype(kept)))
    return sums.result().reshape(cells.shape)
