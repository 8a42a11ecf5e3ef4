"""Results of pydata/sparse made without the checks of its constructors, which take ten times as long.

Only where nothing can fail, and only if an object that is built normally has the attributes that are expected
here; else by the constructor.  No entry of a result is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import sparse

from ..._native import CORE
from .built import alike
from .libraries import Library

Array = np.ndarray[Any, Any]


def coo(coords: Array, data: Array, shape: tuple[int, ...]) -> Any:
    """A COO of entries in order, each place once."""
    if not data.all():
        kept = present(data)
        coords, data = coords.take(kept, axis=1), data.take(kept)
    if not _is_plain_coo():
        zero = data.dtype.type(0)
        return sparse.COO(coords, data, shape=shape, has_duplicates=False, sorted=True, fill_value=zero)
    made = sparse.COO.__new__(sparse.COO)
    made.__dict__.update(_cache=None, data=data, coords=coords, shape=shape, fill_value=data.dtype.type(0))
    return made


def _gcxs(indptr: Array, indices: Array, data: Array, shape: tuple[int, int], axis: int) -> Any:
    """A GCXS of rows, or columns, in order, each place once."""
    if not data.all():
        kept = present(data)
        indptr = np.searchsorted(kept, indptr)
        indices, data = indices.take(kept), data.take(kept)
    indptr, indices = indptr.astype(np.intp, copy=False), indices.astype(np.intp, copy=False)
    if not _is_plain_gcxs():
        return sparse.GCXS((data, indices, indptr), shape=shape, compressed_axes=(axis,))
    made = sparse.GCXS.__new__(sparse.GCXS)
    made.__dict__.update(
        data=data,
        indices=indices,
        indptr=indptr,
        shape=shape,
        _compressed_axes=(np.intp(axis),),
        fill_value=data.dtype.type(0),
    )
    return made


def present(data: Array) -> Array:
    """Numbers of the values that are not 0; negative zeros stay, as in pydata's own results."""
    zero = data == 0
    if data.dtype.kind in "fc":
        zero &= ~np.signbit(data.view(data.real.dtype).reshape(len(data), -1)).any(axis=1)
    return np.flatnonzero(~zero)


def _number(value: Any) -> Any:
    data = np.asarray(value).reshape(1)
    return coo(np.empty((0, 1), np.intp), data, ())


def _vector(operands: Sequence[Any], places: Array, sums: Array, length: int) -> Any:
    made = coo(places.astype(np.intp, copy=False).reshape(1, -1), sums, (length,))
    return _as(sparse.GCXS if _are(operands, sparse.GCXS) else _class_of(operands), made)


def _are(operands: Sequence[Any], cls: Any) -> bool:
    return all(type(x) is cls for x in operands if not isinstance(x, np.ndarray))


def _class_of(operands: Sequence[Any]) -> Any:
    """The class of results that are made by coordinates."""
    return sparse.DOK if _are(operands, sparse.DOK) else sparse.COO


def _as(cls: Any, made: Any) -> Any:
    return made if cls is sparse.COO else cls.from_coo(made)


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
    shape = (height, width)
    compressed = _are(operands, sparse.GCXS)
    axis = (
        1 if compressed and width < height else 0
    )  # that of fewer lines, as pydata's own conversions choose
    if axis == 1:
        rows, columns, line, height, width = columns, rows, 1 - line if line >= 0 else line, width, height
    made = CORE.canonical_rows(data, indptr, line, rows, columns, height, width)
    if made is None:
        return None
    indptr, indices, values = made
    if compressed:
        return _gcxs(indptr, indices, values, shape, axis)
    coords = np.empty((2, len(values)), np.intp)
    coords[0] = np.repeat(np.arange(height), np.diff(indptr))
    coords[1] = indices
    return _as(_class_of(operands), coo(coords, values, shape))


def _product(
    operands: Sequence[Any], indptr: Array, indices: Array, data: Array, shape: tuple[int, int]
) -> Any:
    return _rows(operands, data, indptr, 0, indices, indices, *shape)


@cache
def _is_plain_coo() -> bool:
    """Whether a small object that is built normally has the attributes that are expected."""
    coords, data = np.zeros((1, 1), np.intp), np.ones(1)
    built = vars(sparse.COO(coords, data, shape=(2,), has_duplicates=False, sorted=True))
    given = {"_cache": None, "data": data, "coords": coords, "shape": (2,), "fill_value": np.float64(0)}
    return built.keys() == given.keys() and all(alike(built[name], x) for name, x in given.items())


@cache
def _is_plain_gcxs() -> bool:
    """Whether a small object that is built normally has the attributes that are expected."""
    coords, data = np.zeros((2, 1), np.intp), np.ones(1)
    built = vars(sparse.GCXS.from_coo(sparse.COO(coords, data, shape=(2, 2))))
    given = {
        "data": data,
        "indices": np.zeros(1, np.intp),
        "indptr": np.array([0, 1, 1]),
        "shape": (2, 2),
        "_compressed_axes": (np.intp(0),),
        "fill_value": np.float64(0),
    }
    return built.keys() == given.keys() and all(alike(built[name], x) for name, x in given.items())


#: Makers of pydata/sparse's results.
LIBRARY = Library(_number, _vector, _rows, _product)
