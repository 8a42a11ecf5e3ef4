"""Fresh arrays for results: NumPy's, or the core's where they are large."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from . import CORE
from .memory import MEMORY

__all__ = ["BRIEF", "LARGE", "allocator", "cast", "of_freed_memory"]

Array = np.ndarray[Any, Any]

#: Bytes from which arrays are the core's, of memory that was freed before.
LARGE: int = sys.maxsize if CORE is None else CORE.LARGE_BYTES
#: The same for intermediates, which come again at the next call.
BRIEF: int = sys.maxsize if CORE is None else CORE.BRIEF_BYTES


def allocator(nbytes: int, *, last: bool) -> Callable[..., Array]:
    """What makes fresh arrays of so many bytes: `numpy.empty`, or the core's.

    It takes a shape, a dtype and perhaps an order, without their names. What is not the ``last`` step's goes
    within the call.
    """
    if CORE is None or nbytes < (LARGE if last else BRIEF):
        return np.empty
    made: Callable[..., Array] = CORE.empty if last else CORE.intermediate
    return made


def of_freed_memory(nbytes: int) -> bool:
    """Whether an array of so many bytes is spared its page faults, once calls have gone before."""
    return LARGE <= nbytes <= MEMORY.limit


def cast(x: Array, dtype: np.dtype[Any], order: Literal["K", "C"] = "K") -> Array:
    """``x.astype(dtype, order)``."""
    if CORE is None or x.size * dtype.itemsize < LARGE:
        return x.astype(dtype, order)
    axes = list(range(x.ndim))
    if order == "K":
        axes.sort(key=lambda i: -abs(x.strides[i]))
    made: Array = CORE.empty(tuple(x.shape[i] for i in axes), dtype)
    if axes != list(range(x.ndim)):
        made = made.transpose(np.argsort(axes))
    np.copyto(made, x, casting="unsafe")
    return made
