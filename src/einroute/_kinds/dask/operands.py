"""Matrices and right-hand sides of dask as the solvers take them: checked, of chunks that fit each other."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from numbers import Real
from typing import Any, NoReturn

import dask.array as da
import numpy as np
from dask import config as dask_config
from dask.utils import parse_bytes

from ..._base.errors import shown
from ..._base.linalg import misfit
from ..._base.routes import NoRoute
from ..._base.solvers import Solving
from ..._base.watch import tell_factors
from ..registry import is_sparse
from .graph import held_array
from .structured import LazyOperand

__all__ = [
    "allowed",
    "as_dask",
    "both",
    "check",
    "check_cutoff",
    "chunks_of_rows",
    "dtypes",
    "fitting",
    "is_wide",
    "limited",
    "matrix",
    "right_hand_side",
    "unknown",
]

#: A task holds a chunk of rows as it came, in double precision, and as reflections.
COPIES = 3


@dataclass(frozen=True, slots=True)
class _Facts:
    """Shape and dtype, for checks."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        return len(self.shape)


def unknown(sizes: Any) -> bool:
    """Whether some size is not known before the computation."""
    return any(isnan(size) for size in sizes)


def allowed(given: Solving, route: str) -> None:
    """Refuse a route that is forbidden; else tell a recording of it.

    Raises
    ------
    NoRoute
    """
    given.check(route, "a dask array")
    tell_factors(route, "not asked")


def check(function: str, a: Any, b: Any = None) -> None:
    """Refuse operands that the function does not take, as far as facts tell.

    Raises
    ------
    numpy.linalg.LinAlgError, ValueError, TypeError
        As numpy.linalg's function.
    """
    for name, x in (("a", a), ("b", b)):
        meta = getattr(x, "_meta", x)
        if is_sparse(meta) or not (meta is x or isinstance(meta, np.ndarray)):
            held = "is" if meta is x else "has chunks of"
            raise TypeError(
                f"{name} {held} {type(meta).__module__}.{type(meta).__name__}, and {function} of dask "
                "arrays takes NumPy's arrays; write them out with todense()"
            )
        if x is not None and function in {"solve", "inv", "pinv"} and unknown(x.shape):
            raise ValueError(
                f"{function}: {name} has chunks of unknown sizes; call {name}.compute_chunk_sizes() first"
            )
    # Where a number of rows is not known, tasks compare them.
    rows_known = b is None or not unknown((*a.shape[:1], *b.shape[:1]))
    facts = [None if x is None else _facts(x, rows_known) for x in (a, b)]
    found = misfit(function, *facts)
    if found is not None:
        error, message = found
        raise error(f"{function}: {message}")


def _facts(x: Any, rows_known: bool) -> _Facts:
    shape = tuple(0 if isnan(size) else int(size) for size in x.shape)
    return _Facts(shape if rows_known or not shape else (0, *shape[1:]), x.dtype)


def check_cutoff(rcond: Any) -> float | None:
    """A cutoff as a float, or None for the default.

    Raises
    ------
    TypeError
    """
    if rcond is None:
        return None
    if isinstance(rcond, np.ndarray) and rcond.ndim == 0:
        rcond = rcond[()]
    if not isinstance(rcond, Real | np.bool | np.floating | np.integer):
        raise TypeError(
            f"rcond is {shown(rcond)}, expected a number or None; it is part of the plan, so that it "
            "must be known"
        )
    return float(rcond)


def dtypes(*arrays: Any) -> tuple[np.dtype[Any], np.dtype[Any]]:
    """numpy.linalg's result dtype, and the real one of the same precision."""
    single = all(x.dtype.char in "fF" for x in arrays)
    real = np.dtype(np.float32 if single else np.float64)
    if any(x.dtype.kind == "c" for x in arrays):
        return np.dtype(np.complex64 if single else np.complex128), real
    return real, real


def limited(function: str, columns: int, itemsize: int, memory_limit: int | None) -> None:
    """Refuse a matrix whose triangle is beyond the memory limit.

    Raises
    ------
    NoRoute
    """
    needed = COPIES * columns * columns * itemsize
    if memory_limit is not None and needed > memory_limit:
        raise NoRoute(
            f"{function}: tasks hold triangles of {columns} columns and need {needed} bytes, and "
            "memory_limit is "
            f"{memory_limit}; raise it with config(memory_limit=)"
        )


def chunks_of_rows(function: str, a: Any, memory_limit: int | None, *, b: Any = None) -> tuple[Any, ...]:
    """The rows of each chunk of a tall matrix (M, N) as it is factored; neither much too few nor too many.

    Parameters
    ----------
    function : str
    a : dask Array or ndarray
    memory_limit : int or None
    b : dask Array, optional
        Whose chunks of rows ``a`` gets, if that has none.

    Raises
    ------
    ValueError
        A number of columns that is not known.
    NoRoute
        A memory limit that cannot be kept.
    """
    if unknown(a.shape[1:]):
        raise ValueError(
            f"{function}: a has an unknown number of columns, and the shape of the answer depends on it; "
            "call a.compute_chunk_sizes() first"
        )
    n, itemsize = a.shape[1], max(8, a.dtype.itemsize)
    limited(function, n, itemsize, memory_limit)
    rows, blocks = (a.chunks[0], a.numblocks[1]) if isinstance(a, da.Array) else (b.chunks[0], 1)
    if unknown(rows) or not n:
        return tuple(rows)
    most = _most_rows(blocks, n * itemsize, memory_limit)
    return row_chunks(rows, n, most)


def matrix(function: str, a: Any, memory_limit: int | None) -> Any:
    """A dask matrix (M, N) in one chunk of columns and these `chunks_of_rows`; raises what that does."""
    rows = chunks_of_rows(function, a, memory_limit)
    if rows == a.chunks[0]:
        return a if a.numblocks[1] == 1 else a.rechunk({1: -1})
    return a.rechunk((rows, (a.shape[1],)))


def _most_rows(blocks: int, row_bytes: int, memory_limit: int | None) -> int | None:
    """Rows that a chunk may have; None for as many as the caller gave it."""
    if memory_limit is not None:
        return max(1, memory_limit // (COPIES * row_bytes))
    if blocks == 1:
        return None
    return max(1, int(parse_bytes(dask_config.get("array.chunk-size")) // row_bytes))


def row_chunks(rows: tuple[int, ...], n: int, most: int | None) -> tuple[int, ...]:
    """Chunks of rows of at most ``most``, joined where they are lower than n columns on the average."""
    if most is not None and max(rows) > most:
        cut: list[int] = []
        for size in rows:
            parts = -(-size // most) or 1
            cut.extend(size // parts + (i < size % parts) for i in range(parts))
        rows = tuple(cut)
    if len(rows) == 1 or sum(rows) >= 2 * n * len(rows):
        return rows
    joined, least = [0], 4 * n
    for size in rows:
        if joined[-1] and (joined[-1] >= least or (most is not None and joined[-1] + size > most)):
            joined.append(0)
        joined[-1] += size
    return tuple(joined)


def right_hand_side(function: str, a: Any, b: Any) -> Any:
    """``b`` as a dask array with the chunks of rows of ``a``.

    Raises
    ------
    numpy.linalg.LinAlgError, TypeError, ValueError
        As numpy.linalg's function; chunks of unknown sizes that cannot be told to fit.
    """
    rows, b = a.chunks[0], as_dask(b)
    b = b if isinstance(b, da.Array) else _array(function, "b", b)
    check(function, a, b)
    if unknown(b.shape[1:]):
        raise ValueError(
            f"{function}: b has an unknown number of columns; call b.compute_chunk_sizes() first"
        )
    if not isinstance(b, da.Array):
        if unknown(rows):
            _unmatched(function, "a")
        return held_array(b, (rows, *((size,) for size in b.shape[1:])), np.empty((0,) * b.ndim, b.dtype))
    if unknown(rows) or unknown(b.chunks[0]):
        fits = len(rows) == len(b.chunks[0]) and all(
            isnan(x) or isnan(y) or x == y for x, y in zip(rows, b.chunks[0], strict=True)
        )
        if not fits:
            _unmatched(function, "a" if unknown(rows) else "b")
        return b
    return b if b.chunks[0] == rows else b.rechunk({0: rows})


def _unmatched(function: str, name: str) -> NoReturn:
    raise ValueError(
        f"{function}: {name} has chunks of unknown sizes, and those of a and b cannot be told to be of "
        "the same rows; "
        f"call {name}.compute_chunk_sizes() first"
    )


def as_dask(x: Any) -> Any:
    """A structured operand of dask arrays written out, lazily; anything else as it is."""
    return x.written() if isinstance(x, LazyOperand) else x


def both(function: str, a: Any, b: Any) -> tuple[Any, Any]:
    """Matrix and right-hand sides as dask arrays, one of which came as one.

    Raises
    ------
    numpy.linalg.LinAlgError, TypeError, ValueError
        As numpy.linalg's function; sizes of ``b`` that must be known.
    """
    a, b = as_dask(a), as_dask(b)
    if isinstance(a, da.Array):
        return a, b if isinstance(b, da.Array) else _held(_array(function, "b", b))
    if not isinstance(b, da.Array):
        raise TypeError(f"b is a {type(b).__name__}, and {function} takes factors as a alone; pass an array")
    a = _array(function, "a", a)
    check(function, a, b)
    if function == "lstsq" and unknown(b.chunks[0]):
        _unmatched(function, "b")
    return _held(a, b.chunks[:1] if function == "lstsq" else None), b


def _array(function: str, name: str, x: Any) -> Any:
    """What came beside a dask array, as NumPy has it.

    Raises
    ------
    TypeError
        It is sparse.
    """
    if hasattr(x, "__dask_tokenize__"):
        raise TypeError(f"{name} is a {type(x).__name__}, and {function} takes an array there")
    if is_sparse(x):
        raise TypeError(
            f"{name} is a sparse {type(x).__name__}, and {function} takes dense ones beside dask arrays; "
            f"write it out with {name}.toarray() or {name}.todense()"
        )
    return np.asarray(x)


def _held(x: Any, rows: Any = None) -> Any:
    """An array of this process's, in chunks of those rows, or whole."""
    chunks = (*(rows or ()), *((size,) for size in x.shape[len(rows or ()) :]))
    return held_array(x, chunks, np.empty((0,) * x.ndim, x.dtype))


def is_wide(a: Any) -> bool:
    """Whether a matrix is known to have more columns than rows."""
    return a.ndim == 2 and not unknown(a.shape) and a.shape[0] < a.shape[1]


def fitting(function: str, a: Any, b: Any, memory_limit: int | None) -> tuple[Any, Any]:
    """A dask matrix (M, N) and right-hand sides (M,) or (M, K) in chunks of the same rows."""
    check(function, a)
    a = matrix(function, a, memory_limit)
    return a, right_hand_side(function, a, b)
