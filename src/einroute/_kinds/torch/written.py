"""Structured tensors written out, and entries of operands beside others."""

from __future__ import annotations

from ..array_library.written import Written
from . import gather, sparse_matmul
from .cells import written
from .operands import CALLS
from .sparse_matmul import ENTRIES
from .sparse_matmul import NAME as SPARSE

__all__ = ["NAME", "OF_ENTRIES", "WRITTEN"]

#: Of the form of rolled operands and differences.
NAME = "torch_structured"
WRITTEN = Written(
    CALLS,
    NAME,
    ENTRIES,
    SPARSE,
    lambda: (sparse_matmul.ROUTE, gather.ROUTE),
    lambda cells, _dtype: written(cells),  # they have been cast
)
#: In the forms of entries.
OF_ENTRIES = WRITTEN.route("torch_sparse.written")
