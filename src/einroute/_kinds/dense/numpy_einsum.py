"""NumPy's own einsum, the last route: it does everything, and on small operands nothing starts faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._cost import CACHE, EINSUM, Cost
from ..._problem import Step
from ..._route import Offer, Refused, Route, Runner

c_einsum: Callable[..., Any]
try:  # the C core behind np.einsum: what its optimize=False calls, without 0.65 us of Python before it
    from numpy._core import multiarray

    c_einsum = multiarray.c_einsum
except (ImportError, AttributeError):  # pragma: no cover  # a NumPy that moved it
    c_einsum = np.einsum


Array = np.ndarray[Any, Any]

#: Seconds that the innermost loop costs before it does any work.
_LOOP = 12e-9


def verdict(step: Step) -> Offer | Refused:
    """Offer NumPy's einsum, priced by its iteration space and the length of its inner loop."""
    if 0 in step.sizes.values():
        return Refused("its loops run at least once")
    size = float(step.iterations)
    inner = max((_inner(labels, step) for labels in (*step.inputs, step.output) if labels), default=1)
    rate = _rate(step)
    # One multiply-add an element and a start for every inner loop; each operand beyond two adds a pass.
    passes = max(1.0, (len(step.inputs) - 1) * 0.8)
    seconds_each = passes / rate + _LOOP / max(inner, 1)
    cost = Cost(size, float(step.in_bytes + step.out_bytes), 2.2 + 0.2 * len(step.inputs), 1 / seconds_each)
    layout = step.output[::-1] if step.order == "F" else step.output
    return Offer(cost, layout, None, "NumPy's own loops")


def _inner(labels: str, step: Step) -> int:
    return step.sizes[labels[-1]]


def _rate(step: Step) -> float:
    if step.dtype.char in "fd":
        return EINSUM * (1.5 if step.in_bytes < CACHE else 1.2)
    if step.dtype.kind in "biu":
        return EINSUM
    return EINSUM / 3


def bind(step: Step, offer: Offer) -> Runner:
    """``c_einsum`` on the step's own labels, renamed to ASCII letters."""
    subscripts = ascii_subscripts(step.inputs, step.output)
    order = step.order

    def run(*arrays: Array, out: Array | None = None) -> Any:
        if out is None:
            return c_einsum(subscripts, *arrays, order=order)
        return c_einsum(subscripts, *arrays, out=out)

    return run


def ascii_subscripts(inputs: tuple[str, ...], output: str) -> str:
    """Subscripts in the letters that NumPy accepts."""
    text = ",".join(inputs) + "->" + output
    if text.isascii():
        return text
    free = iter(c for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in text)
    for c in dict.fromkeys(text):
        if not c.isascii():
            text = text.replace(c, next(free))
    return text


ROUTE = Route("numpy.einsum", verdict, bind)
