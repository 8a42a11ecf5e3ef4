"""factorize() of a sparse matrix: its factors, each made when first asked for."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import NDArray

from .factorized import Factorized
from .sparse_operand import canonical

Array = NDArray[Any]


class SparseFactorized(Factorized):
    """A sparse matrix with its factors; see `Factorized`.

    ``rank``, ``s`` and ``cond`` are None where the method does not find them without a dense decomposition.
    """

    __slots__ = ("_least", "_lock", "_matrix", "_sparse_lu")

    _matrix: Any
    _lock: threading.Lock
    _least: Any
    _sparse_lu: Any

    def __init__(self, a: Any) -> None:  # its parts are not those of a dense one
        matrix = canonical(a)
        if not np.isfinite(matrix.data).all():
            raise LinAlgError("a holds nan or infinity; remove or replace such rows first")
        for name, value in (
            ("_matrix", matrix),
            ("_lock", threading.Lock()),
            ("_least", None),
            ("_sparse_lu", None),
        ):
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return SparseFactorized, (self._matrix,)

    def __repr__(self) -> str:
        return f"<SparseFactorized {self.shape} {self.dtype}, {self._matrix.nnz} non-zeros>"

    def _made(self, name: str) -> Any:
        """The factors called `name`, made by the first thread that asks."""
        from . import sparse_direct  # noqa: PLC0415 - it needs scipy.sparse, which dense calls do not

        with self._lock:
            if getattr(self, name) is None:
                way: Any = (
                    sparse_direct.SparseLU if name == "_sparse_lu" else sparse_direct.SparseLeastSquares
                )
                object.__setattr__(self, name, way.factor(self._matrix))
            return getattr(self, name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise TypeError("a sparse Factorized is never written out; keep the matrix itself for that")

    @property
    def shape(self) -> tuple[int, int]:
        m, n = self._matrix.shape
        return m, n

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self._matrix.dtype
        return dtype

    @property
    def nbytes(self) -> int:
        matrix = self._matrix
        made = sum(part.nbytes for part in (self._least, self._sparse_lu) if part is not None)
        return int(matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes + made)

    @property
    def rank(self) -> Any:
        rank = self._zero().rank
        return None if rank is None else int(rank)

    @property
    def s(self) -> Any:
        s = self._zero().s
        return None if s is None else s.copy()

    @property
    def cond(self) -> Any:
        s = self.s
        if s is None:
            return None
        return float(s[0] / s[-1]) if s.size and s[-1] > 0 else float("inf")

    def _zero(self) -> Any:
        """The solution for b = 0, which carries rank and singular values."""
        return self._made("_least").lstsq(np.zeros(self.shape[0]), None)

    def lstsq(self, b: Any, rcond: float | None = None) -> tuple[Any, Any, Any, Any]:
        """`einroute.lstsq` of this matrix."""
        columns = np.asarray(b)
        self._check(columns, columns.ndim in {1, 2})
        solution = self._made("_least").lstsq(columns, rcond)
        return solution.x, solution.residuals, solution.rank, solution.s

    def solve(self, b: Any, *, transposed: bool = False) -> Any:
        """`einroute.linalg.solve` of this matrix."""
        self._square("solve")
        columns = np.asarray(b)
        if columns.ndim not in {1, 2} or len(columns) != self.shape[0]:
            raise ValueError(
                f"a has shape {self.shape} and b has shape {columns.shape}, "
                f"expected (M,) or (M, K) with M = {self.shape[0]}"
            )
        return self._made("_sparse_lu").solve(columns, transposed)

    def inv(self) -> Array:
        """Refused: the inverse of a sparse matrix is dense."""
        raise TypeError("the inverse of a sparse a would be dense; use solve")

    def pinv(self, rcond: float | None = None) -> Array:  # noqa: ARG002 - Factorized's signature
        """Refused: the pseudo-inverse of a sparse matrix is dense."""
        raise TypeError("the pseudo-inverse of a sparse a would be dense; use lstsq")
