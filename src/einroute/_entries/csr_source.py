"""Matrices compressed the other way: where that pays it is done once, and remembered by contents.

Compressing the columns of a CSR matrix takes 2 to 3 ns an entry, and coordinates more: as long as a product
with a few dense vectors. Telling a matrix by its contents takes 0.2 ns an entry. What remembers is the factor
cache, which lies above this room: it is loaded by its name, at the first matrix for which it may pay.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .._base.preparation import may_prepare
from .entries import Entries

Array = np.ndarray[Any, Any]
CSR = tuple[Array, Array, Array]
"""``indptr, indices, data``."""
Axes = tuple[int, ...]
Lookup = Callable[[Entries, Axes, Axes], CSR | None]
"""``(entries, rows, columns)`` to the matrix; None where it is not kept."""

#: Entries below which compressing takes no longer than the bookkeeping.
FEW = 8192


def compressed(a: Entries, rows: Axes, columns: Axes) -> CSR:
    """What `Entries.csr` gives, remembered where that may pay."""
    if not (_worth(a, rows) and may_prepare()):
        return a.csr(rows, columns)
    lookup: Lookup = importlib.import_module("einroute._factors.csr_cache").lookup_csr
    found = lookup(a, rows, columns)
    return a.csr(rows, columns) if found is None else found


def _worth(a: Entries, rows: Axes) -> bool:
    """Whether the entries are an operand's own, many, and not compressed in this way already."""
    c = a.compressed
    return a.nnz >= FEW and not a.fresh and (c is None or (c.axis,) != rows)
