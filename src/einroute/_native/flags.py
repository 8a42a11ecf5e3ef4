"""Floating-point flags that the core saw raised, told of as NumPy tells."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .._base import numpy_functions as numpys

__all__ = ["report", "reporter"]

Array = np.ndarray[Any, Any]

_LARGE, _SMALL = 1e308, 1e-308
#: A product that raises each of NumPy's floating-point flags.
_RAISING = (
    (2, (_LARGE, _LARGE)),
    (4, (_SMALL, _SMALL)),
    (8, (np.inf, 0.0)),
)
#: How each product is asked for the products of two vectors' elements, and perhaps more that raise nothing.
_ASKED: dict[str, Callable[[Array, Array], Any]] = {
    "matmul": lambda x, y: numpys.numpy_matmul(x[:, None, None], y[:, None, None]),
    "matvec": lambda x, y: numpys.numpy_matvec(x[:, None, None], y[:, None]),
    "vecmat": lambda x, y: numpys.numpy_vecmat(x[:, None], y[:, None, None]),
    "vecdot": lambda x, y: numpys.numpy_vecdot(x[:, None], y[:, None]),
    "dot": lambda x, y: numpys.numpy_dot(np.diag(x), np.diag(y)),
    "inner": lambda x, y: numpys.numpy_inner(np.diag(x), np.diag(y)),
    "multiply": np.multiply,
    "outer": numpys.numpy_outer,
    "vdot": numpys.numpy_vdot,
}


def report(flags: int, product: str = "matmul") -> None:
    """Raise floating-point flags as a product of NumPy's does: ``np.errstate`` decides what comes of them."""
    x, y = (np.array([pair[i] for flag, pair in _RAISING if flags & flag]) for i in (0, 1))
    if x.size:
        _ASKED[product](x, y)


def reporter(product: str) -> Callable[[int], None]:
    """`report` of one product. Where NumPy's function does not look at the flags nothing comes of it."""
    return partial(report, product=product)
