"""Entries of JAX's sparse arrays inside of a program: values, and an index array for each axis.

Batch and dense dimensions of BCOO and BCSR become axes like the others. An entry that has an index out of
range is padding, as in JAX: it counts for nothing, and is never multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import prod
from typing import Any

import jax.numpy as jnp
from jax import lax

__all__ = ["Cells", "flattened", "gathered", "in_places", "of_bcoo", "of_bcsr", "of_labels", "written"]


@dataclass(frozen=True, slots=True)
class Cells:
    """Entries in no order; a place may have several.

    Attributes
    ----------
    shape : tuple of int
    data : jax.Array
        The values, along one axis.
    coords : tuple of jax.Array
        The index of each entry on each axis.
    valid : jax.Array or None
        Which entries are none of padding; None: all.
    pointers : jax.Array or None
        Where the entries of each index on the first of two axes begin, which are then in its order.
    grid : tuple of int or None
        Axes of which the entries have all indices once, in C order; None where that is not known.
    """

    shape: tuple[int, ...]
    data: Any
    coords: tuple[Any, ...]
    valid: Any = None
    pointers: Any = None
    grid: tuple[int, ...] | None = None

    @property
    def count(self) -> int:
        """How many entries there are, padding included."""
        return int(self.data.shape[0])

    def take(self, axes: Sequence[int]) -> Cells:
        """The same along some of the axes, in that order; on the others every entry has one index or any."""
        coords = tuple(self.coords[i] for i in axes)
        pointers = self.pointers if tuple(axes) == (0, 1) else None
        shape = tuple(self.shape[i] for i in axes)
        grid = None
        if self.grid is not None and all(i in axes or self.shape[i] == 1 for i in self.grid):
            grid = tuple(axes.index(i) for i in self.grid if i in axes)
        return replace(self, shape=shape, coords=coords, pointers=pointers, grid=grid)

    def kept(self, condition: Any) -> Cells:
        """Only the entries for which a condition holds; the others become padding."""
        valid = condition if self.valid is None else self.valid & condition
        return replace(self, valid=valid, pointers=None)

    def diagonal(self, labels: str) -> Cells:
        """The diagonals of repeated labels, each label once."""
        unique = "".join(dict.fromkeys(labels))
        cells = self
        for c in unique:
            places = [i for i, own in enumerate(labels) if own == c]
            for i in places[1:]:
                cells = cells.kept(self.coords[places[0]] == self.coords[i])
        return cells.take([labels.index(c) for c in unique])

    def bounded(self) -> tuple[Any, ...]:
        """Indices that are within range for padding, too."""
        if self.valid is None:
            return self.coords
        return tuple(jnp.where(self.valid, c, 0) for c in self.coords)

    def place(self, axes: Sequence[int]) -> Any:
        """One index for some of the axes together, in C order; of padding it is beyond the last."""
        sizes = [self.shape[i] for i in axes]
        total = prod(sizes)
        wide = jnp.int32 if total < 2**31 else jnp.int64
        found = reduce(
            lambda index, axis: index * self.shape[axis] + self.coords[axis].astype(wide),
            axes,
            jnp.zeros(self.count, wide),
        )
        return found if self.valid is None else jnp.where(self.valid, found, total)


def of_bcoo(x: Any) -> Cells:
    """The entries of a BCOO."""
    return _cells(x.data, x.indices, x.shape, x.n_batch, x.n_dense)


def of_bcsr(x: Any) -> Cells:
    """The entries of a BCSR; without batch and dense dimensions they are in the order of rows."""
    as_bcoo = x.to_bcoo()
    cells = _cells(as_bcoo.data, as_bcoo.indices, as_bcoo.shape, as_bcoo.n_batch, as_bcoo.n_dense)
    plain = not x.n_batch and not x.n_dense and x.indices.dtype == x.indptr.dtype
    return replace(cells, pointers=x.indptr) if plain else cells


def _cells(data: Any, indices: Any, shape: Sequence[int], n_batch: int, n_dense: int) -> Cells:
    n_sparse = indices.shape[-1]
    batch, sparse = tuple(shape[:n_batch]), tuple(shape[n_batch : n_batch + n_sparse])
    dense = tuple(shape[n_batch + n_sparse :])
    entries = indices.shape[-2]
    full = (*batch, entries, *dense)
    # Batch dimensions of either may be of length 1, for all.
    data = jnp.broadcast_to(data, full).reshape(-1)
    coords: list[Any] = [_counted(full, i) for i in range(n_batch)]
    valid = None
    for axis, n in enumerate(sparse):
        index = jnp.broadcast_to(indices[..., axis], (*batch, entries))
        index = index.reshape(*index.shape, *(1,) * n_dense)
        index = jnp.broadcast_to(index, full).reshape(-1)
        within = (index >= 0) & (index < n)
        valid = within if valid is None else valid & within
        coords.append(index)
    coords += [_counted(full, n_batch + 1 + i) for i in range(n_dense)]
    return Cells(tuple(shape), data, tuple(coords), valid)


def of_labels(labels: Any, depth: int, dtype: Any) -> Cells:
    """The ones of labels written out as rows of zeros and ones; of a label out of range there is none."""
    shape = tuple(labels.shape)
    flat = jnp.reshape(labels, -1)
    coords = (*(_counted(shape, i) for i in range(len(shape))), flat)
    valid = (flat >= 0) & (flat < depth)
    ones = jnp.ones(flat.shape[0], dtype)
    return Cells((*shape, depth), ones, coords, valid, grid=tuple(range(len(shape))))


def _counted(full: tuple[int, ...], axis: int) -> Any:
    """The index along an axis of arrays that are made flat."""
    return lax.broadcasted_iota(jnp.int32, full, axis).reshape(-1)


def gathered(x: Any, indices: tuple[Any, ...]) -> Any:
    """An array's blocks of values at indices of its first axes; where those have no elements, zeros."""
    if 0 in x.shape[: len(indices)]:
        return jnp.zeros((*indices[0].shape, *x.shape[len(indices) :]), x.dtype)
    return x.at[indices].get(mode="clip")


def flattened(cells: Cells, data: Any, sizes: Sequence[int]) -> Cells:
    """Entries each of which has a block of values: axes are added for those."""
    full = (cells.count, *sizes)

    def along(x: Any) -> Any:
        return jnp.broadcast_to(x.reshape(-1, *(1,) * len(sizes)), full).reshape(-1)

    coords = (*map(along, cells.coords), *(_counted(full, 1 + i) for i in range(len(sizes))))
    valid = None if cells.valid is None else along(cells.valid)
    return Cells((*cells.shape, *sizes), data.reshape(-1), coords, valid)


def in_places(data: Any, places: Any, count: int) -> Any:
    """Sums of entries, or of their blocks of values, by place; of bools "or". Places beyond are left out."""
    if data.dtype == bool:
        return jnp.zeros((count, *data.shape[1:]), bool).at[places].max(data, mode="drop")
    half = data.dtype.itemsize == 2 and jnp.issubdtype(data.dtype, jnp.floating)
    wide = data.astype(jnp.float32) if half else data
    made = jnp.zeros((count, *data.shape[1:]), wide.dtype).at[places].add(wide, mode="drop")
    return made.astype(data.dtype)


def written(cells: Cells) -> Any:
    """Entries written out as an array."""
    axes = range(len(cells.shape))
    return in_places(cells.data, cells.place(axes), prod(cells.shape)).reshape(cells.shape)
