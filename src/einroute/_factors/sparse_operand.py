"""Sparse matrices as operands of solve and lstsq: what to hash, and the form that is factored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from .._base.linalg import SUPPORTED
from .._entries.validate import BROKEN, Unsound, unusable
from .._kinds.registry import kind_of
from .fingerprint import fingerprint

#: Where each of scipy.sparse's formats keeps its contents.
_PARTS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}


def as_scipy(a: Any) -> Any:
    """``a`` in one of scipy.sparse's formats with arrays to hash; its own arrays where it has them.

    Raises
    ------
    numpy.linalg.LinAlgError
        Not 2-D.
    ValueError
        A fill value other than 0, parts that are missing or no arrays.
    TypeError
        A dtype that LAPACK does not take.
    """
    kind: Any = kind_of(a)
    try:
        kind.signature(a)
        wrong = kind.fault(a)
    except BROKEN as error:
        raise unusable("a", a, kind, error) from error
    if wrong:
        raise unusable("a", a, kind, Unsound(wrong))
    if type(a).__module__.partition(".")[0] == "sparse":
        if a.ndim != 2:
            raise LinAlgError(f"a has shape {a.shape}, expected two dimensions (M, N); reshape it")
        if a.fill_value != 0:
            raise ValueError(
                f"a has fill value {a.fill_value}, and only 0 can be solved with; "
                "write it out with a.todense()"
            )
        _check_dtype(a)
        check_indices(a)
        if not hasattr(a, "to_scipy_sparse"):  # DOK
            a = a.to_coo()
        a = (a if a.dtype.isnative else a.astype(a.dtype.newbyteorder("="))).to_scipy_sparse()
    if len(a.shape) != 2:
        raise LinAlgError(f"a has shape {a.shape}, expected two dimensions (M, N); reshape it")
    _check_dtype(a)
    if not a.dtype.isnative:
        check_indices(a)
        a = a.astype(a.dtype.newbyteorder("="))
    if a.format not in _PARTS:
        check_indices(a)
        a = a.tocsr()
    return a


def _check_dtype(a: Any) -> None:
    if a.dtype.char not in SUPPORTED:
        raise TypeError(f"a has dtype {a.dtype}, which sparse solvers do not take; convert it to float64")


def check_indices(a: Any) -> None:
    """Raise ValueError unless the index arrays are sound: SciPy's conversions would read outside of them."""
    kind: Any = kind_of(a)
    try:
        kind.adopt(a)
    except BROKEN as error:
        raise unusable("a", a, kind, error) from error


def canonical(a: Any) -> Any:
    """A csc_array of ``a``'s contents: a copy, indices sorted, duplicates added up, in double precision.

    Raises
    ------
    ValueError
        Index arrays that are out of range or do not fit each other; and as `as_scipy`.
    """
    from scipy.sparse import csc_array  # noqa: PLC0415 - who has such an operand has it loaded

    matrix = as_scipy(a)
    check_indices(matrix)
    dtype = np.complex128 if matrix.dtype.kind == "c" else np.float64
    own = csc_array(matrix, copy=True)
    if own.dtype.kind == "f":
        own = own.astype(dtype, copy=False)
    own.sum_duplicates()  # of bools and integers in their own dtype, where they are or, and wrap
    own.sort_indices()
    return own.astype(dtype, copy=False)


def sparse_key(name: str, matrix: Any, reproducible: bool) -> tuple[Any, ...]:
    """What the factor cache finds a matrix by, as `as_scipy` gives it."""
    parts = (fingerprint(np.asarray(getattr(matrix, part))) for part in _PARTS[matrix.format])
    return name, reproducible, matrix.format, matrix.shape, *parts
