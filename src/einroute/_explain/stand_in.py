"""Objects that stand for operands by their shape and dtype alone."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .._base.errors import shown
from .._base.facts import c_strides
from .._factors.factorized import Factorized
from .._kinds.registry import kind_of, other_kind
from .._kinds.structured import Structured

__all__ = ["as_array", "stand_in"]

#: What is an operand by itself, whatever attributes it has.
_OPERANDS = (np.ndarray, np.generic, str, int, float, complex, list, tuple, Structured, Factorized)


def stand_in(x: Any) -> Any:
    """An array of the same shape and dtype that takes no memory, for what is not an operand already.

    Raises
    ------
    TypeError
        A shape that is no tuple of sizes, or a dtype that NumPy does not know.
    ValueError
        A negative size, or a shape that no array can have.
    """
    if isinstance(x, _OPERANDS) or x is Ellipsis:
        return x
    kind = other_kind(x)
    if kind is not None:
        return kind.stand_in(x)
    shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    if shape is None or dtype is None or (hasattr(x, "__array_function__") and kind_of(x) is None):
        return x
    name = type(x).__name__
    try:
        sizes = tuple(operator.index(n) for n in shape)
    except TypeError:
        raise TypeError(f"an operand of type {name} has shape {shown(shape)}, expected sizes") from None
    try:
        known: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        raise TypeError(
            f"an operand of type {name} has dtype {shown(dtype)}, expected one of NumPy's"
        ) from None
    try:
        one = np.empty(1, known)
        strides = c_strides(sizes, known.itemsize)
        return np.lib.stride_tricks.as_strided(one, sizes, strides, writeable=False)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"an operand of type {name} has shape {shown(shape)}: {error}") from None


def as_array(x: Any) -> Any:
    """An array for its facts: of lists and scalars themselves, of all else a stand-in."""
    if isinstance(x, Structured):
        return np.lib.stride_tricks.as_strided(np.empty(1, x.dtype), x.shape, (0,) * x.ndim)
    x = stand_in(x)
    return x if isinstance(x, np.ndarray) else np.asarray(x)
