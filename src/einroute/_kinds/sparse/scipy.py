"""scipy.sparse arrays and matrices of every format.

This module is imported when such an operand first appears, and not before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ..._base.facts import Operand
from ..._base.kinds import Kind
from ..._entries.entries import Compressed, Entries
from ..._entries.validate import (
    BROKEN,
    Unsound,
    check_lengths,
    check_lists,
    check_pointers,
    check_within,
    faulty_part,
    index_array,
    keyed,
)
from ..._native import CORE
from .adopted import as_entries
from .built import MANY_ROWS, compressed, coordinates
from .form import FORM

Array = np.ndarray[Any, Any]

_COMPRESSED = ("csr", "csc")
#: The axis along which each format is compressed, or is brought to be.
_AXES = {"csr": 0, "csc": 1, "bsr": 0, "dia": 0, "lil": 0}
#: What comparing an entry's indices takes, or making them, in indices; of others one for each axis.
_COMPARED = {"csr": 1, "csc": 1, "bsr": 8, "dia": 8, "lil": 16, "dok": 120}
#: And a row.
_COMPARED_ROW = {"lil": 20}
#: The arrays of each format.
_PARTS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "dia": ("data", "offsets"),
    "lil": ("data", "rows"),
}


def recognises(cls: type) -> bool:
    """Whether operands of a class are scipy.sparse arrays or matrices."""
    return issubclass(cls, sparse.sparray | sparse.spmatrix)


def signature(operand: Any) -> tuple[Any, ...]:
    """What a cached plan depends on: class, shape, dtype, and the power of two above the entries held."""
    form = operand.format
    count = operand.nnz if form in {"lil", "dok"} else operand.data.size
    return type(operand), operand.shape, operand.dtype, count.bit_length()


def fault(operand: Any) -> str:
    """Which part of a broken operand is missing or of another type; empty if none is."""
    form = operand.format
    if form == "dok":
        return faulty_part(operand, ("_dict",), dict)
    if form == "coo":
        return faulty_part(operand, ("coords",), tuple) or faulty_part(operand, ("data",))
    return faulty_part(operand, _PARTS[form])


def stored(operand: Any) -> int:
    """Number of entries held; those of a broken operand by its values alone."""
    try:
        return int(operand.nnz)
    except BROKEN:
        return int(np.size(operand.data))


def facts(operand: Any) -> Operand:
    """Facts of an operand; its entries are counted by powers of two."""
    _, shape, dtype, bits = signature(operand)
    form, nnz = operand.format, 1 << bits
    axis = _AXES.get(form, -1)
    compared = nnz * _COMPARED.get(form, len(shape)) + (
        shape[axis] * _COMPARED_ROW.get(form, 1) if axis >= 0 else 0
    )
    return Operand(
        tuple(shape),
        np.dtype(dtype),
        (),
        "entries",
        nnz=nnz,
        compressed=axis,
        compared=compared,
        diagonals=form == "dia",
    )


def adopt(operand: Any) -> Entries:
    """The operand as `Entries`, sharing its arrays where its format allows that.

    Raises
    ------
    ValueError
        Its index arrays are not sound.
    """
    found = None if CORE is None else CORE.sound_parts(operand)
    if found is not None:
        return as_entries(*found)
    form, shape = operand.format, tuple(operand.shape)
    if form in _COMPRESSED:
        axis = 1 if form == "csc" else 0
        indptr, indices = index_array(operand.indptr, "indptr"), index_array(operand.indices, "indices")
        if len(shape) == 1:
            rows, length = 1, shape[0]
        else:
            rows, length = shape[axis], shape[1 - axis]
        end = check_pointers(indptr, rows, len(indices))
        data = np.asarray(operand.data)
        if data.ndim != 1 or len(data) < end:
            raise Unsound(f"its data has shape {data.shape}, expected ({end},)")
        if end != len(indices):
            indices = indices[:end]
        if end != len(data):
            data = data[:end]
        check_within(indices, length, "indices")
        if len(shape) == 1:
            return Entries(shape, data, (indices,))
        if indptr.dtype != indices.dtype:
            indptr, indices = indptr.astype(np.int64), indices.astype(np.int64)
        return Entries(shape, data, None, Compressed(indptr, indices, axis))
    if form == "lil":
        check_lists(operand.rows, operand.data, shape[0])
    elif form == "dok":
        coords, data = keyed(operand._dict, len(shape), operand.dtype)
        return _within(shape, coords, data)
    if form == "bsr":
        coo = _blocks(operand, shape).tocoo(copy=False)
    elif form == "dia":
        coo = _diagonals(operand, shape).tocoo(copy=False)
    else:
        coo = operand if form == "coo" else operand.tocoo(copy=False)
    coords = tuple(index_array(x, "coordinates") for x in coo.coords)
    if len(coords) != len(shape):
        raise Unsound(f"it has {len(coords)} arrays of coordinates, expected {len(shape)}")
    return _within(shape, coords, np.asarray(coo.data))


def _within(shape: tuple[int, ...], coords: tuple[Array, ...], data: Array) -> Entries:
    """Entries by their coordinates, which are checked."""
    check_lengths(data, coords, "coordinates")
    for x, n in zip(coords, shape, strict=True):
        check_within(x, n, "coordinates")
    return Entries(shape, data, coords)


def _blocks(operand: Any, shape: tuple[int, int]) -> Any:
    """Blocks for SciPy's conversion: its parts are read once; indices are nobody else's, and checked."""
    data, indices = operand.data, index_array(operand.indices, "indices").copy()
    indptr = index_array(operand.indptr, "indptr").copy()
    if data.ndim != 3 or 0 in data.shape[1:]:
        raise Unsound(f"its data has shape {data.shape}, expected (blocks, rows, columns)")
    (n, m), (r, c) = shape, data.shape[1:]
    if n % r or m % c:
        raise Unsound(f"its blocks of {r} by {c} do not fill the shape")
    end = check_pointers(indptr, n // r, len(indices))
    if end > len(data):
        raise Unsound(f"its indptr ends at {end}, but there are {len(data)} blocks")
    indices, data = indices[:end], data[:end]
    check_within(indices, m // c, "indices")
    return sparse.bsr_array((_native(data), indices, indptr), shape=shape)


def _diagonals(operand: Any, shape: tuple[int, int]) -> Any:
    """The same of diagonals.

    The conversion reads one row of the data for each offset, as 32-bit integers.
    """
    data, offsets = operand.data, index_array(operand.offsets, "offsets").copy()
    if data.ndim != 2 or len(data) != len(offsets):
        raise Unsound(f"its data has shape {data.shape}, expected {len(offsets)} rows, one for each offset")
    if len(offsets) and not -(2**31) < offsets.min() <= offsets.max() < 2**31:
        raise Unsound("its offsets are far out of range")
    if len(np.unique(offsets)) != len(offsets):
        raise Unsound("its offsets name a diagonal twice")
    return sparse.dia_array((_native(data), offsets), shape=shape)


def _native(data: Array) -> Array:
    """Values in the processor's byte order, the only one that conversions of blocks and diagonals know."""
    return data if data.dtype.isnative else data.astype(data.dtype.newbyteorder("="))


def accepts(dtype: np.dtype[Any]) -> str:
    """Why no sparse array of this library can have a dtype; empty where it can."""
    if dtype.char != "e":
        return ""
    return f"the result is a scipy.sparse array, which cannot be of dtype {dtype}; pass dtype='float32'"


def make(entries: Entries, operands: tuple[Any, ...]) -> Any:
    """A result: ``*_array`` if any operand is one, csr in 2-D and coo otherwise.

    No place has two entries; a product of two matrices is not sorted within its rows, as SciPy's are not.  A
    matrix of `MANY_ROWS` and more is coo, too: where each row starts would take 16 GiB.
    """
    if entries.ndim != 2 or entries.shape[0] >= MANY_ROWS:
        entries = entries.summed()
        if not entries.ndim:
            return entries.data[0] if entries.nnz else entries.dtype.type(0)
        arrays = entries.ndim != 2 or any(isinstance(x, sparse.sparray) for x in operands)
        many = sparse.coo_array if arrays else sparse.coo_matrix
        assert entries.coords is not None
        return coordinates(many, entries.coords, entries.data, entries.shape)
    new = sparse.csr_array if any(isinstance(x, sparse.sparray) for x in operands) else sparse.csr_matrix
    made = _canonical(entries)
    if made is not None:
        return compressed(new, *made, entries.shape)
    indptr, indices, data = entries.csr((0,), (1,))
    c = entries.compressed
    if not entries.fresh:
        if c is not None and indices is c.indices:
            indices, indptr = indices.copy(), indptr.copy()
        if data is entries.data and not entries.own_data:
            data = data.copy()
    matrix = compressed(new, indptr, indices, data, entries.shape)
    if not entries.fresh:
        matrix.sum_duplicates()
    return matrix


def _canonical(entries: Entries) -> tuple[Array, Array, Array] | None:
    """Pointers, indices and values of sorted rows, each place once, by the core; None where not due."""
    if CORE is None or entries.fresh:
        return None
    c, data = entries.compressed, entries.data
    if c is not None:
        parts: Any = c.indptr, c.axis, c.indices, c.indices
    else:
        assert entries.coords is not None
        rows, columns = entries.coords
        if rows.dtype != columns.dtype:
            rows, columns = rows.astype(np.int64), columns.astype(np.int64)
        parts = None, -1, rows, columns
    found: tuple[Array, Array, Array] | None = CORE.canonical_rows(data, *parts, *entries.shape)
    return found


#: What the core is told of each class: how its entries are kept.
_CORES = {
    sparse.csr_array: "rows",
    sparse.csr_matrix: "rows",
    sparse.csc_array: "columns",
    sparse.csc_matrix: "columns",
    sparse.coo_array: "entries",
    sparse.coo_matrix: "entries",
    sparse.bsr_array: "blocks",
    sparse.bsr_matrix: "blocks",
    sparse.dia_array: "diagonals",
    sparse.dia_matrix: "diagonals",
    sparse.lil_array: "lists",
    sparse.lil_matrix: "lists",
    sparse.dok_array: "keys",
    sparse.dok_matrix: "keys",
}
if CORE is not None:
    for _cls, _kept in _CORES.items():
        CORE.know_sparse(_cls, _kept)

KIND = Kind(
    "scipy_sparse",
    FORM,
    recognises,
    facts,
    signature,
    precedence=1,
    adopt=adopt,
    make=make,
    accepts=accepts,
    fault=fault,
    stored=stored,
    dispatched=False,
    solvers="_factors.sparse_solvers",
)
