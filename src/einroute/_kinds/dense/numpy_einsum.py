"""NumPy's own einsum, the last route: it does everything, and on small operands nothing starts faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._cost import EINSUM, Cost
from ..._problem import Step
from ..._route import Offer, Refused, Route, Runner

c_einsum: Callable[..., Any]
try:  # the C core behind np.einsum: what its optimize=False calls, without 0.65 us of Python before it
    from numpy._core import multiarray

    c_einsum = multiarray.c_einsum
except (ImportError, AttributeError):  # pragma: no cover  # a NumPy that moved it
    c_einsum = np.einsum


Array = np.ndarray[Any, Any]

#: Seconds that each run of the innermost loop costs before it does any work.
_LOOP = 16e-9
#: How much slower than `EINSUM` the loops of other dtypes are.
_SLOWER = {"f": 0.7, "d": 1.0, "F": 4.0, "D": 5.0, "e": 30.0, "g": 10.0, "G": 20.0, "?": 2.7}
#: The same for their number of operands; from four on there is no loop of its own.
_OPERANDS = {1: 0.5, 2: 1.0, 3: 2.0}


def verdict(step: Step) -> Offer | Refused:
    """Offer NumPy's einsum, priced by its iteration space and the length of its inner loop."""
    if 0 in step.sizes.values():
        return Refused("its loops run at least once")
    size = float(step.iterations)
    inner = max((_inner(labels, step, i) for i, labels in enumerate(step.inputs) if labels), default=1)
    slower = _SLOWER.get(step.dtype.char, 1.5) * _OPERANDS.get(len(step.inputs), 8.0)
    rate = 1 / (slower / EINSUM + _LOOP / inner)
    calls = 1.9 + 0.2 * len(step.inputs)
    layout = step.output[::-1] if step.order == "F" else step.output
    return Offer(
        Cost(size, float(step.in_bytes + step.out_bytes), calls, rate), layout, None, "NumPy's own loops"
    )


def _inner(labels: str, step: Step, position: int) -> int:
    """Length of the axis along which an operand's memory is contiguous: NumPy loops over it innermost."""
    strides = step.operands[position].strides
    return step.sizes[min(zip(labels, strides, strict=True), key=lambda pair: abs(pair[1]) or 2**62)[0]]


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
