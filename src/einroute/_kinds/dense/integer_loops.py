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
    # The loops take any strides: what BLAS would have copied stays where it is, if it is a matrix there.
    recipe = offer.recipe
    copied = (recipe.pack_a, recipe.m + recipe.k), (recipe.pack_b, recipe.n + recipe.k)
    if recipe.pack_out or any(pack and len(labels) > 2 for pack, labels in copied):
        return Refused("an operand would have to be copied")
    recipe = replace(recipe, pack_a=False, pack_b=False)
    count = step.extent(recipe.loops)
    fixed = 2.0 if recipe.loops else 1.0
    each = _EACH if recipe.m or recipe.n else _DOT
    rate = 1 / (1 / _RATE + _SUM / step.extent(recipe.k))
    cost = Cost(offer.cost.flops, 0.0, fixed + count * each / CALL, rate)
    return replace(offer, cost=cost, recipe=recipe, note="matmul's integer loops: " + offer.note, blas=False)


ROUTE = Route("dense.integer_loops", verdict, matmul.bind)
