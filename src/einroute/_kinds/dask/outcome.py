"""What lstsq returns, as dask arrays made of the factors' parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from dask.base import tokenize
from numpy.linalg import LinAlgError
from numpy.typing import NDArray

from .decomposition import Decomposed, alone, as_said
from .householder import Projected
from .layers import chunked
from .operands import dtypes, unknown
from .seminormal import Corrected

__all__ = ["answers", "solved", "spectrum"]

Array = NDArray[Any]


def answers(
    parts: Any, right: Any, a: Any, b: Any, rcond: float | None, reproducible: bool
) -> tuple[Any, Any, Any, Any]:
    """x, residuals, rank and singular values.

    Parameters
    ----------
    parts : dask Array
        One `Decomposed`.
    right : dask Array
        A `Projected` or `Corrected` for each chunk of columns of ``b``.
    a, b : dask Array
        Matrix (M, N) and right-hand sides, of which shapes, chunks and dtypes count.
    rcond : float or None
    reproducible : bool
    """
    m, n = a.shape
    columns = range(right.numblocks[1])
    real = dtypes(a, b)[1]
    name = f"lstsq-residuals-{tokenize(parts.name, right.name, rcond, real)}"
    tasks = {(name, j): (_residuals, (parts.name, 0), (right.name, 0, j), rcond, real.str) for j in columns}
    length = 0 if not unknown((m,)) and m <= n else np.nan  # the rank decides
    residuals = chunked(name, tasks, ((length,) * len(columns),), real, [parts, right])
    rank, s = spectrum(parts, a, rcond, real)
    return solved(parts, right, a, b, rcond, False, reproducible), residuals, rank, s


def solved(
    parts: Any, right: Any, a: Any, b: Any, rcond: float | None, regular: bool, reproducible: bool
) -> Any:
    """X alone; ``regular`` if a matrix that is singular to working precision is an error."""
    dtype = dtypes(a, b)[0]
    name = f"lstsq-solve-{tokenize(parts.name, right.name, rcond, dtype, regular, reproducible)}"
    tasks = {
        (name, 0, *((j,) if b.ndim == 2 else ())): (
            _solution, (parts.name, 0), (right.name, 0, j), rcond, dtype.str, b.ndim, regular, reproducible
        )
        for j in range(right.numblocks[1])
    }  # fmt: skip
    return chunked(name, tasks, ((a.shape[1],), *b.chunks[1:]), dtype, [parts, right])


def spectrum(parts: Any, a: Any, rcond: float | None, real: Any = None) -> tuple[Any, Any]:
    """Rank (0-d) and singular values (min(M, N),)."""
    m, n = a.shape
    real = dtypes(a)[1] if real is None else real
    name = f"lstsq-rank-{tokenize(parts.name, rcond)}"
    rank = chunked(name, {(name,): (_rank, (parts.name, 0), rcond)}, (), np.dtype(np.int32), [parts])
    name = f"lstsq-singular-values-{tokenize(parts.name, real)}"
    size = np.nan if unknown((m,)) else min(m, n)
    s = chunked(name, {(name, 0): (_singular_values, (parts.name, 0), real.str)}, ((size,),), real, [parts])
    return rank, s


def _solution(
    parts: Decomposed,
    right: Projected | Corrected,
    rcond: float | None,
    dtype: str,
    ndim: int,
    regular: bool,
    reproducible: bool,
) -> Array:
    s = parts.s
    if regular and s.size and s[-1] <= np.finfo(np.float64).eps * s[0]:
        raise LinAlgError(
            "Singular matrix: a is singular to working precision; lstsq and pinv give the answer of "
            "least norm"
        )
    with alone(reproducible):
        x = right.x if isinstance(right, Corrected) else parts.solve(right.c, parts.rank(rcond))
    x = as_said(x, dtype)
    return x[:, 0] if ndim == 1 else x


def _residuals(parts: Decomposed, right: Projected | Corrected, rcond: float | None, real: str) -> Array:
    n = len(parts.r)
    if parts.rows <= n or parts.rank(rcond) < n:
        return np.empty(0, real)
    return right.outside.astype(real)


def _rank(parts: Decomposed, rcond: float | None) -> Any:
    return np.int32(parts.rank(rcond))


def _singular_values(parts: Decomposed, real: str) -> Array:
    return parts.s.astype(real)
