"""Sums of values by place on a device, in the dtypes that CUDA adds atomically."""

from __future__ import annotations

from typing import Any

import cupy
import numpy as np

from ..._base.facts import DType

__all__ = ["Sums"]


class Sums:
    """Sums of entries, or of blocks of values, by place; CuPy adds where they are, in any order.

    CUDA adds atomically in a few dtypes: halves are added in single precision, as its products are, integers
    as those of the same or more bits, which wrap alike, and complex numbers as pairs; bools are counted.

    Parameters
    ----------
    count : int
        Of places.
    tail : tuple of int
        The shape of a block.
    dtype : dtype
    """

    def __init__(self, count: int, tail: tuple[int, ...], dtype: DType) -> None:
        self.dtype, self._added = dtype, _added_in(dtype)
        self._shape = (count, *tail)
        pairs = (2,) if dtype.kind == "c" else ()
        self._sums = cupy.zeros((*self._shape, *pairs), self._added)

    def add(self, places: Any, values: Any) -> None:
        """Add values at their places; where there is none, all values are padding."""
        if not self._shape[0]:
            return
        if self.dtype.kind == "c":
            parts = cupy.ascontiguousarray(values).view(self._added)
            cupy.add.at(self._sums, places, parts.reshape(*values.shape, 2))
        else:
            cupy.add.at(self._sums, places, values.astype(self._added, copy=False))

    def result(self) -> Any:
        """The sums in their dtype."""
        if self.dtype.kind == "c":
            return self._sums.view(self.dtype).reshape(self._shape)
        return self._sums != 0 if self.dtype.kind == "b" else self._sums.astype(self.dtype, copy=False)


def _added_in(dtype: DType) -> DType:
    """The dtype in which sums are formed."""
    if dtype.kind == "c":
        return np.dtype(f"f{dtype.itemsize // 2}")
    if dtype.kind == "f":
        return np.dtype(np.float32) if dtype.itemsize == 2 else dtype
    return np.dtype(np.uint64 if dtype.itemsize == 8 or dtype.kind == "b" else np.uint32)
