"""lstsq, solve, inv and pinv of dask arrays with scipy.linalg's signatures."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from dask.base import tokenize
from numpy.typing import NDArray

from ..._base.errors import shown, suggest
from ..._base.solvers import Solving
from .decomposition import Decomposed
from .factorized import DaskFactorized
from .householder import Projected
from .layers import chunked
from .operands import allowed, as_dask, both, check, check_cutoff, dtypes, fitting, is_wide
from .outcome import solved, spectrum
from .seminormal import Corrected
from .square import each, within
from .tsqr import reduced_and_right
from .wide import pseudo_inverse, shortest

__all__ = ["scipy_inv", "scipy_lstsq", "scipy_pinv", "scipy_solve"]

Array = NDArray[Any]

_DRIVERS = ("gelsd", "gelss", "gelsy")


def scipy_lstsq(
    given: Solving,
    a: Any,
    b: Any,
    cond: Any = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    lapack_driver: str | None = None,
) -> tuple[Any, Any, Any, Any]:
    """`einroute.scipy.linalg.lstsq` of dask arrays.

    Residuals are as SciPy 1.18 has them, whatever SciPy is installed: their shape does not depend on the
    rank, and
    they are nan where that is below N < M. The driver decides on ``s`` alone.
    """
    if lapack_driver is not None and lapack_driver not in _DRIVERS:
        raise ValueError(f"lapack_driver is {shown(lapack_driver)}, {suggest(lapack_driver, _DRIVERS)}")
    allowed(given, "factors.tsqr")
    matrix = a.array if isinstance(a, DaskFactorized) else a
    dtype = dtypes(*both("lstsq", matrix, b))[0]
    cutoff = float(np.finfo(dtype).eps) if cond is None else check_cutoff(cond)
    if isinstance(a, DaskFactorized):
        x, right, parts, a, b = a.parts_for(_checked(b, check_finite), cutoff)
    else:
        a, b = both("lstsq", a, b)
        b = _checked(b, check_finite)
        if is_wide(a):
            check("lstsq", a, b)
            x, none, rank, s = shortest(a, b, cutoff, given.memory_limit, given.reproducible)
            return x, none, rank, None if lapack_driver == "gelsy" else s
        a, b = fitting("lstsq", a, b, given.memory_limit)
        parts, right = reduced_and_right(a, b, given.reproducible)
        x = solved(parts, right, a, b, cutoff, False, given.reproducible)
    rank, s = spectrum(parts, a, cutoff, dtypes(a, b)[1])
    return x, _residuals(parts, right, a, b, cutoff), rank, None if lapack_driver == "gelsy" else s


def _residuals(parts: Any, right: Any, a: Any, b: Any, cutoff: float | None) -> Any:
    real = dtypes(a, b)[1]
    name = f"lstsq-residuals-{tokenize('scipy', parts.name, right.name, cutoff, real)}"
    if a.shape[0] == a.shape[1]:
        return chunked(name, {(name, 0): (np.empty, 0, real.str)}, ((0,),), real, [])
    vector = b.ndim == 1
    tasks = {
        (name, *(() if vector else (j,))): (
            _residual,
            (parts.name, 0),
            (right.name, 0, j),
            cutoff,
            real.str,
            vector,
        )
        for j in range(right.numblocks[1])
    }
    return chunked(name, tasks, b.chunks[1:], real, [parts, right])


def _residual(
    parts: Decomposed, right: Projected | Corrected, cutoff: float | None, real: str, vector: bool
) -> Any:
    found = right.outside.astype(real)
    if parts.rank(cutoff) < len(parts.r):
        found = np.full_like(found, np.nan)
    return found[0] if vector else found


def _checked(b: Any, wanted: bool) -> Any:
    """``b``, whose chunks raise when computed if they hold nan or infinity and that is asked for."""
    b = as_dask(b)
    b = b if hasattr(b, "dask") else np.asarray(b)
    if not wanted or b.dtype.kind not in "fc":
        return b
    if not hasattr(b, "dask"):
        return _finite(b)
    return b.map_blocks(_finite, dtype=b.dtype, meta=b._meta, name=f"finite-{tokenize(b.name)}")


def _finite(x: Any) -> Any:
    if not np.isfinite(x).all():
        raise ValueError("array must not contain infs or NaNs: b does; remove or replace such rows first")
    return x


def scipy_solve(
    given: Solving,
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: str | None = None,
    transposed: bool = False,
) -> Any:
    """`einroute.scipy.linalg.solve` of dask arrays: SciPy's own function, each matrix whole in one task."""
    if isinstance(a, DaskFactorized):
        a = a.reading(0)
    a, b = both("solve", a, b)
    check("solve", a, b)
    options: dict[str, Any] = {"lower": lower, "check_finite": check_finite, "transposed": transposed}
    if assume_a is not None:
        options["assume_a"] = assume_a
    inside = "(m,m),(m)->(m)" if b.ndim == 1 else "(m,m),(m,k)->(m,k)"
    return _each(given, inside, (a, b), options)


def scipy_inv(
    given: Solving, a: Any, overwrite_a: bool = False, check_finite: bool = True, **newer: Any
) -> Any:
    """`einroute.scipy.linalg.inv` of a dask array: SciPy's own function, each matrix whole in one task."""
    a = a.reading(0) if isinstance(a, DaskFactorized) else as_dask(a)
    check("inv", a)
    return _each(given, "(m,m)->(m,m)", (a,), {"check_finite": check_finite, **newer})


def _each(given: Solving, inside: str, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
    allowed(given, "factors.lu")
    within(given.function, operands[0], given.memory_limit)
    function = partial(given.on_arrays, **options)  # SciPy's own
    return each(function, inside, given.function, operands, given.reproducible)


def scipy_pinv(
    given: Solving,
    a: Any,
    *,
    atol: Any = None,
    rtol: Any = None,
    return_rank: bool = False,
    check_finite: bool = True,
) -> Any:
    """`einroute.scipy.linalg.pinv` of a dask matrix, by chunks of its longer side."""
    allowed(given, "factors.tsqr")
    a = a.reading(0) if isinstance(a, DaskFactorized) else as_dask(a)
    if a.ndim > 2:
        raise ValueError(f"pinv: a has shape {a.shape}, expected (M, N); einroute.linalg.pinv takes stacks")
    check("pinv", a)
    absolute = 0.0 if atol is None else check_cutoff(atol)
    relative = float(max(a.shape) * np.finfo(dtypes(a)[0]).eps) if rtol is None else check_cutoff(rtol)
    assert absolute is not None
    assert relative is not None
    if absolute < 0 or relative < 0:
        raise ValueError("atol and rtol must be at least 0")
    found, rank = pseudo_inverse(a, relative, given.memory_limit, given.reproducible, absolute)
    return (found, rank) if return_rank else found
