"""Our own `Entries` as operands: what rewrites make where a structured operand meets sparse ones.

They are no library's, and have no say in whose kind a sparse result is.
"""

from __future__ import annotations

from typing import Any

from ..._base.facts import Operand
from ..._base.kinds import Kind
from ..._entries.entries import Entries
from .form import FORM


def recognises(cls: type) -> bool:
    """Whether operands of a class are ours."""
    return cls is Entries


def signature(operand: Entries) -> tuple[Any, ...]:
    """What a cached plan depends on."""
    return Entries, operand.shape, operand.dtype, operand.nnz.bit_length(), _axis(operand)


def _axis(operand: Entries) -> int:
    return -1 if operand.compressed is None else operand.compressed.axis


def stored(operand: Entries) -> int:
    """Number of entries held."""
    return operand.nnz


def facts(operand: Entries) -> Operand:
    """Facts of an operand; its entries are counted by powers of two."""
    return Operand(
        operand.shape,
        operand.dtype,
        (),
        "entries",
        nnz=1 << operand.nnz.bit_length(),
        compressed=_axis(operand),
    )


KIND = Kind("entries", FORM, recognises, facts, signature, stored=stored)
