"""One-hot operands: sums and look-ups by label."""

from __future__ import annotations

from ..._operands.one_hot import OneHot
from ..._problem import Operand
from ..._rewrite import Rewrite
from ..._route import Route
from . import entries, gather, order

NAME = "one_hot"
#: Contractions with such operands are rewritten before any step is decided.
ROUTES: tuple[Route, ...] = ()
REWRITES: tuple[Rewrite, ...] = (
    gather.COUNT,
    gather.SEGMENT_SUM,
    gather.GATHER,
    order.SUM_FIRST,
    order.TABLE_FIRST,
    entries.SPARSE,
)


def recognises(operand: object) -> bool:
    """Whether ``operand`` is a one-hot operand."""
    return isinstance(operand, OneHot)


def facts(operand: OneHot) -> Operand:
    """Facts of an operand."""
    return Operand(operand.shape, operand.dtype, (), NAME)
