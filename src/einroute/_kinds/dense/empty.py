"""Contractions over nothing: where a dimension has length 0 every sum is empty, and the result zero.

A route of its own because NumPy's einsum loops run at least once: with two operands and long double they
write past the end of an empty result (seen with NumPy 2.4.6: ``lY,r->rY`` on (7, 0) and (10,) clongdouble).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner

Array = np.ndarray[Any, Any]


def verdict(step: Step) -> Offer | Refused:
    """Offer zeros where a dimension has length 0."""
    if 0 not in step.sizes.values():
        return Refused("no dimension has length 0")
    layout = step.output[::-1] if step.order == "F" else step.output
    return Offer(Cost(bytes=float(step.out_bytes)), layout, None, "zeros")


def bind(step: Step, offer: Offer) -> Runner:
    """Zeros of the output's shape."""
    shape = tuple(step.sizes[c] for c in step.output)
    order: Any = "F" if step.order == "F" else "C"

    def run(*arrays: Array, out: Array | None = None) -> Any:
        if out is None:
            return np.zeros(shape, step.dtype, order)
        out[...] = 0
        return out

    return run


ROUTE = Route("dense.zeros", verdict, bind)
