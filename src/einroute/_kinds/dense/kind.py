"""The dense kind: NumPy arrays, and what NumPy turns into them.

Only ``np.ndarray`` and subclasses that inherit both ``__array_function__`` and ``__array_ufunc__`` are
dense: a subclass that overrides either (a quantity with units, say) means something else by its numbers.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from ..._base.facts import Operand, c_strides
from ..._base.kinds import Kind
from .form import FORM

_SCALARS = (int, float, complex, bool, list, tuple, np.generic)


def recognises(cls: type) -> bool:
    """Whether NumPy's own functions would treat operands of a class as plain arrays."""
    if issubclass(cls, np.ndarray):
        return (
            cls.__array_function__ is np.ndarray.__array_function__
            and cls.__array_ufunc__ is np.ndarray.__array_ufunc__
        )
    return issubclass(cls, _SCALARS)


def facts(operand: Any) -> Operand:
    """Facts of an array; anything with ``shape`` and ``dtype`` alone is taken to be in C order."""
    shape = tuple(operand.shape)
    dtype = np.dtype(operand.dtype)
    strides = getattr(operand, "strides", None)
    return Operand(shape, dtype, tuple(strides) if strides is not None else c_strides(shape, dtype.itemsize))


def signature(operand: Any) -> Hashable:
    """What a bound plan depends on."""
    return operand.shape, operand.dtype, operand.strides


KIND = Kind("dense", FORM, recognises, facts, signature, adopt=np.asarray)
