"""The triangle of a tall matrix: a factorization a chunk of rows, and a tree of those of their triangles.

This is TSQR (J. Demmel, L. Grigori, M. Hoemmen, J. Langou, SIAM J. Sci. Comput. 34, 2012) without Q: a
right-hand side goes through the reflections of each chunk, and only n numbers a chunk of it go up the tree.
What
belongs to the matrix alone has keys of its own, so that several right-hand sides of one computation share it.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from dask.base import tokenize
from numpy.linalg import LinAlgError
from numpy.typing import NDArray

from ..._base.threads import single_threaded_blas
from .householder import Householder, Projected, factor
from .layers import chunked, handle, per_chunk

__all__ = [
    "FAN_IN",
    "Decomposed",
    "Reduced",
    "Triangle",
    "alone",
    "chunk_of",
    "decompose",
    "decomposed",
    "expanded",
    "groups",
    "projected",
    "triangle",
]

Array = NDArray[Any]

#: Triangles that one task of the tree folds together.
FAN_IN = 8


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
            from scipy.linalg import solve_triangular  # noqa: PLC0415 - 0.1 s, and only in tasks

            x: Array = solve_triangular(self.r, c, check_finite=False) if c.size else np.zeros_like(c)
            return x
        u, s, vh = self.u[:, :rank], self.s[:rank], self.vh[:rank]
        shortest: Array = vh.conj().T @ ((u.conj().T @ c) / s[:, None])
        return shortest

    def solve_adjoint(self, b: Array, rank: int) -> Array:
        """The shortest z (n, K) with ``|r^H z - b|`` least, of that rank."""
        if rank == len(self.r) and b.size:
            from scipy.linalg import solve_triangular  # noqa: PLC0415 - likewise

            z: Array = solve_triangular(self.r, b, trans="C", check_finite=False)
            return z
        return self.u[:, :rank] @ ((self.vh[:rank] @ b) / self.s[:rank, None])

    def solve_normal(self, g: Array, rank: int) -> Array:
        """The shortest x (n, K) with ``r^H r x = g``, of that rank."""
        if rank == len(self.r) and g.size:
            from scipy.linalg import solve_triangular  # noqa: PLC0415 - likewise

            half = solve_triangular(self.r, g, trans="C", check_finite=False)
            x: Array = solve_triangular(self.r, half, check_finite=False)
            return x
        s, vh = self.s[:rank], self.vh[:rank]
        shortest: Array = vh.conj().T @ ((vh @ g) / s[:, None] ** 2)
        return shortest


@dataclass(frozen=True, eq=False, slots=True)
class Triangle:
    """Where the factorization of a matrix is in the graph.

    Attributes
    ----------
    levels : tuple of dask Array
        `Householder` objects: of the chunks of rows, then of each level of the tree.
    top : dask Array
        One `Reduced`.
    columns : int
    dtype : dtype
        float64 or complex128.
    reproducible : bool
    """

    levels: tuple[Any, ...]
    top: Any
    columns: int
    dtype: np.dtype[Any]
    reproducible: bool


def alone(reproducible: bool) -> Any:
    """What the tasks of a call under ``config(reproducible=True)`` run in."""
    return single_threaded_blas() if reproducible else nullcontext()


def triangle(a: Any, reproducible: bool) -> Triangle:
    """The factorization of ``a``, a dask array (M, N) of one chunk of columns; nothing is computed."""
    n = a.shape[1]
    dtype = np.dtype(np.complex128 if a.dtype.kind == "c" else np.float64)
    token = tokenize("tsqr", a.name, a.chunks, reproducible)
    options = {"columns": n, "dtype_name": dtype.str, "reproducible": reproducible}
    level = per_chunk(factor_chunk, f"lstsq-qr-{token}", a, **options)
    levels = [level]
    reduced = reduced_of(level, f"lstsq-triangle-{token}")
    while level.numblocks[0] > 1:
        depth = len(levels)
        level = merged(reduced, f"lstsq-merge-{token}-{depth}", dtype, reproducible)
        levels.append(level)
        reduced = reduced_of(level, f"lstsq-triangle-{token}-{depth}")
    return Triangle(tuple(levels), reduced, n, dtype, reproducible)


def reduced_of(level: Any, name: str) -> Any:
    """The `Reduced` of each `Householder`."""
    tasks = {(name, i): (_reduced, (level.name, i)) for i in range(level.numblocks[0])}
    return handle(name, tasks, level.numblocks, [level])


def groups(count: int) -> list[range]:
    """Which blocks of a level each block of the next one takes."""
    return [range(start, min(start + FAN_IN, count)) for start in range(0, count, FAN_IN)]


def merged(reduced: Any, name: str, dtype: np.dtype[Any], reproducible: bool) -> Any:
    """One level of the tree."""
    found = groups(reduced.numblocks[0])
    tasks = {
        (name, j): (_merge, [(reduced.name, i) for i in group], dtype.str, reproducible)
        for j, group in enumerate(found)
    }
    return handle(name, tasks, (len(found),), [reduced])


def projected(made: Triangle, b: Any) -> Any:
    """``b`` (M,) or (M, K) through all reflections: one `Projected` a chunk of columns."""
    token = tokenize("tsqr", made.top.name, b.name, b.chunks)
    columns = b.numblocks[1] if b.ndim == 2 else 1
    first = made.levels[0]
    name = f"lstsq-project-{token}"
    tail = [(j,) if b.ndim == 2 else () for j in range(columns)]
    tasks: dict[Any, Any] = {
        (name, i, j): (_project, (first.name, i), (b.name, i, *tail[j]), i, made.reproducible)
        for i in range(first.numblocks[0])
        for j in range(columns)
    }
    level = handle(name, tasks, (first.numblocks[0], columns), [first, b])
    for depth, factors in enumerate(made.levels[1:], 1):
        name = f"lstsq-project-{token}-{depth}"
        tasks = {
            (name, g, j): (
                _project_merged,
                (factors.name, g),
                [(level.name, i, j) for i in group],
                made.reproducible,
            )
            for g, group in enumerate(groups(level.numblocks[0]))
            for j in range(columns)
        }
        level = handle(name, tasks, (factors.numblocks[0], columns), [factors, level])
    return level


def expanded(made: Triangle, z: Any, rows: Any, columns: Any, dtype: np.dtype[Any]) -> Any:
    """``Q z`` (M, K), a dask array in chunks of those rows and columns.

    Parameters
    ----------
    made : Triangle
    z : dask Array
        An array (n, K) a chunk of columns.
    rows, columns : tuple of int
    dtype : dtype
    """
    token, count = tokenize("expand", made.top.name, z.name, dtype), z.numblocks[1]
    level = z
    for depth in reversed(range(len(made.levels))):
        factors = made.levels[depth]
        width = factors.numblocks[0]
        name = f"lstsq-expand-{token}-{depth}" if depth else f"lstsq-expand-{token}"
        final = dtype.str if depth == 0 else ""
        tasks = {
            (name, i, j): (
                _expand,
                (factors.name, i),
                (level.name, i // FAN_IN if level is not z else 0, j),
                i % FAN_IN,
                final,
                made.reproducible,
            )
            for i in range(width)
            for j in range(count)
        }
        parents = [factors, level]
        if depth:
            level = handle(name, tasks, (width, count), parents)
    return chunked(name, tasks, (rows, columns), dtype, parents)


def decomposed(top: Any, reproducible: bool) -> Any:
    """The `Decomposed` of the one `Reduced` that ``top`` holds."""
    name = f"lstsq-svd-{tokenize('svd', top.name, reproducible)}"
    return handle(name, {(name, 0): (decompose, (top.name, 0), reproducible)}, (1,), [top])


def factor_chunk(blocks: Any, columns: int, dtype_name: str, reproducible: bool) -> Householder:
    """Factor the one chunk that a row of chunks has."""
    with alone(reproducible):
        return factor(chunk_of(blocks, columns), np.dtype(dtype_name))


def chunk_of(blocks: Any, columns: int) -> Array:
    """The chunk, as an array whose shape is what its dask array says.

    Raises
    ------
    ValueError
    """
    (block,) = blocks
    chunk = np.asarray(block)
    if chunk.ndim != 2 or chunk.shape[1] != columns:
        raise ValueError(
            f"a has a chunk of shape {chunk.shape} where its columns are {columns}; the function that "
            "made a gave "
            f"chunks of other shapes than it said"
        )
    return chunk


def _reduced(factors: Householder) -> Reduced:
    return Reduced(factors.r, factors.rows)


def _merge(parts: list[Reduced], dtype_name: str, reproducible: bool) -> Householder:
    rows = sum(part.rows for part in parts)
    with alone(reproducible):
        return factor(np.concatenate([part.r for part in parts]), np.dtype(dtype_name), rows=rows)


def _project(factors: Householder, b: Any, place: int, reproducible: bool) -> Projected:
    columns = np.asarray(b)
    if len(columns) != factors.rows:
        raise LinAlgError(
            f"a has {factors.rows} rows in its chunk {place} and b has {len(columns)}; each row of b "
            "belongs to a "
            f"row of a: rechunk one as the other"
        )
    wide = np.complex128 if columns.dtype.kind == "c" or factors.r.dtype.kind == "c" else np.float64
    with alone(reproducible):
        return factors.project((columns[:, None] if columns.ndim == 1 else columns).astype(wide, copy=False))


def _project_merged(factors: Householder, parts: list[Projected], reproducible: bool) -> Projected:
    with alone(reproducible):
        made = factors.project(np.concatenate([part.c for part in parts]))
    return Projected(made.c, sum((part.outside for part in parts), made.outside))


def _expand(factors: Householder, z: Array, place: int, dtype: str, reproducible: bool) -> Array:
    n = len(factors.r)
    with alone(reproducible):
        made = factors.expand(z[place * n : (place + 1) * n])
    return made.astype(dtype, copy=False) if dtype else made


def decompose(part: Reduced, reproducible: bool) -> Decomposed:
    """The singular value decomposition of the triangle.

    Raises
    ------
    numpy.linalg.LinAlgError
    """
    r = part.r
    if not np.isfinite(r).all():
        raise LinAlgError(
            "SVD did not converge in Linear Least Squares: a holds nan or infinity, or numbers whose "
            "squares are "
            "beyond floating point; remove, replace or scale such rows first"
        )
    with alone(reproducible):
        u, s, vh = np.linalg.svd(r)
    count = min(part.rows, len(r))
    return Decomposed(r, u[:, :count], s[:count], vh[:count], part.rows)
