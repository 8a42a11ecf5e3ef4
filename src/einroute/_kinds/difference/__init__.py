"""Pairwise differences: distances, projections, and whatever else is done with them in blocks."""

from __future__ import annotations

from ..._operands.difference import PairwiseDifference
from ..._problem import Operand
from ..._rewrite import Rewrite
from ..._route import Route
from . import blocks, compiled, integers, linear, sampled, squared, sums
from .form import NAME

#: Contractions with such operands are rewritten before any step is decided.
ROUTES: tuple[Route, ...] = ()
REWRITES: tuple[Rewrite, ...] = (
    compiled.COMPILED,
    squared.PRODUCT,
    squared.PLAIN,
    linear.LINEAR,
    sums.SUMS,
    integers.INTEGERS,
    sampled.SAMPLED,
    blocks.BLOCKS,
)


def recognises(operand: object) -> bool:
    """Whether ``operand`` is a pairwise difference."""
    return isinstance(operand, PairwiseDifference)


def facts(operand: PairwiseDifference) -> Operand:
    """Facts of an operand; its structure is whether there is one set of points or two."""
    return Operand(operand.shape, operand.dtype, (), NAME, structure=operand.y is operand.x)
