"""Squared distances by matrix products, and which of them have to be computed again.

With points centred at c and ``z = U (x - c)``, ``|z_i|**2 + |z_j|**2 - 2 z_i . z_j`` is one matrix product:
of rows ``(z_i, |z_i|**2, 1)`` with ``(-2 z_j, 1, |z_j|**2)``.  It loses digits where it is small against its
terms.

The bound. Let u be the unit roundoff, eps = 2 u, ``t = |(|U| |x - c|)|**2`` (which bounds ``|z|**2`` and
what rounding can do to z) and ``T = t_i + t_j``. Sums are made in G groups of at most W terms, and the
groups are added (blocked summation: Higham, "Accuracy and Stability of Numerical Algorithms", 2002,
section 4.2). A coordinate of z carries errors of the centred point, of U and of a sum of D products: at
most ``(W + G + 2) u`` of ``|U| |x - c|``, and about ``sqrt(W) u`` (Higham and Mary, "A new approach to
probabilistic rounding error analysis", SIAM J. Sci. Comput. 41, 2019); they count with twice the
distance, ``sqrt(q T)``, and less the smaller q is. The product's R + 2 terms are at most 2 T together,
and so its error at most ``(W + G) eps T``, and about ``sqrt(W) eps T / 2``. So the computed q is taken to
be within ``E eps T`` with ``E = 2 + 0.9 sqrt(W) + W / 8 + (G - 1) / 2``: the third term is for features
that are all alike, whose products do not round at random (0.11 W was met, at W = 100 to 256). Since
``q <= B = sum_kl |d_k| |M_kl| |d_l|``, an entry with ``q >= E T / 60`` is within 60 eps B. All others are
computed from their differences. Points in clusters far from c would nearly all be: they are sorted into
cells first, and pairs of cells are centred anew where they are close to each other (`cells`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np

from ..._base.c_einsum import c_einsum
from ..._base.numpy_functions import numpy_matmul
from ..._base.routes import Declined
from ..._base.threads import run_blocks, single_threaded_blas
from . import cells, plain
from .metric import Factor

Array = np.ndarray[Any, Any]

#: The most terms that are summed in one product: of more, the products of groups are added.
_GROUP = 130
#: The error that may be made, in eps.
_ALLOWED = 60.0
#: Shares of a tile's entries that fail from which its points are centred anew: where they lie close together,
#: and where outliers may have drawn the centre away; and from which the whole tile is computed from its
#: differences.
_SOME, _OFTEN, _MANY = 0.01, 0.2, 0.5
#: How many times their mean the largest limit may be for few entries to be below it but not below their own.
_ALIKE = 3.3
#: How much larger than ``|z|**2`` t may be before z is computed precisely, and what then is left of t.
_CANCELS, PRECISE = 2.0, 2.0**-20
#: Bytes of points that are transformed at a time.
_PART = 1 << 16
#: Bytes of a tile, and the most columns of one.
TILE, _WIDE = 1 << 19, 4096
#: Pairs that are looked at to see whether points lie in clusters; and how many of them say so.
_PROBES, _CLOSE = 256, 8
#: Entries from which that is worth while.
_LARGE = 1 << 17
#: Seconds an entry takes, by the terms of its product; and from how many on threads share the work.
ENTRY, TERM, SHARED = 2.2e-9, 5e-11, 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Points as one side of the product.

    Attributes
    ----------
    points : ndarray, shape (n, D)
    rows : ndarray, shape (n, R + 2)
    least : ndarray, shape (n,)
        An entry less than the sum of both sides' is computed again.
    """

    points: Array
    rows: Array
    least: Array

    def __getitem__(self, index: Any) -> Side:
        return Side(self.points[index], self.rows[index], self.least[index])


def _groups(terms: int) -> list[slice]:
    """Groups of terms about equally large."""
    count = max(1, -(-terms // _GROUP))
    marks = [terms * g // count for g in range(count + 1)]
    return [slice(low, high) for low, high in pairwise(marks)]


def _errors(rank: int) -> float:
    """What the product may be off, in eps of its terms."""
    groups = _groups(rank + 2)
    widest: int = max(group.stop - group.start for group in groups)
    return 2 + 0.9 * sqrt(widest) + widest / 8 + (len(groups) - 1) / 2


def _products(left: Array, right: Array, out: Array) -> None:
    """``left @ right.T``, group by group of the terms."""
    first, *others = _groups(left.shape[1])
    numpy_matmul(left[:, first], right[:, first].T, out=out)
    for group in others:
        out += numpy_matmul(left[:, group], right[:, group].T)


def _norms(z: Array) -> Array:
    """The squared norms of rows, group by group of the terms."""
    first, *others = _groups(z.shape[1])
    norms: Array = c_einsum("ik,ik->i", z[:, first], z[:, first])
    for group in others:
        norms += c_einsum("ik,ik->i", z[:, group], z[:, group])
    return norms


def sides(x: Array, y: Array, centre: Array, factor: Factor) -> tuple[Side, Side]:
    """Points transformed for the left and for the right side of the product."""
    n = len(x)
    both = _left(x if y is x else np.concatenate((x, y)), centre, factor)
    rows, least = (both.rows, both.least) if y is x else (both.rows[n:], both.least[n:])
    turned = rows * -2
    turned[:, -2], turned[:, -1] = 1, rows[:, -2]
    return Side(x, both.rows[:n], both.least[:n]), Side(y, turned, least)


def _left(points: Array, centre: Array, factor: Factor) -> Side:
    u = factor.u
    rank = points.shape[1] if u is None or u.ndim == 1 else len(u)
    rows = np.empty((len(points), rank + 2), points.dtype)
    z = rows[:, :rank]
    if u is None or u.ndim == 1:
        np.subtract(points, centre, out=z)
        if u is not None:
            z *= u
        norms = bound = _norms(z)
    else:
        norms, bound = transform(points, centre, u, z)
    rows[:, rank], rows[:, rank + 1] = norms, 1
    return Side(points, rows, bound * (_errors(rank) / _ALLOWED))


def transform(points: Array, centre: Array, u: Array, z: Array) -> tuple[Array, Array]:
    """Fill ``z = U (x - c)``; give ``|z|**2`` and t.

    Some points at a time, whose parts stay in the cache. From those on whose norms cancel too much, z is
    computed precisely, and t matters so little that it is told by Cauchy's inequality, with features in
    units of their size.
    """
    norms, bound = (np.empty(len(points), z.dtype) for _ in range(2))
    rows = _rows(points)
    scale: Array | None = None
    for first in range(0, len(points), rows):
        part = slice(first, first + rows)
        if scale is None:
            scale = _plainly(points[part], centre, u, z[part], norms[part], bound[part])
        if scale is None:
            continue
        z[part] = _precisely(points[part], centre, u)
        norms[part] = _norms(z[part])
        ratio = (points[part] - centre) / scale
        bound[part] = c_einsum("ik,ik->i", ratio, ratio) * (PRECISE * np.add.reduce((u * scale) ** 2, None))
        bound[part] += norms[part]
    return norms, bound


def _rows(points: Array) -> int:
    """Points that are transformed at a time."""
    rows: int = max(1, _PART // (points.shape[1] * points.itemsize))
    return rows


def _plainly(points: Array, centre: Array, u: Array, z: Array, norms: Array, bound: Array) -> Array | None:
    """The same of some points by a plain product; where that cancels too much, the features' sizes."""
    centred = points - centre
    _products(centred, u, z)
    norms[...] = _norms(z)
    size = np.abs(centred) @ np.abs(u).T
    bound[...] = c_einsum("ik,ik->i", size, size)
    if not np.add.reduce(bound) > _CANCELS * np.add.reduce(norms):
        return None
    sizes: Array = np.sqrt(np.add.reduce(centred * centred) / len(centred))
    sizes[~((sizes > 0) & np.isfinite(sizes))] = 1
    return sizes


def precisely(points: Array, centre: Array, u: Array) -> Array:
    """``(points - centre) @ u.T`` as if in half as many digits again, or for single precision twice as many.

    The leading bits of both are so few that the product of these is exact, whatever the order of its sums
    (Ozaki, Ogita, Oishi and Rump, "Error-free transformations of matrix multiplication", Numer. Algorithms
    59, 2012).
    """
    rows = _rows(points)
    parts = [_precisely(points[first : first + rows], centre, u) for first in range(0, len(points), rows)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _precisely(points: Array, centre: Array, u: Array) -> Array:
    if points.dtype == np.float32:
        double: Array = (points - centre.astype(np.float64)) @ u.T.astype(np.float64)
        return double
    bits = exact_bits(points.shape[1])
    x = points - centre
    back = x - points  # what rounding took from x: Knuth's two-sum
    lost = (points - (x - back)) - (centre + back)
    high_x, high_u = leading(x, bits), leading(u, bits)
    low: Array = (x - high_x + lost) @ high_u.T
    low += x @ (u - high_u).T
    low += high_x @ high_u.T
    return low


def exact_bits(terms: int) -> int:
    """How many bits both factors may have for a sum of so many products to be exact."""
    return (53 - max(1, terms - 1).bit_length()) // 2


def leading(x: Array, bits: int) -> Array:
    """Each row rounded to so many bits of its largest element."""
    _, exponent = np.frexp(np.abs(x).max(axis=1, keepdims=True, initial=0))
    large = np.ldexp(1.5, exponent + (52 - bits))
    leading: Array = (x + large) - large
    return leading


def product(a: Side, b: Side, out: Array, same: bool) -> tuple[Array, Array]:
    """Fill a tile, and find the places that have to be computed again (not those of one point twice)."""
    _products(a.rows, b.rows, out)
    if same:
        np.fill_diagonal(out, np.inf)
    most = b.least.max()
    if out.min() >= a.least.max() + most:
        return _NOWHERE
    # Of two axes finding takes three times as long.
    if most > _ALIKE * b.least.mean():
        close = np.flatnonzero(out < np.add.outer(a.least, b.least))
        return np.divmod(close, out.shape[1]) if len(close) else _NOWHERE
    # Against the largest of b's first: its sums with a's are a vector, not a tile.
    close = np.flatnonzero(out < (a.least + most)[:, None])
    if not len(close):
        return _NOWHERE
    i, j = np.divmod(close, out.shape[1])
    really = out[i, j] < a.least[i] + b.least[j]
    return i[really], j[really]


_NOWHERE = (np.empty(0, np.intp), np.empty(0, np.intp))


def tile(a: Side, b: Side, factor: Factor, out: Array, same: bool, local: bool = False) -> None:
    """Squared distances of some points, each within its bound.

    Parameters
    ----------
    a, b : Side
    factor : Factor
    out : ndarray, shape (len(a.points), len(b.points))
    same : bool
        Both are the same points: the diagonal is zero, and the result exactly symmetric.
    local : bool
        The points of either side lie close together.
    """
    close = product(a, b, out, same)
    if len(close[0]) > (_SOME if local else _OFTEN) * out.size:
        centre = _middle(a.points, b.points, np.mean if local else np.median)
        near, other = sides(a.points, b.points, centre, factor)
        close = product(near, other, out, same)
    if len(close[0]) > _MANY * out.size:
        plain.tile(a.points, b.points, factor.metric, out)
    else:
        mend(a.points, b.points, factor.metric, out, close)
    if same:
        np.fill_diagonal(out, 0)
        plain.mirror(out)


def _middle(x: Array, y: Array, mean: Callable[..., Array]) -> Array:
    """The point of `x` or `y` next to their mean, or median: points that are all equal come out as zeros."""
    both = np.concatenate([x, y])
    apart = both - mean(both, axis=0)
    middle: Array = both[np.argmin(c_einsum("ik,ik->i", apart, apart))]
    return middle


def mend(x: Array, y: Array, metric: Array | None, out: Array, places: tuple[Array, Array]) -> None:
    """Compute single entries from their differences."""
    some = max(1, plain.DIFFERENCES // max(1, x.shape[1]))
    for start in range(0, len(places[0]), some):
        i, j = (where[start : start + some] for where in places)
        out[i, j] = plain.of_pairs(x[i] - y[j], metric)


def squared_distances(x: Array, y: Array, factor: Factor, out: Array, threads: int) -> Declined | None:
    """``(x_i - y_j)' U' U (x_i - y_j)`` for all pairs; None, or why there is no result.

    Parameters
    ----------
    x, y : ndarray, shapes (n, D) and (m, D)
        C-ordered; the same array if there is one set of points.
    factor : Factor
        Its sign does not count here.
    out : ndarray, shape (n, m)
    """
    same = y is x
    centre = about_mean(x, y)
    a, b = sides(x, y, centre, factor)
    bad = [_beyond(s) for s in ((a,) if same else (a, b))]
    if any(len(one) > len(s.points) * _MANY for one, s in zip(bad, (a, b), strict=False)):
        return Declined("many points are not finite, or too large to square")
    if any(len(one) for one in bad):
        left = x.copy()
        right = left if same else y.copy()
        left[bad[0]] = right[bad[-1]] = centre
        a, b = sides(left, right, centre, factor)
    work = ENTRY * out.size + TERM * out.size * a.rows.shape[1]
    count, run = _cut(a, b, factor, out, same)
    if threads > 1 and count > 1 and work > SHARED:
        with single_threaded_blas():
            run_blocks(count, run, threads)
    else:
        run_blocks(count, run, 1)
    if any(len(one) for one in bad):
        _exceptions(x, y, factor.metric, out, bad)
    return None


def _cut(a: Side, b: Side, factor: Factor, out: Array, same: bool) -> tuple[int, Any]:
    """Work in blocks: how many there are, and what does one."""
    if _clustered(a, b, same):
        return cells.cut(a, b, factor, out, same, tile)
    n, m = out.shape
    if same:
        marks = [slice(i, min(i + plain.SIDE, n)) for i in range(0, n, plain.SIDE)]
        pairs = [(r, c) for c in marks for r in marks if r.start <= c.start]
    else:
        columns = m if m <= _WIDE else _WIDE // 2
        rows = max(1, TILE // (columns * out.itemsize))
        pairs = [
            (slice(i, i + rows), slice(j, j + columns))
            for i in range(0, n, rows)
            for j in range(0, m, columns)
        ]

    def run(index: int) -> None:
        r, c = pairs[index]
        part = out[r, c]
        tile(a[r], b[c], factor, part, same and r == c)
        if same and r != c:
            out[c, r] = part.T

    return len(pairs), run


def _clustered(a: Side, b: Side, same: bool) -> bool:
    """Whether some pairs, spread over all, would often have to be computed again."""
    n, m = len(a.points), len(b.points)
    if n * m < _LARGE:
        return False
    p = np.arange(_PROBES)
    i, j = p * n // _PROBES, (p * 7919 + 13 * p * p) % m
    q = c_einsum("pk,pk->p", a.rows[i], b.rows[j])
    close = q < a.least[i] + b.least[j]
    if same:
        close &= i != j
    return bool(np.count_nonzero(close) > _CLOSE)


def about_mean(x: Array, y: Array) -> Array:
    """About the mean; any point will do."""
    centre: Array = (np.add.reduce(x, axis=0) / len(x) + np.add.reduce(y, axis=0) / len(y)) / 2
    if not np.isfinite(centre).all():
        finite = x[np.isfinite(x).all(axis=1)]
        centre = finite[len(finite) // 2] if len(finite) else np.zeros_like(x[0])
    return centre


def _beyond(s: Side) -> Array:
    """Points that are not finite, or so large that their squares overflow."""
    return np.flatnonzero(~(s.least < np.finfo(s.least.dtype).max / 1024))


def _exceptions(x: Array, y: Array, metric: Array | None, out: Array, bad: list[Array]) -> None:
    """Rows and columns of points that were put away, from their differences."""
    if len(bad[0]):
        rows = np.empty((len(bad[0]), len(y)), out.dtype)
        plain.tile(x[bad[0]], y, metric, rows)
        if len(bad) == 1:
            among = rows[:, bad[0]]
            plain.mirror(among)
            rows[:, bad[0]] = among
            out[:, bad[0]] = rows.T
        out[bad[0]] = rows
    if len(bad) == 2 and len(bad[1]):
        columns = np.empty((len(x), len(bad[1])), out.dtype)
        plain.tile(x, y[bad[1]], metric, columns)
        out[:, bad[1]] = columns
