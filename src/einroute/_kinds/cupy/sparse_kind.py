"""cupyx.scipy.sparse matrices as a kind; and as which sparse operands of NumPy's arrays join CuPy's."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from cupyx.scipy import sparse

from ..._base.densify import densified
from ..._base.facts import DType, Operand
from ..._base.kinds import Kind
from .cells import Cells, cells_of, written
from .dense import LIBRARY, beside
from .gather import NAME
from .kind import KIND as DENSE_KIND
from .sparse_form import FORM
from .sparse_matmul import MATRIX

__all__ = ["KIND", "joining"]

_CODES = "?fdFD"


def _device(x: Any) -> Hashable:
    return LIBRARY.device_of(x.data)


def _stored(x: Any) -> int:
    return int(x.data.size)


def _facts(x: Any) -> Operand:
    structure = MATRIX if x.format in {"csr", "csc", "coo"} and len(x.shape) == 2 else None
    dtype = LIBRARY.dtypes.of(x)
    return Operand(tuple(x.shape), dtype, (), NAME, _stored(x), structure=structure, device=_device(x))


def _signature(x: Any) -> Hashable:
    return type(x), tuple(x.shape), x.dtype, _device(x), _stored(x).bit_length()


def _accepts(dtype: DType) -> str:
    if dtype.char in _CODES:
        return ""
    return (
        f"the result would be a cupyx.scipy.sparse matrix of dtype {dtype}, which CuPy does not have; give "
        f"dtype= as float64 or complex128 say, or write one of the operands out, with toarray()"
    )


def _fault(x: Any) -> str:
    return "" if hasattr(getattr(x, "data", None), "device") else "its data are no cupy.ndarray"


def as_sparse(value: Any, operands: tuple[Any, ...]) -> Any:
    """Entries as what users get: a CSR or CSC matrix where each sparse operand is one, else COO.

    CuPy has sparse matrices of two dimensions: results of others are dense.

    Raises
    ------
    ValueError
        Such a dense result would be large.
    """
    with beside(value):
        if len(value.shape) != 2:
            return _dense(value)
        own = [x for x in operands if _is_matrix(type(x))]
        formats = {x.format for x in own}
        wanted = next(iter(formats)) if formats in ({"csr"}, {"csc"}) else "coo"
        if isinstance(value, Cells):
            value = _coo(value, own)
        elif any(value is x for x in own):
            value = value.copy()
        return value if value.format == wanted else value.asformat(wanted)


def _is_matrix(cls: type) -> bool:
    return hasattr(cls, "tocoo") and cls.__module__.partition(".")[0] == "cupyx"


def _coo(cells: Cells, own: list[Any]) -> Any:
    """A COO matrix, or array where an operand is one, of versions of CuPy that have them."""
    arrays = any(type(x).__name__.endswith("_array") for x in own)
    cls = sparse.coo_array if arrays else sparse.coo_matrix
    rows, columns = (cells.masked(c) for c in cells.coords)
    assert cells.values is not None
    return cls((cells.masked(cells.values), (rows, columns)), shape=cells.shape)


def _dense(value: Any) -> Any:
    cells = cells_of(value)
    takes = prod(cells.shape) * cells.values.dtype.itemsize
    if densified(takes, cells.count * (cells.values.dtype.itemsize + 8 * len(cells.shape))):
        raise ValueError(
            f"the result has {len(cells.shape)} dimensions, of which CuPy has no sparse arrays, and takes "
            f"{takes} bytes as a dense one; sum some of them, or write the operands out if that is wanted"
        )
    return written(cells)


def joining(kind: Kind, device: Any) -> Kind:
    """The kind as which sparse operands of NumPy's arrays take part: by their entries, on the device."""

    def facts(x: Any) -> Operand:
        own = kind.facts(x)
        return Operand(own.shape, own.dtype, (), NAME, own.nnz, device=device)

    def adopt(x: Any) -> Cells:
        entries = kind.adopt(x)
        if entries.dtype.kind in "biu":
            entries = entries.distinct()  # of one place they are "or", or wrap, before they are cast
        at = tuple(LIBRARY.from_numpy(np.asarray(c), device) for c in entries.coordinates())
        values = LIBRARY.from_numpy(np.asarray(entries.data), device)
        return Cells(tuple(entries.shape), values, at, entries.nnz, device)

    return replace(kind, form=FORM, facts=facts, adopt=adopt, make=as_sparse, accepts=_accepts)


KIND = Kind(
    NAME,
    FORM,
    _is_matrix,
    _facts,
    _signature,
    precedence=8,
    make=as_sparse,
    accepts=_accepts,
    fault=_fault,
    stored=_stored,
    dispatched=False,
    library=LIBRARY.name,
    device=_device,
    joined=DENSE_KIND.joined,
    solvers=DENSE_KIND.solvers,
    structures=DENSE_KIND.structures,
    refined=(DENSE_KIND,),  # whose form results are in, before a dense operand was met
)
