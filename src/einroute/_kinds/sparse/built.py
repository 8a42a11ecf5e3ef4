"""Results of scipy.sparse made without the checks of its constructors, which take ten times as long.

Only where nothing can fail, and only if an object that is built normally has the attributes that are expected
here; else by the constructor.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from scipy import sparse

from ..._native import CORE
from .libraries import Library

Array = np.ndarray[Any, Any]

#: Rows from which a matrix is made without pointers to them.
MANY_ROWS = 2**31
#: Extents that 32-bit indices reach: those are what the constructors choose then.
_INT32 = 2**31 - 1


def compressed(cls: Any, indptr: Array, indices: Array, data: Array, shape: tuple[int, ...]) -> Any:
    """A csr matrix or array of these very arrays, whose rows are sound."""
    known = _attributes(cls, 2)
    if known is None or not (indices.dtype == indptr.dtype == np.int32 and max(shape) <= _INT32):
        return cls((data, indices, indptr), shape=shape)
    made = cls.__new__(cls)
    made.__dict__.update(
        _shape=shape, maxprint=known["maxprint"], indices=_own(indices), indptr=indptr, data=_own(data)
    )
    return made


def coordinates(cls: Any, coords: tuple[Array, ...], data: Array, shape: tuple[int, ...]) -> Any:
    """A coo matrix or array of these entries, whose coordinates are sound."""
    known = _attributes(cls, len(shape))
    if known is None or max(shape) > _INT32:
        return cls((data, coords), shape=shape)
    made = cls.__new__(cls)
    made.__dict__.update(
        _shape=shape,
        maxprint=known["maxprint"],
        coords=tuple(x.astype(np.int32, copy=False) for x in coords),
        data=data,
        has_canonical_format=False,
    )
    return made


def _own(part: Array) -> Array:
    """The same, copied where it keeps a much larger array alive, as SciPy does."""
    base = part.base
    return part.copy() if isinstance(base, np.ndarray) and part.size < base.size // 2 else part


@cache
def _attributes(cls: Any, ndim: int) -> dict[str, Any] | None:
    """The attributes of a small object that is built normally; None if they are not as expected."""
    first, data = np.zeros(1, np.int32), np.ones(1)
    if issubclass(cls, sparse.csr_array | sparse.csr_matrix):
        indptr = np.array([0, 1, 1], np.int32)
        given: dict[str, Any] = {"_shape": (2, 2), "indices": first, "indptr": indptr, "data": data}
        built = vars(cls((data, first, indptr), shape=(2, 2)))
    else:
        coords = (first,) * ndim
        given = {"_shape": (2,) * ndim, "coords": coords, "data": data, "has_canonical_format": False}
        built = vars(cls((data, coords), shape=(2,) * ndim))
    if built.keys() != {*given, "maxprint"}:
        return None
    return built if all(alike(built[name], value) for name, value in given.items()) else None


def alike(built: Any, given: Any) -> bool:
    """Whether an attribute is of the type, and an array of the dtype, that is expected."""
    if isinstance(given, tuple) and type(built) is tuple and len(built) == len(given):
        return all(alike(x, y) for x, y in zip(built, given, strict=True))
    if isinstance(given, np.ndarray):
        return type(built) is np.ndarray and built.dtype == given.dtype and np.array_equal(built, given)
    return type(built) is type(given) and bool(built == given)


def class_of(operands: Sequence[Any]) -> Any:
    """The class of a result in two dimensions."""
    for x in operands:  # a generator takes half a microsecond longer
        if isinstance(x, sparse.sparray):
            return sparse.csr_array
    return sparse.csr_matrix


def _vector(operands: Sequence[Any], places: Array, sums: Array, length: int) -> Any:
    return coordinates(sparse.coo_array, (places,), sums, (length,))


def _rows(
    operands: Sequence[Any],
    data: Array,
    indptr: Array | None,
    line: int,
    rows: Array,
    columns: Array,
    height: int,
    width: int,
) -> Any:
    made = CORE.canonical_rows(data, indptr, line, rows, columns, height, width)
    if made is None:
        return None
    indptr, indices, values = made
    return compressed(class_of(operands), indptr, indices, values, (height, width))


def _product(
    operands: Sequence[Any], indptr: Array, indices: Array, data: Array, shape: tuple[int, int]
) -> Any:
    return compressed(class_of(operands), indptr, indices, data, shape)


#: Makers of scipy.sparse's results.
LIBRARY = Library(lambda value: value, _vector, _rows, _product)
