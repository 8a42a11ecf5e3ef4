"""Pairwise differences: distances, projections, and whatever else is done with them in blocks."""

from __future__ import annotations

from ..._base.facts import Operand
from ..._base.kinds import Form
from ..._base.rewrites import Rewrite
from ..structured import MET, structured_kind
from . import blocks, compiled, complex_parts, integers, linear, pair_sums, sampled, squared, sums
from .form import NAME
from .operand import PairwiseDifference

REWRITES: tuple[Rewrite, ...] = (
    compiled.COMPILED,
    squared.PRODUCT,
    squared.EXPANSION,
    squared.PLAIN,
    linear.LINEAR,
    sums.SUMS,
    pair_sums.PAIR_SUMS,
    integers.INTEGERS,
    complex_parts.COMPLEX_PARTS,
    sampled.SAMPLED,
    blocks.BLOCKS,
)


def facts(operand: PairwiseDifference) -> Operand:
    """Facts of an operand; its structure is whether there is one set of points or two."""
    return Operand(operand.shape, operand.dtype, (), NAME, structure=operand.y is operand.x)


#: They lose most by being written out, and so are rewritten first.
KIND = structured_kind(
    PairwiseDifference,
    Form(NAME, rank=12, rewrites=REWRITES, meets=MET),
    facts,
    known_by=("x", "y"),
)
