"""Operands that are no arrays of NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np


class Duck:
    """Answers with what a library that takes part in NEP 18 is told of a call."""

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return function, args, kwargs


class Foreign:
    """Somebody else's array."""

    shape = (3, 3)
    ndim = 2
    dtype = np.dtype(float)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return "theirs"

    def __array_ufunc__(self, ufunc: Any, method: Any, *args: Any, **kwargs: Any) -> Any:
        return "theirs"


class Facts:
    """An operand that is not there: what is asked about alone."""

    def __init__(self, *shape: int, dtype: Any = float) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.ndim = len(shape)
