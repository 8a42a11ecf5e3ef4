"""Sparse matrices compressed the other way, in the factor cache.

As factorizations are: found by a hash of the contents, kept under the hash of the very bytes that were
compressed (a private copy), first made when a matrix is seen again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._entries.csr_source import CSR, Axes
from .._entries.entries import Compressed, Entries
from .._entries.validate import check_pointers, check_within
from .cache import FACTORS, NEW, REFUSED
from .fingerprint import fingerprint

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Turning:
    """``indptr, indices, data`` of a matrix."""

    csr: CSR

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in self.csr)


def lookup_csr(a: Entries, rows: Axes, columns: Axes) -> CSR | None:
    """The matrix that `Entries.csr` gives, if it is kept or kept from now on.

    Parameters
    ----------
    a : Entries
        An operand's own.
    rows, columns : tuple of int
        The axes of ``a`` in the rows and in the columns of the matrix.

    Returns
    -------
    tuple of ndarray or None
        Not to be written to.
    """
    if FACTORS.prepare == "never" or _nbytes(a) > FACTORS.limit:
        return None
    key = _key(a, rows, columns)
    met: Any = FACTORS.meet(key, 1)
    if isinstance(met, Turning):
        return met.csr
    if FACTORS.prepare != "now" and (met is REFUSED or met is NEW):
        return None

    def make() -> tuple[Any, Turning]:
        own = _snapshot(a)
        return _key(own, rows, columns), _compressed(own, rows, columns)

    made: Any = FACTORS.obtain(key, make)
    return None if made is None else made.csr


def _arrays(a: Entries) -> Iterator[Array]:
    yield a.data
    if a.compressed is not None:
        yield a.compressed.indices
        yield a.compressed.indptr
    else:
        yield from a.coords or ()


def _nbytes(a: Entries) -> int:
    return sum(x.nbytes for x in _arrays(a))


def _key(a: Entries, rows: Axes, columns: Axes) -> tuple[Any, ...]:
    axis = None if a.compressed is None else a.compressed.axis
    return "csr", rows, columns, a.shape, axis, *(fingerprint(x) for x in _arrays(a))


def _snapshot(a: Entries) -> Entries:
    """A private copy, checked: what is kept has to be sound whatever became of the operand meanwhile."""
    c = a.compressed
    if c is None:
        coords = tuple(x.copy() for x in a.coords or ())
        for x, n in zip(coords, a.shape, strict=True):
            check_within(x, n, "coordinates")
        return replace(a, data=a.data.copy(), coords=coords)
    own = Compressed(c.indptr.copy(), c.indices.copy(), c.axis)
    check_pointers(own.indptr, a.shape[c.axis], len(own.indices))
    check_within(own.indices, a.shape[1 - c.axis], "indices")
    return replace(a, data=a.data.copy(), compressed=own)


def _compressed(a: Entries, rows: Axes, columns: Axes) -> Turning:
    csr = a.csr(rows, columns)
    for part in csr:
        part.flags.writeable = False
    return Turning(csr)
