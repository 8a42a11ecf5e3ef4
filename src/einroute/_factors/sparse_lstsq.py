"""Sparse least squares with numpy.linalg.lstsq's meaning: orientation, scale, cutoff, residuals.

The work is done by one of the methods of `sparse_methods` on the core of the matrix: what is left without its
empty rows and columns, scaled by a power of two where its elements are very large or small.  Both are exact:
an empty column's unknown is 0 in the solution of minimum norm, an empty row adds to the residual only, and
each lowers no other singular value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._base.numpy_functions import numpy_einsum
from .sparse_lu import as_columns, csc_nbytes, from_columns
from .sparse_methods import Iteration, Normal, Reduction, choose

if TYPE_CHECKING:
    from scipy.sparse import csc_array

Array = NDArray[Any]

_EPS = float(np.finfo(np.float64).eps)
_SAFE_EXPONENT = 200  # elements within 2**-200 .. 2**200 can be squared and summed without care


@dataclass(frozen=True, eq=False, slots=True)
class SparseSolution:
    """One answer.

    Attributes
    ----------
    x : ndarray
        (n,) or (n, K).
    residuals : ndarray
        Squared norms of ``b - a x``: (1,) or (K,); empty if ``m <= n`` or the rank is known to be less than
        n. Where the rank is not known they are given.
    rank : numpy.int32 or None
        None where the method does not find it.
    s : ndarray or None
        Singular values (min(m, n),), decreasing; None where the method does not find them.
    method : str
        ``"reduction"``, ``"normal"`` or ``"lsmr"``.
    """

    x: Array
    residuals: Array
    rank: np.int32 | None
    s: Array | None
    method: str


@dataclass(frozen=True, eq=False, slots=True)
class SparseLeastSquares:
    """What is kept of one sparse matrix (m, n) for least squares.

    Attributes
    ----------
    a : csc_array
        A copy of the matrix, without stored zeros.
    rows, columns : ndarray or None
        Those that are not empty; None where all are kept.
    exponent : int
        The core is ``2**-exponent`` times what it is part of.
    core : Reduction or Normal or Iteration
        See `sparse_methods.choose` for which, and why.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csc_array
    >>> line = SparseLeastSquares.factor(csc_array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]))
    >>> solution = line.lstsq(np.array([1.0, 3.0, 5.0]))
    >>> np.round(solution.x, 12), int(solution.rank), solution.method
    (array([1., 2.]), 2, 'reduction')
    """

    a: csc_array
    rows: Array | None
    columns: Array | None
    exponent: int
    core: Reduction | Normal | Iteration

    @classmethod
    def factor(cls, a: csc_array) -> SparseLeastSquares:
        """Factor a copy of ``a``.

        Parameters
        ----------
        a : csc_array
            (m, n), canonical, float64 or complex128.

        Raises
        ------
        numpy.linalg.LinAlgError
            If ``a`` holds nan or inf, as numpy.linalg.lstsq does.
        """
        a = a.copy()
        if not np.isfinite(a.data).all():
            raise np.linalg.LinAlgError("SVD did not converge in Linear Least Squares: a holds nan or inf")
        a.eliminate_zeros()
        rows = _unless_all(np.bincount(a.indices, minlength=a.shape[0]) > 0)
        columns = _unless_all(np.diff(a.indptr) > 0)
        core = a
        if columns is not None:
            core = core[:, columns]
        if rows is not None:
            core = core[rows]
        exponent = _unsafe_exponent(np.abs(_parts(a.data)).max(initial=0))
        if exponent:
            core = core.copy()
            _parts(core.data)[...] = np.ldexp(_parts(core.data), -exponent)
        return cls(a, rows, columns, exponent, choose(core))

    @property
    def shape(self) -> tuple[int, int]:
        return self.a.shape[0], self.a.shape[1]

    @property
    def method(self) -> str:
        return self.core.name

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        own = 0 if self.core.a is self.a else csc_nbytes(self.a)
        kept = sum(part.nbytes for part in (self.rows, self.columns) if part is not None)
        return own + kept + self.core.nbytes

    def lstsq(self, b: Array, rcond: float | None = None) -> SparseSolution:
        """The solution of minimum norm of ``min ||b - a x||``.

        Parameters
        ----------
        b : ndarray
            (m,) or (m, K); real or complex.  A column with nan or inf gives a column of nan.
        rcond : float, optional
            Singular values up to ``rcond * s[0]`` count as zero. None is eps * max(m, n); what LAPACK's gelsd
            does not take for a cutoff (not between 0 and 1) is eps / 2. Only the reduction can truncate: the
            others solve with every singular value.

        Returns
        -------
        SparseSolution

        Warns
        -----
        scipy.linalg.LinAlgWarning
            If the iteration did not converge, or a cutoff cannot be honoured.
        """
        m, n = self.shape
        if b.ndim not in {1, 2} or b.shape[0] != m:
            raise np.linalg.LinAlgError(
                f"Incompatible dimensions: a is {self.shape}, b is {b.shape}, and b needs ({m},) or ({m}, K)"
            )
        dtype = np.result_type(self.a.dtype, b.dtype, np.float64)
        columns = as_columns(b, self.a.dtype)
        with np.errstate(all="ignore"):
            x, rank = self._solve(columns, _cutoff(rcond, m, n))
            sums = None
            if m > n and (rank is None or rank == n):
                left = _parts(columns - self.a @ x)
                count = b.shape[1] if b.ndim == 2 else 1
                sums = (
                    numpy_einsum("ij,ij->j", left, left)
                    .reshape(count, left.shape[1] // max(count, 1))
                    .sum(axis=1)
                )
        return SparseSolution(
            from_columns(x, (n, *b.shape[1:]), dtype),
            np.empty(0) if sums is None else sums,
            None if rank is None else np.int32(rank),
            self._singular_values(),
            self.method,
        )

    def _solve(self, b: Array, cutoff: float) -> tuple[Array, int | None]:
        core_b = b if self.rows is None else b[self.rows]
        exponents = np.array([_unsafe_exponent(peak) for peak in _peaks(core_b)], int)
        if exponents.any():
            core_b = _scaled(core_b, -exponents)
        finite = np.isfinite(b).all(axis=0)
        if not finite.all():
            core_b = np.where(finite, core_b, 0)
        core_x, rank = self.core.solve(core_b, cutoff)
        if self.exponent or exponents.any():
            core_x = _scaled(core_x, exponents - self.exponent)
        core_x[:, ~finite] = np.nan
        if self.columns is None:
            return core_x, rank
        x = np.zeros((self.a.shape[1], b.shape[1]), core_x.dtype)
        x[self.columns] = core_x
        x[:, ~finite] = np.nan
        return x, rank

    def _singular_values(self) -> Array | None:
        if self.core.s is None:
            return None
        s = np.zeros(min(self.a.shape))
        s[: len(self.core.s)] = np.ldexp(self.core.s, self.exponent)
        return s


def _cutoff(rcond: float | None, m: int, n: int) -> float:
    if rcond is None:
        return _EPS * max(m, n)
    return _EPS / 2 if rcond <= 0 or rcond >= 1 else float(rcond)


def _unless_all(kept: Array) -> Array | None:
    return None if kept.all() else np.flatnonzero(kept)


def _width(x: Array) -> int:
    return 2 if x.dtype.kind == "c" else 1


def _parts(x: Array) -> Array:
    """Real and imaginary parts side by side along the last axis: a view if ``x`` is contiguous."""
    return np.ascontiguousarray(x).view(np.float64) if x.dtype.kind == "c" else x


def _peaks(x: Array) -> Array:
    """The largest real or imaginary part, in magnitude, of each column."""
    parts: Array = np.abs(_parts(x)).max(axis=0, initial=0)
    peaks: Array = parts.reshape(-1, _width(x)).max(axis=1, initial=0)
    return peaks


def _scaled(x: Array, exponents: Array) -> Array:
    """Column j times ``2**exponents[j]``."""
    scaled: Array = np.ldexp(_parts(x), np.repeat(exponents, _width(x))).view(x.dtype)
    return scaled


def _unsafe_exponent(peak: float) -> int:
    """The binary exponent of ``peak`` where squares might over- or underflow, else 0."""
    if peak == 0 or not np.isfinite(peak):
        return 0
    exponent = int(np.frexp(peak)[1])
    return exponent if abs(exponent) > _SAFE_EXPONENT else 0
