"""Square sparse systems by SuperLU's factors.

SuperLU is left-looking supernodal LU with partial pivoting (J. Demmel, S. Eisenstat, J. Gilbert, X. Li and
J. Liu, SIAM J. Matrix Anal. Appl. 20, 1999), reached through ``scipy.sparse.linalg.splu``.  Columns are
ordered by COLAMD; a matrix that needs no pivoting is ordered by minimum degree of ``a + a^T`` and keeps its
diagonal pivots, which halves the fill and the time of a solve (measured on Laplacians and on upwind
convection).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import SuperLU

Array = NDArray[Any]

_INDEX = 4  # bytes of one of SuperLU's row indices
#: Relative residual of a trial solve above which diagonal pivots are given up for partial pivoting.
_TRUSTED = 1e-12


@dataclass(frozen=True, eq=False, slots=True)
class SparseLU:
    """The LU factors of one sparse matrix (n, n).

    ``factors`` is None where ``a`` holds nan or inf: every answer is nan then.  SuperLU itself would take
    such a matrix for a singular one.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csc_array
    >>> factors = SparseLU.factor(csc_array([[4.0, 1.0], [0.0, 2.0]]))
    >>> factors.solve(np.array([6.0, 4.0]))
    array([1., 2.])
    """

    a: csc_array
    factors: SuperLU | None
    diagonal: bool

    @classmethod
    def factor(cls, a: csc_array) -> SparseLU:
        """Factor a copy of ``a``.

        Parameters
        ----------
        a : csc_array
            (n, n), canonical, float64 or complex128.

        Raises
        ------
        numpy.linalg.LinAlgError
            If a pivot is exactly zero. A matrix that is singular but for rounding is factored, as by LAPACK.
        """
        if a.shape[0] != a.shape[1]:
            raise np.linalg.LinAlgError(f"a is {a.shape}: solve needs a square matrix; lstsq takes any")
        a = a.copy()
        if not np.isfinite(a.data).all():
            return cls(a, None, False)
        if _needs_no_pivoting(a):
            factors = _try(a, diagonal=True)
            if factors is not None and _is_trusted(a, factors):
                return cls(a, factors, True)
        factors = _try(a, diagonal=False)
        if factors is None:
            raise np.linalg.LinAlgError(
                f"Singular matrix: LU of the sparse a, {a.shape}, met a pivot that is exactly zero; "
                "lstsq gives the solution of minimum norm"
            )
        return cls(a, factors, False)

    def __reduce__(self) -> tuple[Any, ...]:
        return SparseLU.factor, (self.a,)  # SuperLU's own object cannot be pickled

    @property
    def shape(self) -> tuple[int, int]:
        return self.a.shape[0], self.a.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes held: the matrix, and an upper bound for L and U, which share indices within supernodes."""
        return csc_nbytes(self.a) + superlu_nbytes(self.factors, self.a.dtype.itemsize)

    @property
    def method(self) -> str:
        """What was kept, for `explain`."""
        return "SuperLU factors, diagonal pivots" if self.diagonal else "SuperLU factors"

    def solve(self, b: Array, transposed: bool = False) -> Array:
        """``a x = b``, or ``a^T x = b``, with one step of refinement in fixed precision.

        The step makes the backward error small row by row and not only in norm, however the rows are scaled
        (R. Skeel, Math. Comp. 35, 1980); it is left out of a column that it would not settle.

        Parameters
        ----------
        b : ndarray
            (n,) or (n, K); real or complex.
        transposed : bool, default False
            Solve with the transpose of ``a`` (not its conjugate).

        Returns
        -------
        ndarray
            Of the shape of ``b``, new and in C order, double precision.
        """
        if b.ndim not in {1, 2} or b.shape[0] != self.a.shape[0]:
            raise ValueError(
                f"b is {b.shape}: a sparse a of shape {self.shape} needs ({self.shape[0]},) or (.., K)"
            )
        dtype = np.result_type(self.a.dtype, b.dtype, np.float64)
        if self.factors is None:
            return np.full(b.shape, np.nan, dtype)
        columns = as_columns(b, self.a.dtype)
        with np.errstate(all="ignore"):  # nan, inf and overflow are in the answer; LAPACK says nothing either
            matrix, trans = (self.a.T, "T") if transposed else (self.a, "N")
            x = self.factors.solve(columns, trans)
            step = self.factors.solve(columns - matrix @ x, trans)
            settles = np.abs(step).max(axis=0, initial=0) <= 0.5 * np.abs(x).max(axis=0, initial=0)
            x = np.add(x, step, out=x, where=settles)
        return from_columns(x, b.shape, dtype)


def as_columns(b: Array, dtype: np.dtype[Any]) -> Array:
    """``b`` as (m, K) of ``dtype``; complex columns for a real matrix become pairs of real ones."""
    count = b.shape[1] if b.ndim == 2 else 1
    if b.dtype.kind == "c" and dtype.kind != "c":
        return np.ascontiguousarray(b, np.complex128).view(np.float64).reshape(len(b), 2 * count)
    return np.asarray(b, dtype).reshape(len(b), count)


def from_columns(x: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Back from `as_columns`: C order, ``shape``."""
    x = np.ascontiguousarray(x)
    return (x.view(dtype) if x.dtype != dtype else x).reshape(shape)


def csc_nbytes(a: csc_array) -> int:
    return int(a.data.nbytes + a.indices.nbytes + a.indptr.nbytes)


def superlu_nbytes(factors: SuperLU | None, itemsize: int) -> int:
    if factors is None:
        return 0
    return int(factors.nnz) * (itemsize + _INDEX) + 6 * _INDEX * int(factors.shape[0])


def positive_factors(a: csc_array) -> SuperLU | None:
    """Factors of a Hermitian positive definite matrix; None if a pivot is zero."""
    return _try(a, diagonal=True)


def _try(a: csc_array, diagonal: bool) -> SuperLU | None:
    from scipy.sparse.linalg import splu  # noqa: PLC0415 - only a sparse operand needs it

    try:
        if diagonal:
            options = {"SymmetricMode": True}
            return splu(a, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)
        return splu(a, permc_spec="COLAMD")
    except RuntimeError as error:
        if "singular" not in str(error):
            raise
        return None


def _needs_no_pivoting(a: csc_array) -> bool:
    """Whether diagonal pivots may do: ``a`` is Hermitian with a positive diagonal, or dominated by columns.

    The first is only a sign of being positive definite, so that the factors are tried before they are
    trusted; the second is a proof (N. Higham, Accuracy and Stability of Numerical Algorithms, 2002, section
    9.5), but pays only if the pattern is symmetric.
    """
    diagonal = a.diagonal()
    if not diagonal.all():
        return False
    adjoint = a.conj().T.tocsc()
    if not (np.array_equal(a.indptr, adjoint.indptr) and np.array_equal(a.indices, adjoint.indices)):
        return False
    if (diagonal.real > 0).all() and np.array_equal(a.data, adjoint.data):
        return True
    with np.errstate(over="ignore"):
        return bool((2 * np.abs(diagonal) >= np.asarray(abs(a).sum(axis=0))).all())


def _is_trusted(a: csc_array, factors: SuperLU) -> bool:
    """Whether the factors reproduce a right-hand side to near rounding."""
    with np.errstate(all="ignore"):
        b = a @ np.random.default_rng(0).uniform(0.5, 1.0, a.shape[0])
        x = factors.solve(b)
        size = float(np.max(abs(a) @ np.abs(x), initial=0) + np.max(np.abs(b), initial=0))
        return bool(np.max(np.abs(b - a @ x), initial=0) <= _TRUSTED * size)
