"""One-hot operands: sums and look-ups by label."""

from __future__ import annotations

from ..._base.facts import Operand
from ..._base.kinds import Form
from ..._base.rewrites import Rewrite
from ..structured import MET, structured_kind
from . import class_products, entries, gather, order, sparse_result, written
from .operand import OneHot

NAME = "one_hot"
REWRITES: tuple[Rewrite, ...] = (
    gather.COUNT,
    gather.SEGMENT_SUM,
    gather.GATHER,
    class_products.CLASS_PRODUCTS,
    order.SUM_FIRST,
    order.TABLE_FIRST,
    entries.SPARSE,
    sparse_result.ARRAYS_FIRST,
    written.WRITTEN,
)


def facts(operand: OneHot) -> Operand:
    """Facts of an operand."""
    return Operand(operand.shape, operand.dtype, (), NAME)


#: They lose least by being written out, and so are rewritten last.
KIND = structured_kind(
    OneHot,
    Form(NAME, rank=10, rewrites=REWRITES, meets=MET),
    facts,
    known_by=("labels", "depth", "dtype"),
    multiplied=False,
)
