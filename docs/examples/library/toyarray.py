"""A small array library: stands for one that einroute has never heard of.

Its arrays are never turned into NumPy's unasked, as those on another device would not be.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Array", "asarray", "solve"]


class Array:
    """A dense array that NumPy cannot read."""

    def __init__(self, values: Any) -> None:
        self._values = np.asarray(values)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._values.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._values.dtype

    @property
    def ndim(self) -> int:
        return self._values.ndim

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a toyarray.Array is not turned into a NumPy array implicitly; call numpy()")

    def numpy(self) -> Any:
        return self._values.copy()

    def astype(self, dtype: Any) -> Array:
        return Array(self._values.astype(dtype))

    def conj(self) -> Array:
        return Array(self._values.conj())

    def transpose(self, axes: Any) -> Array:
        return Array(self._values.transpose(axes))

    def reshape(self, shape: Any) -> Array:
        return Array(self._values.reshape(shape))

    def diagonal(self, first: int, second: int) -> Array:
        """The diagonal of two axes, in the place of the first."""
        return Array(np.moveaxis(self._values.diagonal(0, first, second), -1, min(first, second)))

    def sum(self, axes: Any) -> Array:
        return Array(self._values.sum(axes, dtype=self._values.dtype))

    def __mul__(self, other: Array) -> Array:
        return Array(self._values * other._values)

    def __matmul__(self, other: Array) -> Array:
        return Array(np.matmul(self._values, other._values))


def asarray(x: Any) -> Array:
    """A toy array of what NumPy can read, or the toy array itself."""
    return x if isinstance(x, Array) else Array(x)


def solve(a: Array, b: Array) -> Array:
    """The solution of ``a @ x = b``."""
    return Array(np.linalg.solve(a._values, b._values))
