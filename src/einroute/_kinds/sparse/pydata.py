"""pydata/sparse arrays: COO, GCXS and DOK of any number of dimensions, fill value 0.

This module is imported when such an operand first appears, and not before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sparse

from ..._base.facts import Operand
from ..._base.kinds import Kind
from ..._entries.entries import Compressed, Entries
from ..._entries.validate import (
    BROKEN,
    Unsound,
    check_lengths,
    check_pointers,
    check_within,
    faulty_part,
    index_array,
    keyed,
)
from ..._native import CORE
from .adopted import as_entries
from .built_pydata import present
from .form import FORM

Array = np.ndarray[Any, Any]

#: Dtypes that numba, which GCXS checks its arrays with, does not know.
_ONLY_COO = frozenset("egG")


def recognises(cls: type) -> bool:
    """Whether operands of a class are pydata/sparse's arrays."""
    return issubclass(cls, sparse.COO | sparse.GCXS | sparse.DOK)


def stored(operand: Any) -> int:
    """Number of entries held; those of a broken operand by its values alone."""
    try:
        return int(operand.nnz)
    except BROKEN:
        return len(operand.data)


def signature(operand: Any) -> tuple[Any, ...]:
    """What a cached plan depends on: class, shape, dtype, the power of two above the entries held.

    And the axis along which a matrix is compressed.
    """
    axis = _axis(operand) if isinstance(operand, sparse.GCXS) else -1
    return type(operand), tuple(operand.shape), operand.dtype, len(operand.data).bit_length(), axis


def _axis(operand: Any) -> int:
    """The axis along which a matrix is compressed; -1 where it is none, or is broken."""
    try:
        axes = operand.compressed_axes
        return int(axes[0]) if operand.ndim == 2 and len(axes) == 1 and axes[0] in (0, 1) else -1
    except BROKEN:
        return -1


def fault(operand: Any) -> str:
    """Which part of a broken operand is missing or of another type; empty if none is."""
    if isinstance(operand, sparse.DOK):
        return faulty_part(operand, ("data",), dict)
    return faulty_part(
        operand, ("data", "indices", "indptr") if isinstance(operand, sparse.GCXS) else ("data", "coords")
    )


def facts(operand: Any) -> Operand:
    """Facts of an operand; its entries are counted by powers of two."""
    _, shape, dtype, bits, axis = signature(operand)
    nnz = 1 << bits
    compared = nnz + shape[axis] if axis >= 0 else nnz * len(shape)
    return Operand(tuple(shape), np.dtype(dtype), (), "entries", nnz=nnz, compressed=axis, compared=compared)


def adopt(operand: Any) -> Entries:
    """The operand as `Entries`, sharing its arrays where its format allows that.

    Raises
    ------
    ValueError
        Its index arrays are not sound, or its fill value is not 0.
    """
    found = None if CORE is None else CORE.sound_parts(operand)
    if found is not None:
        return as_entries(*found)
    if not operand.ndim:  # its one element is an entry or the fill value
        return Entries((), np.asarray(operand.todense()).reshape(1), ())
    if operand.fill_value != 0:
        raise Unsound(
            f"its fill value is {operand.fill_value}, and absent elements are 0 here; subtract it first, or "
            f"write the operand out with todense()"
        )
    shape = tuple(operand.shape)
    if isinstance(operand, sparse.GCXS) and operand.ndim > 1:
        axes = tuple(int(i) for i in operand.compressed_axes)
        if len(set(axes)) != len(axes) or not all(0 <= i < len(shape) for i in axes):
            raise Unsound(f"its compressed axes are {axes}, expected different axes of {len(shape)}")
        rest = tuple(i for i in range(len(shape)) if i not in axes)
        rows = _extent(shape, axes)
        indptr, indices = index_array(operand.indptr, "indptr"), index_array(operand.indices, "indices")
        data = np.asarray(operand.data)
        check_lengths(data, (indices,), "indices")
        if check_pointers(indptr, rows, len(indices)) != len(data):
            raise Unsound(f"its data has length {len(data)}, but its indptr ends at {int(indptr[-1])}")
        check_within(indices, _extent(shape, rest), "indices")
        if indptr.dtype != indices.dtype:
            indptr, indices = indptr.astype(np.int64), indices.astype(np.int64)
        if len(shape) == 2 and len(axes) == 1:
            return Entries(shape, data, None, Compressed(indptr, indices, axes[0]))
        row = np.repeat(np.arange(rows), np.diff(indptr))
        found = dict(zip(axes, np.unravel_index(row, [shape[i] for i in axes]), strict=True))
        found |= dict(zip(rest, np.unravel_index(indices, [shape[i] for i in rest]), strict=True))
        return Entries(shape, data, tuple(found[i] for i in range(len(shape))))
    if isinstance(operand, sparse.DOK):
        return _within(shape, *keyed(operand.data, len(shape), operand.dtype))
    coo = operand if isinstance(operand, sparse.COO) else operand.tocoo()
    if coo.coords.shape != (len(shape), len(coo.data)):
        raise Unsound(f"its coords have shape {coo.coords.shape}, expected {(len(shape), len(coo.data))}")
    coords = tuple(index_array(x, "coords") for x in coo.coords)
    return _within(shape, coords, np.asarray(coo.data))


def _within(shape: tuple[int, ...], coords: tuple[Array, ...], data: Array) -> Entries:
    """Entries by their coordinates, which are checked."""
    check_lengths(data, coords, "coords")
    for x, n in zip(coords, shape, strict=True):
        check_within(x, n, "coords")
    return Entries(shape, data, coords)


def _extent(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    size = 1
    for i in axes:
        size *= shape[i]
    return size


def make(entries: Entries, operands: tuple[Any, ...]) -> Any:
    """A result without zeros: of the class that all pydata operands have, else COO."""
    entries = entries.summed()
    if not entries.data.all():  # pydata's own pruning compares bytes, of which long double has some unused
        kept = present(np.ascontiguousarray(entries.data))
        places = tuple(x.take(kept) for x in entries.coordinates())
        entries = Entries(entries.shape, entries.data.take(kept), places)
    coords = np.empty((entries.ndim, entries.nnz), np.intp)
    for axis, x in enumerate(entries.coordinates()):
        coords[axis] = x
    dtype = entries.dtype
    result = sparse.COO(
        coords,
        entries.data,
        shape=entries.shape,
        has_duplicates=False,
        sorted=True,
        fill_value=dtype.type(0),
    )
    classes = {type(x) for x in operands if recognises(type(x))}
    if len(classes) == 1 and entries.ndim and dtype.char not in _ONLY_COO:
        (only,) = classes
        if issubclass(only, sparse.GCXS):
            return sparse.GCXS.from_coo(result)
        if issubclass(only, sparse.DOK):
            return sparse.DOK.from_coo(result)
    return result


if CORE is not None:
    CORE.know_sparse(sparse.COO, "table")
    CORE.know_sparse(sparse.GCXS, "gcxs")
    CORE.know_sparse(sparse.DOK, "dictionary")

KIND = Kind(
    "pydata_sparse",
    FORM,
    recognises,
    facts,
    signature,
    precedence=2,
    adopt=adopt,
    make=make,
    fault=fault,
    stored=stored,
    solvers="_factors.sparse_solvers",
)
