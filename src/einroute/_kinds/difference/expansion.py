"""Squared forms by a metric of any signs: ``x' S x + y' S y - 2 x' S y``, and which entries that holds for.

S is the symmetric part of the metric; points are centred, and their features scaled by powers of two, so
that all are of one size.  With ``z = S x`` the form is ``a_i + b_j - 2 x_i . z_j`` with ``a_i = x_i . z_i``.

The bound.  Let u be the unit roundoff of the result, eps = 2 u.  The terms cancel, and for a metric that is
not semidefinite the form says nothing of their size.  So z and ``x_i . z_j`` are made in more digits: in
double precision for single, and else by parts whose leading products are exact (Ozaki, Ogita, Oishi and
Rump, "Error-free transformations of matrix multiplication", Numer. Algorithms 59, 2012).  What is left of
their error is at most ``u / 4`` of ``|x_i| w_j`` with ``w_j = |z_j| + 2**-10 |N |x_j||`` and N the absolute
values of S.  Rounding a, b and the three sums adds at most ``3 u (|a_i| + |b_j| + |q|)``.  With
``2 |x_i| w_j <= s |x_i|**2 + w_j**2 / s`` an error of at most ``u (l_i + r_j) + 3 u |q|`` is sure:

    ``l_i = 3 |a_i| + |x_i| w_i / 4 + s |x_i|**2 / 4`` and
    ``r_j = 3 |b_j| + |x_j| w_j / 4 + w_j**2 / (4 s)``.

The rule is ``64 eps B``, ``B = sum_kl |d_k| |M_kl| |d_l|``, which is at least ``|q|`` and at least
``sum_k |M_kk| d_k**2``: where neither is as large as ``(l_i + r_j) / 116``, an entry is computed from its
difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._base.c_einsum import c_einsum
from ..._base.numpy_functions import numpy_matmul
from ..._base.routes import Declined
from ..._base.threads import run_blocks, single_threaded_blas
from . import distances, plain

Array = np.ndarray[Any, Any]

#: The error that sums may make, in u.
_ALLOWED = 116.0
#: What is left of an error that is made in more digits, in u, and what z may be off against ``N |x|``.
_LEFT, _REST = 0.25, 2.0**-10
#: Scaled metrics whose products and squares do not overflow; and forms whose might have underflowed.
_SMALLEST, _LARGEST, _TINY = 1e-130, 1e130, 1e-150
#: How far the sum over the diagonal may be off, against its terms.
_ROUGH = 1e-9
#: The side of a tile; the share of one from which all of it is computed from its differences.
_SIDE, _MANY = 256, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Points as one side of the form.

    Attributes
    ----------
    points : ndarray, shape (n, D)
    products : tuple of ndarray, each of shape (n, K)
        Factors of one side, whose products add up to ``-2 x_i . z_j``.
    own : ndarray, shape (n,)
        ``x_i . z_i``.
    limit : ndarray, shape (n,)
        An entry less than the sum of both sides' is not known to hold the bound.
    diagonal : ndarray, shape (n, D)
        Points scaled by the roots of the metric's diagonal.
    """

    points: Array
    products: tuple[Array, ...]
    own: Array
    limit: Array
    diagonal: Array

    def __getitem__(self, index: Any) -> Side:
        return Side(
            self.points[index],
            tuple(part[index] for part in self.products),
            self.own[index],
            self.limit[index],
            self.diagonal[index],
        )


def squared_forms(x: Array, y: Array, metric: Array, out: Array, threads: int) -> Declined | None:
    """``(x_i - y_j)' M (x_i - y_j)`` for all pairs; None, or why there is no result.

    Parameters
    ----------
    x, y : ndarray, shapes (n, D) and (m, D)
        C-ordered; the same array if there is one set of points.
    metric : ndarray, shape (D, D)
        Finite.
    out : ndarray, shape (n, m)
    """
    same = y is x
    found = _sides(x, y, metric)
    if isinstance(found, Declined):
        return found
    a, b = found
    rows, columns = ([slice(i, i + _SIDE) for i in range(0, k, _SIDE)] for k in out.shape)
    pairs = [(r, c) for r in rows for c in columns if not same or r.start <= c.start]

    def one(index: int) -> bool:
        r, c = pairs[index]
        good = _tile(a[r], b[c], metric, out[r, c], same and r == c)
        if same and r != c:
            out[c, r] = out[r, c].T
        return good

    def run(index: int) -> None:
        one(index)

    if not one(len(pairs) - 1):
        return Declined("most of the sums cancel")
    if threads > 1 and len(pairs) > 2:
        with single_threaded_blas():
            run_blocks(len(pairs) - 1, run, threads)
    else:
        run_blocks(len(pairs) - 1, run, 1)
    return None


def _sides(x: Array, y: Array, metric: Array) -> tuple[Side, Side] | Declined:
    n, same = len(x), y is x
    wide = x.dtype == np.float32
    points = (x if same else np.concatenate((x, y))).astype(np.float64, copy=False)
    centre = np.add.reduce(points, axis=0) / len(points)
    if not np.isfinite(centre).all():
        return Declined("a point is not finite, or too large to sum")
    centred = points - centre
    back = centred - points  # what rounding took from a point: Knuth's two-sum
    lost = (points - (centred - back)) - (centre + back)
    _, exponent = np.frexp(np.abs(centred).max(axis=0))
    centred, lost = np.ldexp(centred, -exponent), np.ldexp(lost, -exponent)
    scaled = np.ldexp(metric.astype(np.float64, copy=False), exponent + exponent[:, None])
    symmetric = scaled * 0.5 + scaled.T * 0.5
    largest = np.abs(symmetric).max()
    if not _SMALLEST < largest < _LARGEST:
        return Declined("the metric is too large or too small to sum")
    left, right, z = _in_double(centred, symmetric) if wide else _in_parts(centred, lost, symmetric)
    own = -0.5 * sum(c_einsum("ik,ik->i", p, q) for p, q in zip(left, right, strict=True))
    limits = _limits(centred, z, symmetric, own, wide)
    diagonal = centred * np.sqrt(np.abs(symmetric.diagonal()))
    cuts = (slice(None), slice(None)) if same else (slice(0, n), slice(n, None))
    sides = [
        Side(p, tuple(part[cut] for part in parts), own[cut], limit[cut], diagonal[cut])
        for p, cut, parts, limit in zip((x, y), cuts, (left, right), limits, strict=True)
    ]
    return sides[0], sides[1]


_Parts = tuple[Array, ...]


def _in_double(x: Array, symmetric: Array) -> tuple[_Parts, _Parts, Array]:
    """Factors of ``-2 x_i . z_j``, as they are, and z."""
    z = x @ symmetric
    return (x,), (z * -2,), z


def _in_parts(x: Array, lost: Array, symmetric: Array) -> tuple[_Parts, _Parts, Array]:
    """Factors of ``-2 x_i . z_j``, whose first product is exact, and z."""
    bits = distances.exact_bits(x.shape[1])
    high_x, high_s = distances.leading(x, bits), distances.leading(symmetric, bits)
    low_x = x - high_x + lost
    head = high_x @ high_s.T  # exact
    low = low_x @ symmetric + high_x @ (symmetric - high_s).T
    z = head + low
    high_z = distances.leading(z, bits)
    low_z = head - high_z + low
    left = high_x, np.concatenate((high_x, low_x), axis=1)
    return left, (high_z * -2, np.concatenate((low_z, z), axis=1) * -2), z


def _limits(x: Array, z: Array, symmetric: Array, own: Array, wide: bool) -> tuple[Array, Array]:
    """Limits of points on the left and on the right side."""
    sums = np.abs(x) @ np.abs(symmetric)
    norms, size = (c_einsum("ik,ik->i", one, one) for one in (x, sums))
    w = np.sqrt(c_einsum("ik,ik->i", z, z))
    if wide:  # all that double precision may lose is small
        w += np.sqrt(size)
        left, rounded = 2.0 * x.shape[1] * 2.0**-29, 3 * 2.0**-29
    else:
        w += _REST * np.sqrt(size)
        left, rounded = _LEFT, 3.0
    total = np.add.reduce(norms)
    s = np.sqrt(np.add.reduce(w * w) / total) if total > 0 else 1.0
    s = s if s > 0 else 1.0
    both = rounded * np.abs(own) + left * np.sqrt(norms) * w
    first = (both + left * s * norms) / _ALLOWED + _TINY
    return first, (both + left * w * w / s) / _ALLOWED + _TINY


def _tile(a: Side, b: Side, metric: Array, out: Array, same: bool) -> bool:
    """Fill a tile; whether most of its entries hold the bound as they come."""
    made = numpy_matmul(a.products[0], b.products[0].T)
    for left, right in zip(a.products[1:], b.products[1:], strict=True):
        made += numpy_matmul(left, right.T)
    made += a.own[:, None]
    made += b.own
    with np.errstate(over="ignore"):  # of single precision: made again below
        out[...] = made
    np.abs(made, out=made)
    if same:
        np.fill_diagonal(made, np.inf)
    i, j = np.nonzero(made < np.add.outer(a.limit, b.limit))
    if len(i):
        i, j = _uncertain(a, b, i, j)
    if out.dtype != made.dtype and not np.isfinite(out).all():
        beyond = ~np.isfinite(out)
        beyond[i, j] = True
        i, j = np.nonzero(beyond)
    good = len(i) <= _MANY * out.size
    if good:
        distances.mend(a.points, b.points, metric, out, (i, j))
    else:
        plain.tile(a.points, b.points, metric, out)
    if same:
        np.fill_diagonal(out, 0)
        plain.mirror(out)
    return good


def _uncertain(a: Side, b: Side, i: Array, j: Array) -> tuple[Array, Array]:
    """Of some places those where the sum over the metric's diagonal is small, too."""
    norms = [c_einsum("ik,ik->i", side.diagonal, side.diagonal) for side in (a, b)]
    terms = norms[0][i] + norms[1][j]
    least = terms * (1 - _ROUGH) - 2 * numpy_matmul(a.diagonal, b.diagonal.T)[i, j]
    still = least < a.limit[i] + b.limit[j]
    return i[still], j[still]
