"""What the solvers would do, from shapes and chunks: no graph is built."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import GEMM, Cost
from ..._base.formatting import in_bytes
from ..._base.solvers import Solving, Told
from .factorized import DaskFactorized
from .operands import as_dask, check, chunks_of_rows, is_wide
from .seminormal import PASSES
from .tsqr import groups

__all__ = ["explain_inv", "explain_lstsq", "explain_pinv", "explain_solve"]

#: By chunks of rows, and each matrix whole in a task.
ROUTE, WHOLE = "factors.tsqr", "factors.lu"
_NONE = "not asked: factorize keeps a dask array's factors"


def explain_lstsq(given: Solving, a: Any, b: Any, rcond: Any = None) -> Told:
    """What `lstsq` would do."""
    given.check(ROUTE, "a dask array")
    a, b = _shaped(a), _shaped(b)
    columns = 1 if b.ndim < 2 else b.shape[1]
    blocks = len(b.chunks[1]) if b.ndim == 2 and hasattr(b, "chunks") else 1
    if isinstance(a, DaskFactorized):
        check("lstsq", a.array, b)
        return _by_factors(a, columns, blocks)
    check("lstsq", a, b)
    return _by_rows(given, "lstsq", a, b, columns, blocks)


def explain_pinv(
    given: Solving, a: Any, rcond: Any = None, hermitian: bool = False, rtol: Any = np._NoValue
) -> Told:
    """What `pinv` would do."""
    a = a.array if isinstance(a, DaskFactorized) else as_dask(a)
    check("pinv", a)
    if hermitian or a.ndim > 2:
        return _whole(given, a, 20)
    given.check(ROUTE, "a dask array")
    return _by_rows(given, "pinv", a, None, min(a.shape), 1)


def explain_solve(given: Solving, a: Any, b: Any) -> Told:
    """What `solve` would do."""
    a, b = _shaped(a), _shaped(b)
    if isinstance(a, DaskFactorized):
        given.check(ROUTE, "a dask array")
        check("solve", a.array, b)
        return _by_factors(a, 1 if b.ndim < 2 else b.shape[1], 1)
    check("solve", a, b)
    return _whole(given, a, 1)


def explain_inv(given: Solving, a: Any) -> Told:
    """What `inv` would do."""
    a = a.array if isinstance(a, DaskFactorized) else as_dask(a)
    check("inv", a)
    return _whole(given, a, 3)


def _shaped(x: Any) -> Any:
    """What has a shape and a dtype, as it is; else as an array."""
    x = as_dask(x)
    return x if hasattr(x, "shape") and hasattr(x, "dtype") else np.asarray(x)


def _by_rows(given: Solving, function: str, a: Any, b: Any, columns: int, blocks: int) -> Told:
    wide = is_wide(a)
    if wide and not hasattr(a, "chunks"):
        rows: tuple[Any, ...] = a.shape[1:]
    else:
        rows = chunks_of_rows(function, a.T if wide else a, given.memory_limit, b=b)
    n, itemsize = a.shape[0 if wide else 1], 16 if a.dtype.kind == "c" else 8
    widths = [len(rows)]
    while widths[-1] > 1:
        widths.append(len(groups(widths[-1])))
    nodes = sum(widths)
    tasks = nodes * (2 + blocks * (1 + wide)) + 3 + 2 * blocks
    height = max(rows)
    moved = len(rows) * (n * n + n * columns) * itemsize
    known = not np.isnan(height)
    chunk = f"{len(rows)} chunk{'s' * (len(rows) != 1)} of "
    chunk += f"up to {height}x{n}" if known else "unknown sizes"
    peak = f"at most {in_bytes(3 * int(height) * n * itemsize)} in a task; " if known else ""
    side = "the adjoint's rows" if wide else "rows"
    method = (
        f"QR of each chunk of {side} ({chunk}), a tree of their triangles with {len(widths) - 1} levels, "
        f"and the decomposition of the last; {tasks} tasks; {peak}at most {in_bytes(moved)} between workers"
    )
    whole = float(sum(rows)) if known else 0.0
    work = whole * n * (n + 2 * columns) * (itemsize / 8) ** 2
    return Told(ROUTE, _NONE, method, Cost(work, whole * n * a.dtype.itemsize, tasks * 1000, GEMM / 2))


def _by_factors(a: DaskFactorized, columns: int, blocks: int) -> Told:
    (m, n), rows = a.shape, a.array.chunks[0]
    known = not np.isnan(m)
    method = (
        f"corrected semi-normal equations with the kept triangle: {len(rows)} chunks of rows are read "
        f"and compared with what was factored {PASSES} times, for the answer and for its correction"
    )
    size = float(m * n) if known else 0.0
    tasks = len(rows) * PASSES * (2 + blocks)
    return Told(
        ROUTE, "explicit factors", method, Cost(3 * size * columns, 2 * size * a.dtype.itemsize, tasks * 1000)
    )


def _whole(given: Solving, a: Any, times: int) -> Told:
    given.check(WHOLE, "a dask array")
    *stack, m, n = a.shape
    count = int(np.prod(stack)) if stack else 1
    blocks = int(np.prod(a.numblocks[:-2])) if stack else 1
    method = f"LAPACK, each matrix whole in a task of {in_bytes(3 * m * n * 8)}; {blocks} such tasks"
    return Told(
        WHOLE, _NONE, method, Cost(times * count * m * m * n / 3, count * m * n * 8.0, 1000 * blocks, GEMM)
    )
