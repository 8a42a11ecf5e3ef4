"""lstsq, solve, inv, pinv and factorize of dask arrays: what `Kind.solvers` names."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.solvers import Solving
from .explained import ROUTE, WHOLE, explain_inv, explain_lstsq, explain_pinv, explain_solve
from .factorized import DaskFactorized
from .operands import allowed, as_dask, both, check, check_cutoff, fitting, is_wide
from .outcome import answers
from .scipy_solvers import scipy_inv, scipy_lstsq, scipy_pinv, scipy_solve
from .square import inverse, pseudo_inverses, solution
from .tsqr import decomposed, projected, triangle
from .wide import pseudo_inverse, shortest

__all__ = [
    "explain_inv",
    "explain_lstsq",
    "explain_pinv",
    "explain_solve",
    "factorize",
    "inv",
    "lstsq",
    "pinv",
    "scipy_inv",
    "scipy_lstsq",
    "scipy_pinv",
    "scipy_solve",
    "solve",
]


def lstsq(given: Solving, a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
    """`einroute.lstsq` where ``a`` or ``b`` is a dask array; nothing is computed.

    Returns
    -------
    x : dask Array
        (N,) or (N, K).
    residuals : dask Array
        Of unknown length, 0 where the rank turns out to be below N.
    rank : dask Array
        0-d, int32.
    s : dask Array
        (min(M, N),).

    Raises
    ------
    numpy.linalg.LinAlgError
        Dimensions and sizes; when computed, nan or infinity in ``a``.
    TypeError
        dtypes that LAPACK does not take, chunks that are no arrays.
    ValueError
        Unknown sizes of chunks that must be known.
    NoRoute
    """
    allowed(given, ROUTE)
    if isinstance(a, DaskFactorized):
        return a.lstsq(b, rcond)
    cutoff = check_cutoff(rcond)
    a, b = both("lstsq", a, b)
    if is_wide(a):
        return shortest(a, b, cutoff, given.memory_limit, given.reproducible)
    a, b = fitting("lstsq", a, b, given.memory_limit)
    made = triangle(a, given.reproducible)
    parts = decomposed(made.top, given.reproducible)
    return answers(parts, projected(made, b), a, b, cutoff, given.reproducible)


def factorize(given: Solving, a: Any) -> DaskFactorized:
    """`einroute.factorize` of a dask array: starts the work, and keeps its triangle.

    Raises
    ------
    numpy.linalg.LinAlgError, TypeError, ValueError, NoRoute
        As `lstsq`.
    """
    allowed(given, ROUTE)
    if isinstance(a, DaskFactorized):
        return a
    return DaskFactorized(as_dask(a), given.memory_limit, given.reproducible)


def solve(given: Solving, a: Any, b: Any) -> Any:
    """`einroute.linalg.solve` where ``a`` or ``b`` is a dask array: each matrix in one task; nothing is
    computed.

    Raises
    ------
    numpy.linalg.LinAlgError
        ``a`` is not square; when computed, it is singular.
    ValueError
        Sizes that differ, or are not known.
    TypeError
        As `lstsq`.
    NoRoute
    """
    if isinstance(a, DaskFactorized):
        allowed(given, ROUTE)
        return a.solve(b)
    allowed(given, WHOLE)
    a, b = both("solve", a, b)
    check("solve", a, b)
    return solution(a, b, given.memory_limit, given.reproducible)


def inv(given: Solving, a: Any) -> Any:
    """`einroute.linalg.inv` of a dask array: each matrix in one task; raises what `solve` does."""
    a = _matrix(given, WHOLE, a)
    check("inv", a)
    return inverse(a, given.memory_limit, given.reproducible)


def pinv(given: Solving, a: Any, rcond: Any = None, hermitian: bool = False, rtol: Any = np._NoValue) -> Any:
    """`einroute.linalg.pinv` of a dask array: a matrix by chunks of its longer side, stacks a matrix a task.

    Raises
    ------
    numpy.linalg.LinAlgError, ValueError, TypeError, NoRoute
        As `lstsq`.
    """
    if rcond is not None and rtol is not np._NoValue:
        raise ValueError("pinv: rcond and rtol are two names of one option; give one of them")
    whole = hermitian or a.ndim > 2
    a = _matrix(given, WHOLE if whole else ROUTE, a)
    check("pinv", a)
    if rtol is None:
        if a.dtype.kind not in "fc":
            raise ValueError(
                f"pinv: a has dtype {a.dtype}, which has no precision for rtol=None; pass a number"
            )
        rtol = max(a.shape[-2:]) * float(np.finfo(a.dtype).eps)
    chosen = rcond if rtol is np._NoValue else rtol
    cutoff = check_cutoff(1e-15 if chosen is None else chosen)
    assert cutoff is not None
    if whole:
        return pseudo_inverses(a, cutoff, hermitian, given.memory_limit, given.reproducible)
    return pseudo_inverse(a, cutoff, given.memory_limit, given.reproducible)[0]


def _matrix(given: Solving, route: str, a: Any) -> Any:
    """The dask array that an operand is, or that its factors are of."""
    allowed(given, route)
    return a.reading(0) if isinstance(a, DaskFactorized) else as_dask(a)
