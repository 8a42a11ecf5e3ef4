"""The dense kind: NumPy arrays, and what NumPy turns into them.

Only ``np.ndarray`` and subclasses that inherit both ``__array_function__`` and ``__array_ufunc__`` are
dense: a subclass that overrides either (a quantity with units, say) means something else by its numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._problem import Operand, c_strides
from ..._route import Route
from . import (
    counting,
    elementwise,
    empty,
    half,
    integer_loops,
    integers,
    matmul,
    numpy_einsum,
    quadratic,
    reduction,
    transpose,
    windows,
)

NAME = "dense"

ROUTES: tuple[Route, ...] = (
    empty.ROUTE,
    matmul.ROUTE,
    integers.ROUTE,
    integers.SPLIT_ROUTE,
    integers.BOOL_ROUTE,
    integer_loops.ROUTE,
    windows.ROUTE,
    windows.INTEGER_ROUTE,
    half.ROUTE,
    elementwise.ROUTE,
    counting.ROUTE,
    reduction.ROUTE,
    reduction.DOT_ROUTE,
    reduction.ONES_ROUTE,
    quadratic.ROUTE,
    transpose.ROUTE,
    numpy_einsum.ROUTE,
)

_SCALARS = (int, float, complex, bool, list, tuple, np.generic)


def recognises(operand: object) -> bool:
    """Whether NumPy's own functions would treat ``operand`` as a plain array."""
    if isinstance(operand, np.ndarray):
        cls = type(operand)
        return (
            cls.__array_function__ is np.ndarray.__array_function__
            and cls.__array_ufunc__ is np.ndarray.__array_ufunc__
        )
    return isinstance(operand, _SCALARS)


def facts(operand: Any) -> Operand:
    """Facts of an array; anything with ``shape`` and ``dtype`` alone is taken to be in C order."""
    shape = tuple(operand.shape)
    dtype = np.dtype(operand.dtype)
    strides = getattr(operand, "strides", None)
    return Operand(shape, dtype, tuple(strides) if strides is not None else c_strides(shape, dtype.itemsize))
