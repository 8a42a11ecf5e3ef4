"""Floating-point flags that the core saw raised, told of as NumPy tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._base.numpy_functions import numpy_matmul

__all__ = ["report"]

_LARGE, _SMALL = 1e308, 1e-308
#: A product that raises each of NumPy's floating-point flags.
_RAISING = (
    (2, (_LARGE, _LARGE)),
    (4, (_SMALL, _SMALL)),
    (8, (np.inf, 0.0)),
)


def report(flags: int, function: Callable[..., Any] = numpy_matmul) -> None:
    """Raise floating-point flags as NumPy's function does: ``np.errstate`` decides what comes of them."""
    x, y = ([pair[i] for flag, pair in _RAISING if flags & flag] for i in (0, 1))
    if x:
        function(np.array(x)[:, None, None], np.array(y)[:, None, None])
