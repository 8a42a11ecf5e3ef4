"""The entries of a sparse array, in the form that all sparse kinds meet in.

A sparse operand becomes `Entries`: coordinates and values, or the compressed rows or columns of a matrix as
its owner keeps them.  Duplicates are allowed: all that is done here is linear in the entries.  Nothing of the
owner's is written to.

The loops are those of SciPy's ``_sparsetools``, which ``scipy.sparse`` itself is made of: called on blocks of
rows they need no copy of the result. They compare no index, and another thread may write to an operand while
they run: they are given copies of its index arrays (`Entries.settled`), which are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from scipy.sparse import _sparsetools

from .validate import Unsound, check_pointers, check_within

Array = np.ndarray[Any, Any]

#: SciPy's loops.
tools = _sparsetools

#: Places for each entry up to which sums are made in an array of all places.
CROWDED = 8
#: Places so few that they are made whatever the entries: to pass over them takes less than to sort.
_SHORT = 1 << 16
#: Numbers below which raveled coordinates fit their integer type.
_INT32, _INT64 = 2**31 - 1, 2**63 - 1


def sums_differ(own: np.dtype[Any], computed_in: np.dtype[Any]) -> bool:
    """Whether entries of one place must be added up in the operand's dtype before they are cast.

    Bools are or, integers wrap; and where the cast loses digits, each entry would lose its own.
    """
    return own != computed_in and (own.kind in "biu" or not np.can_cast(own, computed_in, "safe"))


def fewest(places: int) -> int:
    """Entries from which sums are made in an array of so many places."""
    return 0 if places <= _SHORT else -(-places // CROWDED)


@dataclass(frozen=True, slots=True, eq=False)
class Compressed:
    """Rows (axis 0) or columns (axis 1) of a matrix, one after the other.

    Attributes
    ----------
    indptr : ndarray of int
        Where each row starts, and where the last one ends.
    indices : ndarray of int
        The other coordinate of each entry.
    axis : int
        The axis that is compressed.
    """

    indptr: Array
    indices: Array
    axis: int


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """A sparse array; elements without an entry are exact zeros.

    Attributes
    ----------
    shape : tuple of int
    data : ndarray, shape (nnz,)
    coords : tuple of ndarray or None
        One array of shape (nnz,) an axis.
    compressed : Compressed or None
        Of a matrix, in place of the coordinates.
    fresh : bool
        The arrays are nobody else's, and no place has two entries.
    own_data : bool
        ``data`` at least is nobody else's.
    """

    shape: tuple[int, ...]
    data: Array
    coords: tuple[Array, ...] | None = None
    compressed: Compressed | None = None
    fresh: bool = False
    own_data: bool = False

    @property
    def nnz(self) -> int:
        """Entries held, duplicates and explicit zeros included."""
        return len(self.data)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.data.dtype
        return dtype

    def with_data(self, data: Array) -> Entries:
        """The same places with other values, in an array that is nobody else's."""
        if data is self.data:
            return self
        return Entries(self.shape, data, self.coords, self.compressed, own_data=True)

    def coordinate(self, axis: int) -> Array:
        """The coordinates along one axis."""
        if self.coords is not None:
            return self.coords[axis]
        assert self.compressed is not None
        if axis != self.compressed.axis:
            return self.compressed.indices
        indptr = self.compressed.indptr
        rows = np.arange(len(indptr) - 1, dtype=self.compressed.indices.dtype)
        return np.repeat(rows, np.diff(indptr))

    def coordinates(self) -> tuple[Array, ...]:
        """The coordinates along every axis."""
        return self.coords if self.coords is not None else tuple(self.coordinate(i) for i in range(self.ndim))

    def take(self, axes: Sequence[int]) -> Entries:
        """The axes named, in that order; entries of the others fall together, which sums over those."""
        axes = tuple(axes)
        shape = tuple(self.shape[i] for i in axes)
        c = self.compressed
        if axes == tuple(range(self.ndim)):
            return self
        if c is not None and sorted(axes) == [0, 1]:
            turned = Compressed(c.indptr, c.indices, axes.index(c.axis))
            return Entries(shape, self.data, None, turned, own_data=self.own_data)
        coords = tuple(self.coordinate(i) for i in axes)
        return Entries(shape, self.data, coords, own_data=self.own_data)

    def diagonal(self, labels: str) -> Entries:
        """The entries on the diagonals that repeated labels name; one axis a distinct label."""
        unique = "".join(dict.fromkeys(labels))
        coords = self.coordinates()
        first = {c: coords[labels.index(c)] for c in unique}
        on = np.ones(self.nnz, np.bool)
        for c, x in zip(labels, coords, strict=True):
            if x is not first[c]:
                on &= x == first[c]
        shape = tuple(self.shape[labels.index(c)] for c in unique)
        return Entries(shape, self.data[on], tuple(first[c][on] for c in unique))

    def settled(self) -> Entries:
        """The same with index arrays that no other thread writes to, all in range: for SciPy's loops.

        Raises
        ------
        Unsound
            They were sound when the operand was looked at, and are not now.
        """
        if self.fresh:
            return self
        c = self.compressed
        if c is None:
            coords = tuple(settled(x, n) for x, n in zip(self.coordinates(), self.shape, strict=True))
            return Entries(self.shape, self.data, coords, own_data=self.own_data)
        indptr, indices = c.indptr.copy(), settled(c.indices, self.shape[1 - c.axis])
        if check_pointers(indptr, self.shape[c.axis], self.nnz) != len(indices):
            raise Unsound("its index arrays were changed while they were read")
        own = Compressed(indptr, indices, c.axis)
        return Entries(self.shape, self.data, None, own, own_data=self.own_data)

    def csr(self, rows: Sequence[int], columns: Sequence[int]) -> tuple[Array, Array, Array]:
        """``indptr, indices, data`` of the matrix whose rows and columns are these axes, raveled.

        Axes in neither are summed over.  An axis may be in both.  Columns may be unsorted and repeat.
        """
        c = self.compressed
        if c is not None and tuple(rows) == (c.axis,) and tuple(columns) == (1 - c.axis,):
            return c.indptr, c.indices, self.data
        n, m = (prod(self.shape[i] for i in axes) for axes in (rows, columns))
        index = np.dtype(np.int32 if max(n, m, self.nnz) <= _INT32 else np.int64)
        turned = c is not None and tuple(columns) == (c.axis,) and tuple(rows) == (1 - c.axis,)
        if turned:
            assert c is not None
            index = c.indices.dtype
        data, own = self.data, self.settled()
        indptr, indices, values = np.empty(n + 1, index), np.empty(len(data), index), np.empty_like(data)
        if turned:
            c = own.compressed
            assert c is not None
            tools.csr_tocsc(m, n, c.indptr, c.indices, data, indptr, indices, values)
        else:
            row = own.raveled(rows).astype(index, copy=False)
            column = own.raveled(columns).astype(index, copy=False)
            tools.coo_tocsr(n, m, len(data), row, column, data, indptr, indices, values)
        return indptr, indices, values

    def raveled(self, axes: Sequence[int]) -> Array:
        """Coordinates along some axes as one, in C order.

        Raises
        ------
        ValueError
            The extents of these axes together do not fit an int64.
        """
        return ravel([self.coordinate(i) for i in axes], [self.shape[i] for i in axes], self.nnz)

    def distinct(self) -> Entries:
        """The same where each place surely has one entry; else summed up."""
        if self.compressed is not None:
            own = self.settled()
            c = own.compressed
            assert c is not None
            once = _once(c.indptr, c.indices)
            if not once and not tools.csr_has_sorted_indices(len(c.indptr) - 1, c.indptr, c.indices):
                once = _once(*own.csr((1 - c.axis,), (c.axis,))[:2])  # for less than sorting takes
        elif prod(self.shape) <= _INT64:
            once = _increases(self.raveled(range(self.ndim)))
        else:
            once = False
        return self if once or self.nnz < 2 else self.summed()

    def summed(self) -> Entries:
        """Sorted by coordinates, each place once; nothing of it is the owner's."""
        coords, shape = self.coordinates(), self.shape
        if self.fresh and len(shape) < 2:
            return self
        if not shape:
            return Entries((), total(self.data), ())
        if prod(shape) <= _INT64:
            index = ravel(coords, shape, self.nnz)
            if _increases(index):
                data = self.data if self.own_data or self.fresh else self.data.copy()
                return Entries(shape, data, tuple(x.copy() for x in coords), own_data=True)
            if prod(shape) <= CROWDED * self.nnz and self.dtype.char != "e":  # SciPy's loops know no halves
                return self._summed_at_places(index)
            order = np.argsort(index, kind="stable")
        else:
            order = np.lexsort(coords[::-1])
        sorted_coords = tuple(x[order] for x in coords)
        fresh = np.zeros(self.nnz, np.bool)
        fresh[:1] = True
        for x in sorted_coords:
            fresh[1:] |= x[1:] != x[:-1]
        data = self.data[order]
        if not fresh.all():
            group = np.cumsum(fresh) - 1
            data = scatter_add(group, data, int(group[-1]) + 1)
            sorted_coords = tuple(x[fresh] for x in sorted_coords)
        return Entries(shape, data, sorted_coords)

    def _summed_at_places(self, index: Array) -> Entries:
        """As `summed`, where there are so few places that each can have its sum: nothing is sorted."""
        shape = self.shape
        sums = scatter_add(index, self.data, prod(shape))
        held = sums != 0  # there is an entry then
        if not held.all():
            held[index] = True
        places = np.flatnonzero(held)
        coords = (places,) if len(shape) == 1 else np.unravel_index(places, shape)
        return Entries(shape, sums[places], tuple(coords), fresh=True)

    def dense(self, order: str = "C", out: Array | None = None) -> Array:
        """Written out as an array."""
        axes = tuple(range(self.ndim))
        shape = self.shape
        if order == "F":
            axes, shape = axes[::-1], shape[::-1]
        flat = scatter_add(self.raveled(axes), self.data, prod(shape))
        made = flat.reshape(shape)
        if order == "F":
            made = made.T
        if out is None:
            return made
        np.copyto(out, made, casting="unsafe")
        return out


def ravel(coords: Sequence[Array], shape: Sequence[int], count: int) -> Array:
    """Several coordinates as one, in C order; ``count`` is their number.

    Raises
    ------
    ValueError
        The extents together do not fit an int64.
    """
    if len(coords) == 1:
        return coords[0]
    if not coords:
        return np.zeros(count, np.int32)
    if prod(shape) > _INT64:
        raise ValueError(f"axes of lengths {tuple(shape)} have together more places than an int64 can number")
    flat = coords[0].astype(np.int64)
    for x, n in zip(coords[1:], shape[1:], strict=True):
        flat *= n
        flat += x
    return flat


def settled(index: Array, size: int) -> Array:
    """A copy of indices, each of which is in ``[0, size)``."""
    own = index.copy()
    check_within(own, size, "index arrays")
    return own


def _once(indptr: Array, indices: Array) -> bool:
    """Whether the indices of each row increase, so that no place has two entries."""
    return bool(tools.csr_has_canonical_format(len(indptr) - 1, indptr, indices))


def _increases(index: Array) -> bool:
    """Whether each number is larger than the one before."""
    return bool((index[1:] > index[:-1]).all())


def scatter_add(index: Array, data: Array, size: int, out: Array | None = None) -> Array:
    """Vector of length ``size`` with ``data`` added at ``index`` (for bools: or)."""
    if out is None:
        out = np.zeros(size, data.dtype)
    index = settled(index, size)
    # Not a product with ones, which would make nan of a complex inf.
    tools.coo_todense(size, 1, len(data), index, np.zeros(len(data), index.dtype), data, out, 0)
    return out


def total(data: Array) -> Array:
    """The sum of all values, of shape (1,) and in their own dtype (for bools: or)."""
    if data.dtype.kind == "b":
        return np.asarray(data.any()).reshape(1)
    return np.add.reduce(data, dtype=data.dtype, keepdims=True)
