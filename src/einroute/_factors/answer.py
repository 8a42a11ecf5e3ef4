"""Factors' answers as numpy.linalg gives them: its tuple, its dtypes."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._base.errstate import quiet
from .._base.numpy_functions import numpy_vdot
from .lu import LUFactors
from .svd import SVDFactors

Array = NDArray[Any]
_float64 = np.dtype(np.float64)


def plain_cutoff(rcond: Any) -> bool:
    """Whether a cutoff leaves nothing for NumPy to judge: None, a float, or a small int."""
    return rcond is None or type(rcond) is float or (type(rcond) is int and -1 <= rcond <= 1)


def lstsq_answer(
    factors: SVDFactors, a: Array, b: Array, rcond: float | None
) -> tuple[Array, Array, Any, Array] | None:
    """What numpy.linalg.lstsq returns; None where LAPACK's driver is to be asked.

    Parameters
    ----------
    factors : SVDFactors
        In double precision.
    a : ndarray
        The matrix (m, n) that was factored.
    b : ndarray
        (m,) or (m, K), K > 0.
    rcond : float or None
    """
    rank = factors.rank(rcond)
    answer = None if rank is None or not b.size else factors.lstsq(a, b, rank)
    if rank is None or answer is None:
        return None
    x, residuals = answer
    s = factors.s.copy()
    if a.dtype is _float64 and b.dtype is _float64:
        return x, np.empty(0) if residuals is None else residuals, np.int32(rank), s
    result = result_dtype(a, b)
    real = np.empty(0, result).real.dtype
    residuals = np.empty(0, real) if residuals is None else residuals.astype(real, copy=False)
    return x.astype(result, copy=False), residuals, np.int32(rank), s.astype(real, copy=False)


def pinv_answer(factors: SVDFactors, a: Array, cutoff: float) -> Array | None:
    """What numpy.linalg.pinv returns at this cutoff, relative to s[0]; None where NumPy is to be asked."""
    rank = factors.rank(cutoff)
    return None if rank is None else factors.pinv(rank).astype(result_dtype(a), copy=False)


def solve_answer(factors: LUFactors, a: Array, b: Array, transposed: bool = False) -> Array | None:
    """What numpy.linalg.solve returns for b (n,) or (n, K); None where x is not finite, or almost."""
    x = factors.solve(b, transposed)
    return x.astype(result_dtype(a, b), copy=False) if is_safe(x) else None


@quiet
def is_safe(x: Array) -> bool:
    """Whether the squared norm of ``x`` is finite."""
    return isfinite(numpy_vdot(x, x).real)


def result_dtype(*arrays: Array) -> np.dtype[Any]:
    """numpy.linalg's result dtype: single only where all are single, complex where any is."""
    single = all(x.dtype.char in "fF" for x in arrays)
    if any(x.dtype.kind == "c" for x in arrays):
        return np.dtype(np.complex64 if single else np.complex128)
    return np.dtype(np.float32 if single else np.float64)
