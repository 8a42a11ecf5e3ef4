"""Squared distances of points that a factor of a whole metric transformed, from their differences.

With few features a kernel of differences takes less time than a matrix product and the look at what cancels
in it, and much less cancels.  Let u be the unit roundoff and z the points, centred and transformed in more
digits than they have (`distances.precisely`) and then rounded: each coordinate is off by ``u |z|`` at most,
but for little.  So the root of a distance q is off by ``u (|z_i| + |z_j|)``, and q itself by
``2 sqrt(2) u sqrt(q T)`` with ``T = |z_i|**2 + |z_j|**2``, and by ``(R + 3) u q`` for the sum of R terms.
With ``q >= T / 700`` and at most `MOST` terms that is less than 104 u, of the 128 of the rule; all other
pairs are computed from the differences of the points themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.c_einsum import c_einsum
from ..._native import CORE
from . import distances
from .metric import Factor

Array = np.ndarray[Any, Any]

#: The most features.
MOST = 24
#: How much smaller a distance may be than its terms, and the share of those that are from which this is no
#: way.
_LEAST, _OFTEN = 700.0, 0.1
#: Bytes of rows that are looked at together.
_BLOCK = 1 << 19
#: Seconds of a pair, and of each of its features in double precision.
PAIR, TERM = 8e-10, 1e-10


def squared_distances(x: Array, y: Array, factor: Factor, out: Array, threads: int) -> bool:
    """Fill `out` like `distances.squared_distances`; False if that has to be done another way.

    Parameters
    ----------
    x, y : ndarray, shapes (n, D) and (m, D)
        C-ordered; the same array if there is one set of points.
    factor : Factor
        Of a whole metric.
    out : ndarray, shape (n, m)
    """
    same = y is x
    centre = distances.about_mean(x, y)
    left = _side(x, centre, factor.u, out.dtype)
    right = left if same else _side(y, centre, factor.u, out.dtype)
    if not (np.isfinite(left[1]).all() and np.isfinite(right[1]).all()):
        return False
    CORE.difference_forms(left[0], right[0], np.ones(left[0].shape[1], out.dtype), out, threads)
    if same:
        np.fill_diagonal(out, np.inf)
    places = _close(out, left[1], right[1])
    if len(places[0]) > _OFTEN * out.size:
        return False
    if same:
        i, j = places
        places = i[i < j], j[i < j]
    distances.mend(x, y, factor.metric, out, places)
    if same:
        out[places[1], places[0]] = out[places]
        np.fill_diagonal(out, 0)
    return True


def _side(points: Array, centre: Array, u: Any, dtype: Any) -> tuple[Array, Array]:
    """Transformed points, and what a distance must not be less than."""
    z = distances.precisely(points, centre, u)
    size = c_einsum("ik,ik->i", z, z)
    centred = np.abs(points - centre) @ np.abs(u).T
    size += distances.PRECISE * c_einsum("ik,ik->i", centred, centred)
    return np.ascontiguousarray(z, dtype), (size / _LEAST).astype(dtype)


def _close(out: Array, left: Array, right: Array) -> tuple[Array, Array]:
    """Places of what is less than both sides' limits."""
    most = right.max()
    rows = max(1, _BLOCK // (out.shape[1] * out.itemsize))
    found: list[tuple[Array, Array]] = []
    for first in range(0, len(out), rows):
        part, own = out[first : first + rows], left[first : first + rows]
        # Not "less": of what is not a number nothing is known. Against the largest limit first, which is a
        # vector, not a tile; and of one axis, which is found in a third of the time.
        if part.min() >= own.max() + most:
            continue
        i, j = np.divmod(np.flatnonzero(~(part >= (own + most)[:, None])), part.shape[1])
        really = ~(part[i, j] >= own[i] + right[j])
        found.append((i[really] + first, j[really]))
    if not found:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    return np.concatenate([i for i, _ in found]), np.concatenate([j for _, j in found])
