"""The triangle that the rows of a matrix come to, its singular values, and solutions by these."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import NDArray

from ..._base.threads import single_threaded_blas

__all__ = ["Decomposed", "Reduced", "alone", "as_said", "decompose"]

Array = NDArray[Any]


def as_said(x: Array, dtype: Any) -> Array:
    """An answer in the dtype that its dask array says.

    Raises
    ------
    TypeError
        That does not hold it: chunks were not of the dtype that theirs said.
    """
    if x.size and not np.can_cast(x.dtype, dtype, "same_kind"):
        raise TypeError(
            f"chunks of a or b have another dtype than their arrays say: the answer has dtype {x.dtype} "
            f"where {np.dtype(dtype)} was said; give map_blocks or from_delayed the right dtype="
        )
    return x.astype(dtype, copy=False)


@dataclass(frozen=True, eq=False, slots=True)
class Reduced:
    """What the rows of a part of the matrix come to.

    Attributes
    ----------
    r : ndarray
        Their triangle (n, n).
    rows : int
    digests : tuple of bytes
        What the contents of each chunk hash to, where that is kept.
    """

    r: Array
    rows: int
    digests: tuple[bytes, ...] = ()

    def __sizeof__(self) -> int:
        return self.r.nbytes + 100 * len(self.digests)


@dataclass(frozen=True, eq=False, slots=True)
class Decomposed:
    """The triangle of the whole matrix, and its singular value decomposition.

    Attributes
    ----------
    r, u, s, vh : ndarray
        (n, n), (n, k), (k,) and (k, n), with k = min(m, n).
    rows : int
        m.
    version : bytes
        What tells it from one of other contents, where it is kept.
    """

    r: Array
    u: Array
    s: Array
    vh: Array
    rows: int
    version: bytes = b""

    def __sizeof__(self) -> int:
        return self.r.nbytes + self.u.nbytes + self.s.nbytes + self.vh.nbytes

    def rank(self, rcond: float | None) -> int:
        """Singular values above ``rcond * s[0]``, as LAPACK's gelsd counts them."""
        if rcond is None:
            rcond = float(np.finfo(np.float64).eps) * max(self.rows, len(self.r))
        elif not 0 < rcond < 1:  # gelsd reads these as its own eps, half of NumPy's
            rcond = float(np.finfo(np.float64).eps) / 2
        return int((self.s > rcond * self.s[:1]).sum())

    def solve(self, c: Array, rank: int) -> Array:
        """The shortest x (n, K) with ``|r x - c|`` least, of that rank."""
        if rank == len(self.r):
            return _back_substituted(self.r, c) if c.size else np.zeros_like(c)
        u, s, vh = self.u[:, :rank], self.s[:rank], self.vh[:rank]
        shortest: Array = vh.conj().T @ ((u.conj().T @ c) / s[:, None])
        return shortest

    def solve_adjoint(self, b: Array, rank: int) -> Array:
        """The shortest z (n, K) with ``|r^H z - b|`` least, of that rank."""
        if rank == len(self.r) and b.size:
            return _back_substituted(self.r, b, "C")
        return self.u[:, :rank] @ ((self.vh[:rank] @ b) / self.s[:rank, None])

    def solve_normal(self, g: Array, rank: int) -> Array:
        """The shortest x (n, K) with ``r^H r x = g``, of that rank."""
        if rank == len(self.r) and g.size:
            return _back_substituted(self.r, _back_substituted(self.r, g, "C"))
        s, vh = self.s[:rank], self.vh[:rank]
        shortest: Array = vh.conj().T @ (vh @ g / s[:, None] / s[:, None])  # their squares may underflow
        return shortest


def _back_substituted(r: Array, b: Array, trans: str = "N") -> Array:
    from scipy.linalg import solve_triangular  # noqa: PLC0415 - 0.1 s, and only in tasks

    x: Array = solve_triangular(r, b, trans=trans, check_finite=False)
    return x


def alone(reproducible: bool) -> Any:
    """What the tasks of a call under ``config(reproducible=True)`` run in."""
    return single_threaded_blas() if reproducible else nullcontext()


def decompose(part: Reduced, reproducible: bool) -> Decomposed:
    """The singular value decomposition of the triangle.

    Raises
    ------
    numpy.linalg.LinAlgError
    """
    r = part.r
    if not np.isfinite(r).all():
        raise LinAlgError(
            "SVD did not converge in Linear Least Squares: a holds nan or infinity, or numbers whose squares "
            "are beyond floating point; remove, replace or scale such rows first"
        )
    with alone(reproducible):
        u, s, vh = np.linalg.svd(r)
    count = min(part.rows, len(r))
    return Decomposed(r, u[:, :count], s[:count], vh[:count], part.rows)
