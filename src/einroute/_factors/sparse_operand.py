"""Sparse matrices as operands of solve and lstsq: what to hash, and the form that is factored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from .._linalg_call import SUPPORTED
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
        A fill value other than 0.
    TypeError
        A dtype that LAPACK does not take.
    """
    if type(a).__module__.partition(".")[0] == "sparse":
        if a.ndim != 2:
            raise LinAlgError(f"a has shape {a.shape}, expected two dimensions (M, N); reshape it")
        if not hasattr(a, "to_scipy_sparse"):  # DOK
            a = a.to_coo()
        if a.fill_value != 0:
            raise ValueError(
                f"a has fill value {a.fill_value}, and only 0 can be solved with; "
                "write it out with a.todense()"
            )
        a = a.to_scipy_sparse()
    if len(a.shape) != 2:
        raise LinAlgError(f"a has shape {a.shape}, expected two dimensions (M, N); reshape it")
    if a.dtype.char not in SUPPORTED:
        raise TypeError(f"a has dtype {a.dtype}, which sparse solvers do not take; convert it to float64")
    return a if a.format in _PARTS else a.tocsr()


def canonical(a: Any) -> Any:
    """A csc_array of ``a``'s contents: a copy, indices sorted, duplicates added up, double precision."""
    from scipy.sparse import csc_array  # noqa: PLC0415 - who has such an operand has it loaded

    matrix = as_scipy(a)
    dtype = np.complex128 if matrix.dtype.kind == "c" else np.float64
    own = csc_array(matrix, dtype=dtype, copy=True)
    own.sum_duplicates()
    own.sort_indices()
    return own


def sparse_key(name: str, matrix: Any, reproducible: bool) -> tuple[Any, ...]:
    """What the factor cache finds a matrix by, as `as_scipy` gives it."""
    parts = (fingerprint(np.asarray(getattr(matrix, part))) for part in _PARTS[matrix.format])
    return name, reproducible, matrix.format, matrix.shape, *parts
