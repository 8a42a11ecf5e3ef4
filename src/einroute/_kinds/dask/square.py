"""solve and inv of dask matrices and stacks of them: LAPACK's LU of each matrix whole, in one task.

dask's own blocked LU pivots within the blocks of the diagonal only, and fails on matrices that LAPACK solves.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import dask.array as da
from numpy.typing import NDArray

from ..._base.numpy_functions import numpy_inv, numpy_pinv, numpy_solve
from ..._base.routes import NoRoute
from .decomposition import alone, as_said
from .operands import dtypes

__all__ = ["each", "inverse", "pseudo_inverses", "solution", "within"]

Array = NDArray[Any]

#: A task holds the matrix as it came, LAPACK's copy, and right-hand sides.
COPIES = 3


def solution(a: Any, b: Any, memory_limit: int | None, reproducible: bool) -> Any:
    """X of ``a @ x = b``; ``b`` is a vector only if it has one dimension."""
    within("solve", a, memory_limit)
    inside = "(m,m),(m)->(m)" if b.ndim == 1 else "(m,m),(m,k)->(m,k)"
    return each(numpy_solve, inside, "solve", (a, b), reproducible)


def inverse(a: Any, memory_limit: int | None, reproducible: bool) -> Any:
    """The inverse of each matrix."""
    within("inv", a, memory_limit)
    return each(numpy_inv, "(m,m)->(m,m)", "inv", (a,), reproducible)


def pseudo_inverses(
    a: Any, cutoff: Any, hermitian: bool, memory_limit: int | None, reproducible: bool
) -> Any:
    """The pseudo-inverse of each matrix of a stack, or of a Hermitian one."""
    within("pinv", a, memory_limit)
    function = partial(numpy_pinv, rcond=cutoff, hermitian=hermitian)
    return each(function, "(m,n)->(n,m)", "pinv", (a,), reproducible)


def each(function: Any, inside: str, name: str, operands: tuple[Any, ...], reproducible: bool) -> Any:
    """A function of whole matrices, of each of a stack."""
    dtype = dtypes(*operands)[0] if name != "pinv" or operands[0].size else operands[0].dtype  # as NumPy
    run = partial(_alone, function, dtype.str, reproducible)
    run.__name__ = name  # type: ignore[attr-defined]  # what dask calls the tasks
    inner = [term.count(",") + 1 for term in inside.partition("->")[0].split("),(")]
    pairs: list[Any] = []
    for number, (x, core) in enumerate(zip(operands, inner, strict=True)):
        stack = x.ndim - core
        # Axes of stacks are shared, counted from their end; those of the matrices are each operand's own.
        labels = [*(f"stack {i}" for i in range(stack, 0, -1)), *(f"{number} {i}" for i in range(core))]
        pairs += [x.rechunk(dict.fromkeys(range(-core, 0), -1)), labels]
    _, whole = da.core.unify_chunks(*pairs)
    return da.apply_gufunc(run, inside, *whole, output_dtypes=dtype)


def _alone(function: Any, dtype: str, reproducible: bool, *matrices: Array) -> Any:
    with alone(reproducible):
        return as_said(function(*matrices), dtype)


def within(function: str, a: Any, memory_limit: int | None) -> None:
    """Refuse matrices that the memory limit lets no task hold.

    Raises
    ------
    NoRoute
    """
    needed = COPIES * a.shape[-2] * a.shape[-1] * max(8, a.dtype.itemsize)
    if memory_limit is not None and needed > memory_limit:
        raise NoRoute(
            f"{function}: a task holds a matrix {a.shape[-2]}x{a.shape[-1]} whole and needs {needed} "
            "bytes, and "
            f"memory_limit is {memory_limit}; raise it with config(memory_limit=), or use lstsq"
        )
