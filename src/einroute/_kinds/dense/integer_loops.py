"""Small products of integers by matmul's own loops: what converting them for BLAS would take longer than."""

from __future__ import annotations

from dataclasses import replace

from ..._base.cost import CALL, Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route
from . import matmul

#: Multiply-adds a second of matmul's integer loops, and seconds of each sum, each dot product of a stack and
#: each of its matrices.
_RATE, _SUM, _DOT, _EACH = 1.65e9, 0.8e-9, 10e-9, 12e-9


def verdict(step: Step) -> Offer | Refused:
    """Offer ``np.matmul``, or ``dot``, on integers as they lie."""
    if step.dtype.kind not in "iu":
        return Refused("not an integer dtype")
    offer = matmul.gemm_offer(step)
    if isinstance(offer, Refused):
        return offer
    recipe = matmul.as_it_lies(step, offer.recipe)
    if recipe.pack_a or recipe.pack_b or recipe.pack_out:
        return Refused("an operand would have to be copied")
    count = step.extent(recipe.loops)
    fixed = 2.0 if recipe.loops else 1.0
    each = _EACH if recipe.m or recipe.n else _DOT
    rate = 1 / (1 / _RATE + _SUM / step.extent(recipe.k))
    cost = Cost(offer.cost.flops, 0.0, fixed + count * each / CALL, rate)
    return replace(offer, cost=cost, recipe=recipe, note="matmul's integer loops: " + offer.note, blas=False)


ROUTE = Route("dense.integer_loops", verdict, matmul.bind)
