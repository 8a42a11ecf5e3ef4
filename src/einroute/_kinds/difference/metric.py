"""A factor of the metric: squared forms as plain squared distances of transformed points.

``d' M d`` sees the symmetric part of M alone.  That is ``U' U``, with U diagonal, or the Cholesky factor, or
for a semidefinite M what its eigenvectors give.  M is scaled to a unit diagonal first, so that the factor's
error is small against each feature's own scale: Demmel, "On floating point errors in Cholesky", LAPACK
Working Note 14 (1989); Higham, "Accuracy and Stability of Numerical Algorithms" (2002), theorem 10.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._base.routes import Declined

Array = np.ndarray[Any, Any]

#: What no entry of a semidefinite matrix of unit diagonal exceeds, rounded.
_LARGEST = 1.001
_INDEFINITE = "the metric is neither positive nor negative semidefinite"


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """A metric as ``sign * U' U``.

    Attributes
    ----------
    sign : {1, -1}
    u : ndarray, shape (D,) or (R, D), or None
        U, or its diagonal; None for the identity.
    metric : ndarray, shape (D,) or (D, D), or None
        ``U' U`` before it was factored: what single pairs are computed with.
    """

    sign: int
    u: Array | None
    metric: Array | None


def factor(metric: Array | None) -> Factor | Declined:
    """Factor a metric.

    Parameters
    ----------
    metric : ndarray, shape (D,) or (D, D), or None
        Diagonal, or whole, or the identity.
    """
    if metric is None:
        return Factor(1, None, None)
    if not np.isfinite(metric).all():
        return Declined("the metric is not finite")
    diagonal = metric if metric.ndim == 1 else metric.diagonal()
    sign = 1 if (diagonal >= 0).all() else -1
    size = diagonal if sign > 0 else -diagonal
    if sign < 0 and not (size >= 0).all():
        return Declined(_INDEFINITE)
    if metric.ndim == 1 or np.count_nonzero(metric) == np.count_nonzero(diagonal):
        return Factor(sign, np.sqrt(size), size)
    if sign < 0:
        metric = -metric
    half = metric.dtype.type(0.5)
    u = _whole(metric * half + metric.T * half, size)
    return Declined(_INDEFINITE) if u is None else Factor(sign, u, metric)


def _whole(symmetric: Array, size: Array) -> Array | None:
    """U with ``U' U`` equal to a symmetric matrix of diagonal ``size``, or None if there is none.

    An eigenvalue that is left out is below 16 eps in a matrix of unit diagonal: in the form that makes at
    most 16 eps times ``sum_k M_kk d_k**2``.
    """
    scale = np.sqrt(size)
    there = scale > 0
    if there.all():
        unit = symmetric / scale / scale[:, None]
    else:
        if symmetric[~there].any():
            return None
        safe = np.where(there, scale, 1)
        unit = symmetric / safe / safe[:, None]
        unit[~there, ~there] = 1  # features that do not count
    try:
        upper: Array | None = np.linalg.cholesky(unit).T
    except np.linalg.LinAlgError:
        # A minor of two features tells mostly, in a hundredth of the time that eigenvalues take.
        upper = _semidefinite(unit) if np.abs(unit).max() < _LARGEST else None
    return None if upper is None else upper * scale


def _semidefinite(unit: Array) -> Array | None:
    try:
        values, vectors = np.linalg.eigh(unit)
    except np.linalg.LinAlgError:  # it overflowed
        return None
    # Of a semidefinite matrix the zeros come out as the size of rounding, about sqrt(D) eps / 2.
    least = min(16.0, 2 * len(unit) ** 0.5) * np.finfo(unit.dtype).eps
    if not values[0] >= -least:
        return None
    real = values > least
    upper: Array = np.sqrt(values[real])[:, None] * vectors[:, real].T
    return upper
