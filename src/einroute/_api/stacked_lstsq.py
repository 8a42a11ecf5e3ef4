"""lstsq over stacks of matrices: one batched decomposition, then products over the whole stack.

NumPy's lstsq takes one matrix; the rule for the shape of ``b`` is SciPy 1.17's: a vector only if 1-D.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import NDArray

from .._base.linalg import SUPPORTED
from .._base.numpy_functions import numpy_lstsq
from .._factors.answer import result_dtype
from .._factors.factorizations import in_double
from .._factors.svd import NEAR, ROUNDING

Array = NDArray[Any]


def lstsq_stack(a: Array, b: Array, rcond: Any) -> tuple[Array, Array, Array, Array]:
    """The least-squares solution of each matrix of a stack.

    Parameters
    ----------
    a : ndarray
        (..., m, n) with more than two dimensions.
    b : ndarray
        (m,), (m, K) or (..., m, K); its stack broadcasts against that of ``a``.
    rcond : float or None

    Returns
    -------
    x, residuals, rank, s
        As `einroute.lstsq` describes them.

    Raises
    ------
    numpy.linalg.LinAlgError
        Sizes or stacks that do not fit, no convergence.
    TypeError
        A dtype that LAPACK does not take.
    """
    stack = check_stack(a, b)
    vector = b.ndim == 1
    columns = b[:, None] if vector else b
    result = result_dtype(a, b)
    x, residuals, rank, s = _solve(in_double(a), in_double(columns), stack, rcond)
    real = np.empty(0, result).real.dtype
    if vector:
        x = x[..., 0]
    return x.astype(result, copy=False), residuals.astype(real, copy=False), rank, s.astype(real, copy=False)


def check_stack(a: Array, b: Array) -> tuple[int, ...]:
    """The shape of the stack of solutions.

    Raises
    ------
    numpy.linalg.LinAlgError, TypeError
        As `lstsq_stack`.
    """
    for name, x in (("a", a), ("b", b)):
        if x.dtype.char not in SUPPORTED:
            raise TypeError(f"{name} has dtype {x.dtype}, which lstsq does not take; convert it to float64")
    if b.ndim == 0:
        raise LinAlgError(f"b has shape (), expected (M,) or (..., M, K) with M = {a.shape[-2]}")
    rows, m = b.shape[max(0, b.ndim - 2)], a.shape[-2]
    if rows != m:
        raise LinAlgError(
            f"a has {m} rows (shape {a.shape}) and b has {rows} (shape {b.shape}); "
            "each row of b belongs to a row of a"
        )
    try:
        return np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise LinAlgError(
            f"the stacks {a.shape[:-2]} of a and {b.shape[:-2]} of b do not broadcast; "
            "make their sizes equal or 1"
        ) from None


def _solve(a: Array, b: Array, stack: tuple[int, ...], rcond: Any) -> tuple[Array, Array, Array, Array]:
    m, n = a.shape[-2:]
    k = b.shape[-1]
    if not (a.size and b.size):
        return _empty(a, b, stack)
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    rank, clear = _ranks(s, rcond, max(m, n))
    counted = np.arange(s.shape[-1]) < rank[..., None]
    with np.errstate(all="ignore"):  # what comes out useless is done again below
        inverse = np.where(counted, 1 / s, 0)[..., None]
        uh, v = np.swapaxes(u.conj(), -1, -2), np.swapaxes(vh.conj(), -1, -2)
        x = v @ (inverse * (uh @ b))
        r = b - a @ x
        d = uh @ r
        x = x + v @ (inverse * d)
        r = r - u @ d
        residuals = (r.real**2 + r.imag**2).sum(axis=-2) if m > n else np.empty((*stack, 0))
    x = np.array(np.broadcast_to(x, (*stack, n, k)))
    rank = np.array(np.broadcast_to(rank, stack), np.int32)
    s = np.array(np.broadcast_to(s, (*stack, s.shape[-1])))
    if m > n:
        residuals = np.where(rank[..., None] == n, np.broadcast_to(residuals, (*stack, k)), np.nan)
    redo = ~np.broadcast_to(clear, stack) | ~np.isfinite(x).all(axis=(-1, -2))
    every_a, every_b = np.broadcast_to(a, (*stack, m, n)), np.broadcast_to(b, (*stack, m, k))
    for at in zip(*np.nonzero(redo), strict=True):
        x[at], squares, rank[at], s[at] = numpy_lstsq(every_a[at], every_b[at], rcond)
        if m > n:
            residuals[at] = squares if squares.size else np.nan
    return x, residuals, rank, s


def _ranks(s: Array, rcond: Any, longest: int) -> tuple[Array, Array]:
    """Ranks, and whether they are clear of the cutoff, as `SVDFactors.rank` decides it."""
    eps = float(np.finfo(np.float64).eps)
    rcond = eps * longest if rcond is None else float(rcond)
    if not 0 < rcond < 1:
        rcond = eps / 2
    largest = s[..., :1]
    cutoff = rcond * largest
    slack = ROUNDING * eps * longest**0.5 * largest
    near = (s >= np.minimum(cutoff / NEAR, cutoff - slack)) & (s <= np.maximum(cutoff * NEAR, cutoff + slack))
    return np.asarray((s > cutoff).sum(axis=-1)), np.asarray(~near.any(axis=-1))


def _empty(a: Array, b: Array, stack: tuple[int, ...]) -> tuple[Array, Array, Array, Array]:
    """Nothing to compute with: as numpy.linalg.lstsq answers for each matrix."""
    m, n = a.shape[-2:]
    k = b.shape[-1]
    x = np.zeros((*stack, n, k), np.result_type(a, b))
    s = np.zeros((*stack, min(m, n)))
    if a.size:
        s[...] = np.linalg.svd(a, compute_uv=False)
    rank = np.array(_ranks(s, None, max(m, n))[0] if min(m, n) else np.zeros(stack), np.int32)
    # Without columns all of b is left over, as NumPy has it.
    squares = (b.real**2 + b.imag**2).sum(axis=-2) if n == 0 else np.zeros((*b.shape[:-2], k))
    residuals = np.array(np.broadcast_to(squares, (*stack, k))) if m > n else np.empty((*stack, 0))
    return x, residuals, rank, s
