"""Matrices compressed the other way: where that pays it is done once, and remembered by contents.

Compressing the columns of a CSR matrix takes 2 to 3 ns an entry, and coordinates more: as long as a product
with a few dense vectors. Telling a matrix by its contents takes 0.2 ns an entry. What remembers is the factor
cache, which is no kernel: it is put in where operands are bound (`_factors.csr_cache`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._base.preparation import may_prepare
from .entries import Entries

Array = np.ndarray[Any, Any]
CSR = tuple[Array, Array, Array]
"""``indptr, indices, data``."""
Axes = tuple[int, ...]
Lookup = Callable[[Entries, Axes, Axes, int, bool], CSR | None]
"""``(entries, rows, columns, vectors, needed)`` to the matrix; None where it is neither kept nor needed."""

#: Entries below which compressing takes no longer than the bookkeeping.
FEW = 8192


class CsrSource:
    """Where matrices that have to be compressed otherwise come from.

    Attributes
    ----------
    lookup : callable or None
        Remembers; None compresses each time.
    """

    def __init__(self) -> None:
        self.lookup: Lookup | None = None

    def csr(self, a: Entries, rows: Axes, columns: Axes, vectors: int) -> CSR:
        """What `Entries.csr` gives, remembered where that may pay.

        Parameters
        ----------
        vectors : int
            How many dense vectors this call multiplies with it.
        """
        if self.lookup is not None and self._worth(a, rows) and may_prepare():
            found = self.lookup(a, rows, columns, vectors, True)
            if found is not None:
                return found
        return a.csr(rows, columns)

    def kept(self, a: Entries, rows: Axes, columns: Axes, vectors: int) -> CSR | None:
        """The matrix where it is kept, or has paid for being made by now; None otherwise."""
        if self.lookup is None or not self._worth(a, rows) or not may_prepare():
            return None
        return self.lookup(a, rows, columns, vectors, False)

    @staticmethod
    def _worth(a: Entries, rows: Axes) -> bool:
        """Whether the entries are an operand's own, many, and not compressed in this way already."""
        c = a.compressed
        return a.nnz >= FEW and not a.fresh and (c is None or (c.axis,) != rows)


CSR_SOURCE = CsrSource()
