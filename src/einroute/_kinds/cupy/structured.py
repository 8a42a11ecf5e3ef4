"""`einroute.rolled`, `one_hot` and `pairwise_difference` of CuPy's arrays."""

from __future__ import annotations

from typing import Any

import cupy
import numpy as np

from ..array_library.making import Making
from .dense import LIBRARY
from .operands import Difference, OneHot, Rolled

__all__ = ["one_hot", "pairwise_difference", "rolled"]


def _is_own(x: Any) -> bool:
    return isinstance(x, cupy.ndarray)


def _check(x: Any, name: str) -> None:
    if not _is_own(x):
        raise TypeError(
            f"{name} is of type {type(x).__name__}, expected a cupy.ndarray; write it out, with toarray()"
        )
    LIBRARY.dtypes.of(x)


_MAKING = Making(LIBRARY, OneHot, Rolled, Difference, _check, _is_own, lambda: np.dtype(float))
rolled, one_hot, pairwise_difference = _MAKING.rolled, _MAKING.one_hot, _MAKING.pairwise_difference
