"""The triangle of a tall matrix: a factorization a chunk of rows, and a tree of those of their triangles.

This is TSQR (J. Demmel, L. Grigori, M. Hoemmen, J. Langou, SIAM J. Sci. Comput. 34, 2012) without Q: a
right-hand side goes through the reflections of each chunk, and only n numbers a chunk of it go up the tree.
What belongs to the matrix alone has keys of its own, so that several right-hand sides of one computation
share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from dask.base import tokenize
from numpy.linalg import LinAlgError
from numpy.typing import NDArray

from .decomposition import Reduced, alone, as_said, decompose
from .householder import Householder, Projected, factor
from .layers import chunked, handle, per_chunk, per_pair

__all__ = [
    "FAN_IN",
    "Triangle",
    "chunk_of",
    "decomposed",
    "expanded",
    "groups",
    "projected",
    "reduced_and_right",
    "triangle",
]

Array = NDArray[Any]

#: Triangles that one task of the tree folds together.
FAN_IN = 8


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """What some rows of the matrix and of right-hand sides come to.

    Attributes
    ----------
    reduced : Reduced
    right : Projected
    """

    reduced: Reduced
    right: Projected

    def __sizeof__(self) -> int:
        return self.reduced.__sizeof__() + self.right.__sizeof__()


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


def triangle(a: Any, reproducible: bool) -> Triangle:
    """The factorization of ``a``, a dask array (M, N) of one chunk of columns; nothing is computed."""
    n = a.shape[1]
    dtype = _double(a)
    token = tokenize("tsqr", a.name, a.chunks, reproducible)
    level = per_chunk(factor_chunk, _name_of_factors(a, reproducible), a, **_options(n, dtype, reproducible))
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


def reduced_and_right(a: Any, b: Any, reproducible: bool) -> tuple[Any, Any]:
    """One `Decomposed` of ``a`` (M, N), and a `Projected` a chunk of columns of ``b`` (M,) or (M, K)."""
    if b.ndim == 1 or b.numblocks[1] == 1:
        reduced, right = _folded(a, b, reproducible)
    else:
        made = triangle(a, reproducible)
        reduced, right = made.top, projected(made, b)
    return decomposed(reduced, reproducible), right


def _folded(a: Any, b: Any, reproducible: bool) -> tuple[Any, Any]:
    """``a`` and the one chunk of columns of ``b`` in one tree; one `Reduced` and one `Projected`.

    The reflections of a chunk are made and used in one task, which dask fuses with what makes both chunks:
    they are held only where several right-hand sides of one computation share them.
    """
    n, dtype = a.shape[1], _double(a)
    level = per_chunk(factor_chunk, _name_of_factors(a, reproducible), a, **_options(n, dtype, reproducible))
    token = tokenize("fold", level.name, b.name, b.chunks)
    name, inside = f"lstsq-project-{token}", "ij" if b.ndim == 2 else "i"
    level = per_pair(project_chunk, name, level, b, inside, reproducible=reproducible)
    depth = 0
    while level.numblocks[0] > 1:
        depth, found = depth + 1, groups(level.numblocks[0])
        name = f"lstsq-fold-{token}-{depth}"
        tasks = {
            (name, j): (_fold, [(level.name, i) for i in group], dtype.str, reproducible)
            for j, group in enumerate(found)
        }
        level = handle(name, tasks, (len(found),), [level])
    name, other = f"lstsq-reduced-{token}", f"lstsq-right-{token}"
    reduced = handle(name, {(name, 0): (_reduced_of, (level.name, 0))}, (1,), [level])
    return reduced, handle(other, {(other, 0, 0): (_right_of, (level.name, 0))}, (1, 1), [level])


def _reduced_of(part: Part) -> Reduced:
    return part.reduced


def _right_of(part: Part) -> Projected:
    return part.right


def _double(a: Any) -> np.dtype[Any]:
    return np.dtype(np.complex128 if a.dtype.kind == "c" else np.float64)


def _name_of_factors(a: Any, reproducible: bool) -> str:
    return f"lstsq-qr-{tokenize('tsqr', a.name, a.chunks, reproducible)}"


def _options(columns: int, dtype: np.dtype[Any], reproducible: bool) -> dict[str, Any]:
    return {"columns": columns, "dtype_name": dtype.str, "reproducible": reproducible}


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
        return factor(chunk_of(blocks, columns, dtype_name), np.dtype(dtype_name))


def chunk_of(blocks: Any, columns: int, dtype_name: str) -> Array:
    """The chunk, as an array whose shape is what its dask array says, to be computed with in a dtype.

    Raises
    ------
    ValueError, TypeError
    """
    (block,) = blocks
    chunk = np.asarray(block)
    if chunk.ndim != 2 or chunk.shape[1] != columns:
        raise ValueError(
            f"a has a chunk of shape {chunk.shape} where its columns are {columns}; the function that made a "
            f"gave chunks of other shapes than it said"
        )
    if not np.can_cast(chunk.dtype, dtype_name, "same_kind"):
        raise TypeError(
            f"a has a chunk of dtype {chunk.dtype}, which {dtype_name} does not hold, and its array says "
            f"another; give map_blocks or from_delayed the right dtype="
        )
    return chunk


def _reduced(factors: Householder) -> Reduced:
    return Reduced(factors.r, factors.rows)


def project_chunk(factors: Householder, b: Any, reproducible: bool) -> Part:
    """The factors of a chunk and the one chunk of right-hand sides beside it, as a part."""
    (columns,) = b if isinstance(b, list) else (b,)
    return Part(_reduced(factors), _project(factors, columns, None, reproducible))


def _fold(parts: list[Part], dtype_name: str, reproducible: bool) -> Part:
    made = _merge([part.reduced for part in parts], dtype_name, reproducible)
    return Part(_reduced(made), _project_merged(made, [part.right for part in parts], reproducible))


def _merge(parts: list[Reduced], dtype_name: str, reproducible: bool) -> Householder:
    rows = sum(part.rows for part in parts)
    with alone(reproducible):
        return factor(np.concatenate([part.r for part in parts]), np.dtype(dtype_name), rows=rows)


def _project(factors: Householder, b: Any, place: int | None, reproducible: bool) -> Projected:
    columns = np.asarray(b)
    if len(columns) != factors.rows:
        raise LinAlgError(
            f"a has {factors.rows} rows in its chunk{'' if place is None else f' {place}'} and b has "
            f"{len(columns)}; each row of b belongs to a row of a: rechunk one as the other"
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
    return as_said(made, dtype) if dtype else made
