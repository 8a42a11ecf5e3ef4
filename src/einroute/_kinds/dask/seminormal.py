"""Least squares from a kept triangle: the semi-normal equations, corrected with the matrix itself.

``R^H R x = A^H b`` has errors of the squared condition number; corrections with the residual ``b - A x`` take
them away (A. Bjorck, Stability analysis of the method of seminormal equations for linear least squares
problems, Linear Algebra Appl. 88/89, 1987). Each reads A once. Beyond a condition number of 1e4 the residual,
and its products with A, are formed in extended double, where the processor has that: without it, x has up to
half a digit less than LAPACK's gelsd gives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from dask.base import tokenize
from numpy.linalg import LinAlgError
from numpy.typing import NDArray

from .decomposition import Decomposed, alone
from .fingerprint import Checked, changed
from .householder import squares
from .layers import handle
from .tsqr import groups

__all__ = ["PASSES", "Corrected", "corrected"]

Array = NDArray[Any]

_MATRIX = "a matrix whose factors were lost, and made again,"
#: Readings of the matrix: the first solution, and one correction.
PASSES = 2
#: The condition number beyond which corrections are formed in more than double precision, and rows at once.
_EXTENDED, _ROWS = 1e4, 500
_WIDER = {"f": np.longdouble, "c": np.clongdouble}
#: An extended double of 64 bits is a register of x86 processors; elsewhere it is a double, or made by
#: software.
_IS_WIDER = np.finfo(np.longdouble).nmant == 63


@dataclass(frozen=True, eq=False, slots=True)
class Pass:
    """What one reading of a part of the matrix comes to.

    Attributes
    ----------
    g : ndarray
        ``A^H r`` (n, K), r being b, or what of b the last x leaves.
    squares : ndarray
        The squared norms of r (K,).
    version : bytes
        Of the factors that it was compared with.
    """

    g: Array
    squares: Array
    version: bytes

    def __sizeof__(self) -> int:
        return self.g.nbytes + self.squares.nbytes


@dataclass(frozen=True, eq=False, slots=True)
class Corrected:
    """A solution on its way.

    Attributes
    ----------
    x : ndarray
        (n, K).
    outside : ndarray
        The squared norms of ``b - A x`` (K,).
    extended : bool
        Whether the next correction needs more than double precision.
    """

    x: Array
    outside: Array
    extended: bool

    def __sizeof__(self) -> int:
        return self.x.nbytes + self.outside.nbytes


def corrected(
    factors: Any, reading: Callable[[int], Any], b: Any, rcond: float | None, reproducible: bool
) -> Any:
    """The solution by a kept triangle: one `Corrected` a chunk of columns of ``b``.

    Parameters
    ----------
    factors : dask Array
        One `Decomposed`.
    reading : callable
        ``number -> dask Array``: the matrix (M, N), read anew for that pass, of `PASSES`, as `Checked`
        chunks.
    b : dask Array
        (M,) or (M, K), of the matrix's chunks of rows.
    rcond : float or None
    reproducible : bool
    """
    solution: Any = None
    for number in range(PASSES):
        a = reading(number)
        token = tokenize("seminormal", factors.name, a.name, b.name, rcond, number, reproducible)
        sums = _summed(_read(a, b, solution, reproducible, f"lstsq-pass-{token}"), f"lstsq-sum-{token}")
        solution = _next(factors, sums, solution, rcond, reproducible, f"lstsq-correct-{token}")
    return solution


def _read(a: Any, b: Any, last: Any, reproducible: bool, name: str) -> Any:
    """One `Pass` a chunk of rows and of columns of ``b``."""
    rows, columns = a.numblocks[0], b.numblocks[1] if b.ndim == 2 else 1
    tasks: dict[Any, Any] = {
        (name, i, j): (
            read,
            (a.name, i, 0),
            (b.name, i, *((j,) if b.ndim == 2 else ())),
            None if last is None else (last.name, 0, j),
            i,
            reproducible,
        )
        for i in range(rows)
        for j in range(columns)
    }
    return handle(name, tasks, (rows, columns), [a, b] if last is None else [a, b, last])


def _summed(level: Any, name: str) -> Any:
    """One `Pass` a chunk of columns, by a tree."""
    depth, columns = 0, level.numblocks[1]
    while level.numblocks[0] > 1:
        depth, found = depth + 1, groups(level.numblocks[0])
        own = f"{name}-{depth}"
        tasks: dict[Any, Any] = {
            (own, g, j): (added, [(level.name, i, j) for i in group])
            for g, group in enumerate(found)
            for j in range(columns)
        }
        level = handle(own, tasks, (len(found), columns), [level])
    return level


def _next(factors: Any, sums: Any, last: Any, rcond: float | None, reproducible: bool, name: str) -> Any:
    """The next `Corrected` a chunk of columns."""
    tasks: dict[Any, Any] = {
        (name, 0, j): (
            correct,
            (factors.name, 0),
            (sums.name, 0, j),
            None if last is None else (last.name, 0, j),
            rcond,
            reproducible,
        )
        for j in range(sums.numblocks[1])
    }
    return handle(
        name, tasks, (1, sums.numblocks[1]), [factors, sums] if last is None else [factors, sums, last]
    )


def read(a: Checked, b: Any, last: Corrected | None, place: int, reproducible: bool) -> Pass:
    """One chunk of rows in one pass.

    Raises
    ------
    numpy.linalg.LinAlgError
        ``b`` has another number of rows.
    """
    rows, columns = a.chunk, np.asarray(b)
    if len(columns) != len(rows):
        raise LinAlgError(
            f"a has {len(rows)} rows in its chunk {place} and b has {len(columns)}; each row of b belongs to "
            "a row of a: rechunk one as the other"
        )
    rows = rows.astype(np.complex128 if rows.dtype.kind == "c" else np.float64, copy=False)
    columns = columns[:, None] if columns.ndim == 1 else columns
    columns = columns.astype(np.complex128 if columns.dtype.kind == "c" else np.float64, copy=False)
    with alone(reproducible):
        if last is not None and last.extended:
            return Pass(*_extended(rows, columns, last.x), a.version)
        rest = columns if last is None else columns - rows @ last.x
        return Pass(rows.conj().T @ rest, squares(rest), a.version)


def _extended(rows: Array, b: Array, x: Array) -> tuple[Array, Array]:
    """``A^H (b - A x)``, formed and left in extended double, and the squared norms of ``b - A x``."""
    x, wider = x.astype(_WIDER[x.dtype.kind]), _WIDER[rows.dtype.kind]
    g, norms = np.zeros(x.shape, x.dtype), np.zeros(x.shape[1])
    for start in range(0, len(rows), _ROWS):
        part: Array = rows[start : start + _ROWS].astype(wider)
        rest = b[start : start + _ROWS] - part @ x
        g += part.conj().T @ rest
        norms += squares(rest).astype(np.float64)
    return g, norms


def added(parts: list[Pass]) -> Pass:
    """The sum over rows.

    Raises
    ------
    ValueError
        They were compared with factors of several contents.
    """
    first, *rest = parts
    if any(part.version != first.version for part in rest):
        raise changed(_MATRIX)
    g, norms = first.g.copy(), first.squares.copy()
    for part in rest:
        g += part.g
        norms += part.squares
    return Pass(g, norms, first.version)


def correct(
    factors: Decomposed, now: Pass, last: Corrected | None, rcond: float | None, reproducible: bool
) -> Corrected:
    """The next solution.

    Raises
    ------
    ValueError
        The triangle is of other contents than those that were read.
    """
    if now.version != factors.version:
        raise changed(_MATRIX)
    s = factors.s
    rank = factors.rank(rcond)
    with alone(reproducible):
        g = now.g.astype(np.complex128 if now.g.dtype.kind == "c" else np.float64, copy=False)
        step = factors.solve_normal(g, rank)
        moved = squares(factors.r @ step)
    # Its squared norm is that of b - A x less what the correction takes away: the two are orthogonal.
    outside = np.maximum(now.squares - moved, 0)
    extended = bool(_IS_WIDER and rank and s[rank - 1] * _EXTENDED < s[0])
    return Corrected(step if last is None else last.x + step, outside, extended)
