"""What needs Q itself: wide matrices' shortest solutions, and pseudo-inverses.

With ``A^H = Q R`` the shortest solution is ``x = Q R^-H b``: Q goes down the tree as reflections, from a few
columns at
its top to the chunks of x (G. Golub, C. Van Loan, Matrix Computations, 4th ed., 2013, section 5.6.2; for
rank-deficient
matrices the singular value decomposition of R takes the place of R).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from dask.base import tokenize
from numpy.typing import NDArray

from .decomposition import Decomposed, alone
from .layers import chunked, handle
from .operands import dtypes, matrix, right_hand_side
from .outcome import spectrum
from .tsqr import decomposed, expanded, triangle

__all__ = ["pseudo_inverse", "shortest"]

Array = NDArray[Any]


def shortest(
    a: Any, b: Any, rcond: float | None, memory_limit: int | None, reproducible: bool
) -> tuple[Any, Any, Any, Any]:
    """x, residuals, rank and singular values of a matrix (M, N) with M < N, both known."""
    b = right_hand_side("lstsq", a.rechunk({0: -1}), b)
    tall = matrix("lstsq", a.conj().T, memory_limit)
    made = triangle(tall, reproducible)
    parts = decomposed(made.top, reproducible)
    dtype, real = dtypes(a, b)
    vector = b.ndim == 1
    columns = (1,) if vector else b.chunks[1]
    name = f"lstsq-shortest-{tokenize(parts.name, b.name, rcond, reproducible)}"
    tasks = {
        (name, 0, j): (_inside, (parts.name, 0), (b.name, 0, *(() if vector else (j,))), rcond, reproducible)
        for j in range(len(columns))
    }
    z = handle(name, tasks, (1, len(columns)), [parts, b])
    x = expanded(made, z, tall.chunks[0], columns, dtype)
    name = f"lstsq-residuals-{tokenize(x.name)}"
    none = {(name, j): (np.empty, 0, real.str) for j in range(len(columns))}
    residuals = chunked(name, none, ((0,) * len(columns),), real, [])
    rank, s = spectrum(parts, tall, rcond, real)
    return x[:, 0] if vector else x, residuals, rank, s


def pseudo_inverse(
    a: Any, cutoff: float, memory_limit: int | None, reproducible: bool, absolute: float = 0.0
) -> tuple[Any, Any]:
    """The pseudo-inverse (N, M) of a dask matrix (M, N) whose sizes are known, and its rank."""
    wide = a.shape[0] < a.shape[1]
    tall = matrix("pinv", _adjoint(a) if wide else a, memory_limit)
    made = triangle(tall, reproducible)
    parts = decomposed(made.top, reproducible)
    name = f"pinv-inside-{tokenize(parts.name, cutoff, absolute, reproducible)}"
    z = handle(
        name, {(name, 0, 0): (_inverse, (parts.name, 0), cutoff, absolute, reproducible)}, (1, 1), [parts]
    )
    dtype = dtypes(a)[0] if a.size else a.dtype  # as numpy.linalg.pinv
    x = expanded(made, z, tall.chunks[0], (tall.shape[1],), dtype)
    name = f"pinv-rank-{tokenize(parts.name, cutoff, absolute)}"
    rank = chunked(
        name, {(name,): (_above, (parts.name, 0), cutoff, absolute)}, (), np.dtype(np.int64), [parts]
    )
    return x if wide else _adjoint(x), rank


def _adjoint(x: Any) -> Any:
    """The conjugate transpose; NumPy's conjugate of bools is no bool."""
    return (x.conj() if x.dtype.kind == "c" else x).T


def _inside(parts: Decomposed, b: Any, rcond: float | None, reproducible: bool) -> Array:
    columns = np.asarray(b)
    columns = columns[:, None] if columns.ndim == 1 else columns
    wide = np.complex128 if columns.dtype.kind == "c" or parts.r.dtype.kind == "c" else np.float64
    with alone(reproducible):
        return parts.solve_adjoint(columns.astype(wide, copy=False), parts.rank(rcond))


def _above(parts: Decomposed, cutoff: float, absolute: float) -> Any:
    """Singular values above the cutoff."""
    return (parts.s > absolute + cutoff * parts.s[:1]).sum()


def _inverse(parts: Decomposed, cutoff: float, absolute: float, reproducible: bool) -> Array:
    s, rank = parts.s, int(_above(parts, cutoff, absolute))
    with alone(reproducible):
        return parts.u[:, :rank] @ (parts.vh[:rank] / s[:rank, None])
