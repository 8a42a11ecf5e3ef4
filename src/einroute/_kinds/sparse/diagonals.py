"""Pairs of matrices that scipy.sparse keeps as diagonals: products of diagonals are diagonals.

One pass for each pair of diagonals, where rows of the entries would take as long as several.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from ..._native import CORE

Array = np.ndarray[Any, Any]
Rows = tuple[Array, Array, Array]

CLASSES = frozenset({sparse.dia_array, sparse.dia_matrix})
#: Rows and columns from which a pass is longer than the calls around it.
_LONG = 512
#: Columns for each row up to which diagonals of a product take little more room than its entries; pairs of
#: diagonals up to which they are gone through.
_WIDE, _PAIRS = 4, 1 << 10
#: Offsets that SciPy's loops number.
_FAR = 2**31


class _Diagonal(NamedTuple):
    """Elements ``values[i - first]`` at row ``i``, in column ``i + offset``."""

    offset: int
    first: int
    values: Array


def _diagonals(a: Any, dtype: Any, turned: bool) -> list[_Diagonal] | None:
    """Those of a matrix, or of its transposed; None where its parts are not as expected."""
    data, offsets = getattr(a, "data", None), getattr(a, "offsets", None)
    height, width = a._shape
    if type(data) is not np.ndarray or type(offsets) is not np.ndarray or data.dtype != dtype:
        return None
    found = offsets.tolist()
    if offsets.ndim != 1 or offsets.dtype.kind != "i" or data.ndim != 2 or len(data) != len(found):
        return None
    if len(set(found)) != len(found) or any(abs(x) >= _FAR for x in found):
        return None
    width, made = min(width, data.shape[1]), []
    for offset, row in zip(found, data, strict=True):
        first, last = max(0, -offset), min(height, width - offset)
        if first < last:
            values = row[first + offset : last + offset]
            made.append(
                _Diagonal(-offset, first + offset, values) if turned else _Diagonal(offset, first, values)
            )
    return made


def _stretch(a: _Diagonal, b: _Diagonal, down: int) -> tuple[int, Array, Array]:
    """The first row that two diagonals share, the second one's so many down, and both from there on."""
    start = b.first - down
    low = max(a.first, start)
    high = max(low, min(a.first + len(a.values), start + len(b.values)))
    return low, a.values[low - a.first : high - a.first], b.values[low - start : high - start]


def product(
    a: Any, b: Any, turned: tuple[bool, bool], shape: tuple[int, int, int], dtype: Any
) -> Rows | None:
    """Rows of the product of two matrices, or of their transposed ones; None where it is not worth it."""
    height, _, width = shape
    if min(shape) < _LONG or width > _WIDE * height:
        return None
    left, right = _diagonals(a, dtype, turned[0]), _diagonals(b, dtype, turned[1])
    if left is None or right is None or len(left) * len(right) > _PAIRS:
        return None
    offsets = sorted({x.offset + y.offset for x in left for y in right})
    number = {offset: i for i, offset in enumerate(offsets)}
    sums = np.zeros((len(offsets), width), dtype)
    multiply, add = (np.logical_and, np.logical_or) if dtype.kind == "b" else (np.multiply, np.add)
    for x in left:
        for y in right:
            low, some, others = _stretch(x, y, x.offset)
            offset = x.offset + y.offset
            if len(some):
                to = sums[number[offset], low + offset : low + offset + len(some)]
                add(to, multiply(some, others), out=to)
    return _rows(sums, offsets, height, width)


def elements(a: Any, b: Any, turned: tuple[bool, bool], shape: tuple[int, int], dtype: Any) -> Rows | None:
    """Rows of the product element by element; None as `product`."""
    height, width = shape
    if min(shape) < _LONG or width > _WIDE * height:
        return None
    left, right = _diagonals(a, dtype, turned[0]), _diagonals(b, dtype, turned[1])
    if left is None or right is None:
        return None
    beside = {x.offset: x for x in right}
    left = [x for x in left if x.offset in beside]
    made = np.zeros((len(left), width), dtype)
    multiply: Callable[..., Any] = np.logical_and if dtype.kind == "b" else np.multiply
    for to, x in zip(made, left, strict=True):
        low, some, others = _stretch(x, beside[x.offset], 0)
        multiply(some, others, out=to[low + x.offset : low + x.offset + len(some)])
    return _rows(made, [x.offset for x in left], height, width)


def _rows(data: Array, offsets: list[int], height: int, width: int) -> Rows | None:
    if data.dtype.kind in "fc" and not CORE.finite(data.reshape(-1)):
        return None  # what is not finite may have met an absent entry
    made: Rows | None = CORE.rows_of_diagonals(data, np.array(offsets, np.int64), height, width)
    return made
