"""float16 through float32: NumPy accumulates halves in single precision, and so does this."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner
from . import matmul
from .convert import converted, converters

Array = np.ndarray[Any, Any]
_SINGLE = np.dtype(np.float32)


def verdict(step: Step) -> Offer | Refused:
    """Offer a single-precision GEMM between two conversions."""
    if step.dtype.char != "e":
        return Refused("not float16")
    if step.extent("".join(set(step.inputs[0]) - set(step.output))) == 1:
        return Refused("BLAS takes 0 * inf for 0 in products of depth 1")
    inner = converted(step, _SINGLE)
    if isinstance(inner, Refused):
        return inner
    offer = matmul.gemm_offer(inner)
    if isinstance(offer, Refused):
        return offer
    elements = step.in_bytes // step.dtype.itemsize + step.extent(step.output)
    cost = offer.cost + Cost(elements, 6.0 * elements, 5.0, 1e9)
    return Offer(cost, offer.layout, (inner, offer), "in float32: " + offer.note, offer.blas)


def bind(step: Step, offer: Offer) -> Runner:
    """Convert, multiply, round once."""
    inner, single = offer.recipe
    run_single = matmul.bind(inner, single)
    as_a, as_b = converters(step, _SINGLE)

    def run(a: Array, b: Array, out: Array | None = None) -> Any:
        result = run_single(as_a(a), as_b(b))
        if out is None:
            return result.astype(np.float16)
        np.copyto(out, result, casting="same_kind")
        return out

    return run


ROUTE = Route("dense.half_matmul", verdict, bind)
