"""Our own `Entries` as operands: what rewrites make where a structured operand meets sparse ones.

They are no library's, and have no say in whose kind a sparse result is.
"""

from __future__ import annotations

from typing import Any

from .._kernels.entries import Entries
from .._problem import Operand
from .._route import Route

NAME = "entries"
#: Steps with sparse operands have their routes in one place, ``_kinds.sparse``.
ROUTES: tuple[Route, ...] = ()


def recognises(operand: object) -> bool:
    """Whether ``operand`` is one of ours."""
    return isinstance(operand, Entries)


def signature(operand: Entries) -> tuple[Any, ...]:
    """What a cached plan depends on."""
    return Entries, operand.shape, operand.dtype, operand.nnz.bit_length()


def stored(operand: Entries) -> int:
    """Number of entries held."""
    return operand.nnz


def facts(operand: Entries) -> Operand:
    """Facts of an operand; its entries are counted by powers of two."""
    return Operand(operand.shape, operand.dtype, (), "sparse", nnz=1 << operand.nnz.bit_length())


def adopt(operand: Entries) -> Entries:
    """The operand, which is what the sparse routes take."""
    return operand
