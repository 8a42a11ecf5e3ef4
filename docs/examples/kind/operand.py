"""The diagonal operand: a square matrix that is zero off its diagonal."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..structured import Array, Structured


class Diagonal(Structured):
    """``numpy.diag(values)``, of which only the diagonal is held."""

    __slots__ = ("values",)

    kind = "diagonal"
    values: Array

    def __init__(self, values: Any) -> None:
        values = np.asarray(values)
        if values.ndim != 1:
            raise ValueError(f"values has shape {values.shape}, expected one dimension")
        self._set(values=values, dtype=values.dtype, shape=(len(values), len(values)))

    def references(self) -> tuple[Array, ...]:
        """The arrays referred to: results may not share memory with them."""
        return (self.values,)

    def signature(self) -> tuple[Any, ...]:
        """What a plan depends on: facts of the arrays, never their elements."""
        return Diagonal, self.values.shape, self.values.dtype, self.values.strides

    def written(self) -> Array:
        """The matrix as an ordinary array, for functions that do not know its structure."""
        return np.diag(self.values)

    def __repr__(self) -> str:
        return f"Diagonal(<{self.dtype} array of shape {self.values.shape}>)"

    def __reduce__(self) -> tuple[Any, ...]:
        return Diagonal, (self.values,)
