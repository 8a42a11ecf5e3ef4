"""Sums over pairs by matrix products: the points are multiplied out, centred, where that loses nothing.

``sum_j w_ij (x_ik - y_jk)`` is ``x_ik sum_j w_ij - (W y)_ik``, and sums of products of two differences are
such sums of x and y likewise.  Both are centred first, so that no term exceeds what it is for the range R of
a feature.  The error is that of sums of ``|w| R`` (or ``|w| R**2``), and of differences formed first that
of sums of ``|w| |d|``; so it is looked whether ``sum |w| d**2``, made by the same products, is at least
``sum |w| R**2 / SPREAD``: then ``sum |w| |d|`` is at least ``sum |w| R / SPREAD``, and the error at most
`SPREAD` times that of products of the differences.  Rows where it is less, as of points in distant clusters,
are made of their differences.

The core (`difference_sums`) does that of weights alone, ``sum_ij w_ij (x_ik - y_jk)``, and of products of
different features: it asks the same of the sum itself, which is at most ``sum |w| |d|``, and where that does
not say it, adds ``|w| |d|`` up until it is enough, or takes the sum again of all differences.  Weighed sums
of each row, and of squares, it takes of the differences in the first place; or of many features, by a matrix
product of BLAS, asking each sum the same.

Of products of two features it is asked what each has alone: the error is bounded by ``sqrt(S_kk S_ll)``, with
``S_kk = sum |w| d_k**2``, which may be much more than ``sum |w d_k d_l|`` where the features are large in
different pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._base.facts import Step
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting
from ..._base.routes import Declined, Offer, Refused
from ..._native import CORE
from .pair_cost import by_blas, cost
from .pair_form import PairSum, crosses, pair_sum, total
from .points import GUARD, converted, convertible

Array = np.ndarray[Any, Any]

#: How much smaller the sum over pairs may be than if all differences were as large as the range.
SPREAD = 64
#: The share of rows from which all are made of differences; and what R**2 times the weights is at least.
_FEW, _LEAST = 0.05, 1e-280


def verdict(step: Step) -> Rewriting | Refused:
    """Offer products of the weights with the points."""
    if step.form != "dense" or step.dtype.char not in "fd":
        return Refused("no guard for such a result")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    form = pair_sum(step)
    if isinstance(form, Refused):
        return form
    refused = convertible(step.operands[form.at[0]], step.dtype)
    if refused is not None:
        return refused
    inputs = tuple(step.inputs[p] for p in form.rest)
    inner: tuple[Inner, ...] = ()
    if len(form.rest) > 1:
        inner = (Inner(inputs, form.points, tuple(step.operands[p] for p in form.rest)),)
    note = (
        "points multiplied out, centred, by matrix products; rows that would lose digits of their differences"
    )
    short = None if inner or CORE is None else _short(form, step)
    return Rewriting(Offer(cost(form, step), step.output, form, note), inner, short, settled=True)


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Products, and what they lose."""
    form: PairSum = rewriting.offer.recipe
    points = converted(operands[form.at[0]], step.dtype)
    if isinstance(points, Declined):
        return points
    if CORE is not None:
        w = _weights(form, step, operands, contract)
        made = _by_core(form, step)(*points, w)
        return Declined("the sums over pairs lose digits, or are not finite") if made is None else made
    x, y = (np.asarray(one, np.float64) for one in points)
    if form.turned:
        x, y = y, x
    w = _weights(form, step, operands, contract)
    w = None if w is None else np.asarray(w, np.float64)
    with np.errstate(all="ignore"):
        made = _products(form, x, y, w)
        if made is None:
            return Declined("the sums over pairs lose digits, or are not finite")
        return _handed_over(form, step, made)


def _handed_over(form: PairSum, step: Step, made: Array) -> Array:
    """The sums with the labels of the output, in the dtype of the step."""
    if form.turned and len(form.at) == 1:
        made = -made
    labels = form.kept + "".join(dict.fromkeys(form.features))
    lost = tuple(n for n, c in enumerate(labels) if c not in step.output)
    if lost:
        made = made.sum(axis=lost)
        labels = "".join(c for c in labels if c in step.output)
    return made.astype(step.dtype, copy=False).transpose([labels.index(c) for c in step.output])


def _weights(form: PairSum, step: Step, operands: tuple[Any, ...], contract: Contract) -> Array | None:
    """Of each pair; None where all are one."""
    if not form.rest:
        return None
    if len(form.rest) > 1:
        together: Array = contract.inner(0, tuple(operands[p] for p in form.rest))
        return together
    (p,) = form.rest
    given: Array = operands[p]
    return given if step.inputs[p] == form.points else given.T


def _short(form: PairSum, step: Step) -> Callable[[tuple[Any, ...]], Array | None] | None:
    """The core's sums of one operand of weights, or none, and of points of the step's dtype."""
    at, rest, dtype = form.at[0], form.rest, step.dtype
    if step.operands[at].dtype != dtype:
        return None
    add = _by_core(form, step)
    if not rest:
        return lambda operands: add(operands[at].x, operands[at].y, None)
    (w,) = rest
    if step.inputs[w] == form.points:
        return lambda operands: add(operands[at].x, operands[at].y, operands[w])
    return lambda operands: add(operands[at].x, operands[at].y, operands[w].T)


def _by_core(form: PairSum, step: Step) -> Callable[[Array, Array, Array | None], Array | None]:
    """``(x, y, w) -> sums | None``: the weights have the labels of `points`."""
    threads, number, turned = step.threads, step.dtype.num, form.turned
    labels = form.kept + "".join(c for c in dict.fromkeys(form.features) if c in step.output)
    axes = tuple(labels.index(c) for c in step.output)
    back = None if axes == tuple(range(len(axes))) else axes
    crossed, blas = crosses(form, step), by_blas(form, step)
    power = 3 if crossed else len(form.features)
    rows, together = bool(form.kept), total(form, step)
    single = len(form.features) == 2 and not form.square and not crossed
    add = CORE.difference_sums

    def run(x: Array, y: Array, w: Array | None) -> Array | None:
        if turned:
            x, y = y, x
        found = add(x, y, w, power, rows, together, turned, blas, number, threads)
        if found is None:
            return None
        made: Array = found
        if single:
            return made.reshape((1,) * len(axes))
        if crossed:
            made = _crossed(*found).astype(step.dtype, copy=False)
            if not np.isfinite(made).all():
                return None
        return made if back is None else made.transpose(back)

    return run


def _crossed(x: Array, y: Array, first: Array, second: Array, one: Array | None) -> Array:
    """Products of different features.

    Parameters
    ----------
    x, y : ndarray, shapes (n, D) and (m, D)
        Centred.
    first, second : ndarray
        The weights summed over either side of the pairs; or without them, the points.
    one : ndarray, shape (n, D), or None
        The weights' product with y.
    """
    if one is None:
        crossed = np.multiply.outer(first, second)
        alone: Array = len(y) * (x.T @ x) - crossed - crossed.T + len(x) * (y.T @ y)
        return alone
    crossed = x.T @ one
    found: Array = (x.T * first) @ x - crossed - crossed.T + (y.T * second) @ y
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Sums over the second points for each of the first: of weights, of weighed y, and of weighed y**2."""

    none: Array
    one: Array
    two: Array

    @classmethod
    def of(cls, w: Array | None, points: Array, rows: int) -> _Moments:
        """For weights (n, m), or for ones; ``points`` (m, 2 * features) are y and its squares."""
        features = points.shape[1] // 2
        if w is None:
            none = np.full((rows, 1), float(len(points)))
            both = np.broadcast_to(points.sum(0), (rows, 2 * features))
        else:
            none, both = w.sum(axis=1, keepdims=True), w @ points
        return cls(none, both[:, :features], both[:, features:])

    def squares(self, x: Array) -> Array:
        """Weighed sums of squared differences, (n, features)."""
        found: Array = x * (x * self.none - 2 * self.one) + self.two
        return found


def _products(form: PairSum, x: Array, y: Array, w: Array | None) -> Array | None:
    """The sums; None where too much is lost."""
    low, high = np.minimum(x.min(0), y.min(0)), np.maximum(x.max(0), y.max(0))
    spread = high - low
    middle = low + spread / 2
    points = x, y
    x, features = x - middle, x.shape[1]
    both = np.empty((len(y), 2 * features))
    y = np.subtract(y, middle, out=both[:, :features])
    np.multiply(y, y, out=both[:, features:])
    signed = _Moments.of(w, both, len(x))
    plain = signed if w is None or not (w < 0).any() else _Moments.of(np.abs(w), both, len(x))
    squares, weight = plain.squares(x), plain.none
    if not form.kept:
        squares, weight = squares.sum(0), weight.sum(0)
    least = weight * (spread * spread / SPREAD)
    # Not "less": of what is not finite nothing is known. Without weights or range all is zero, exactly.
    lost = ~(squares >= least) | ~(least >= _LEAST)
    lost &= (weight != 0) & (spread != 0)
    made = _sums(form, x, y, w, signed)
    if not np.isfinite(made).all():
        return None
    rows = np.flatnonzero(lost.any(axis=-1)) if form.kept else lost
    if not form.kept:
        return None if lost.any() else made
    if len(rows) > max(1, _FEW * len(x)):
        return None
    for row in rows:
        d = points[0][row] - points[1]
        d = d * d if form.square else d
        made[row] = d.sum(0) if w is None else w[row] @ d
    return made if np.isfinite(made).all() else None


def _sums(form: PairSum, x: Array, y: Array, w: Array | None, moments: _Moments) -> Array:
    """What the form asks for, with its label of points where it keeps one."""
    if len(form.features) == 1:
        made = x * moments.none - moments.one
        return made if form.kept else made.sum(0)
    if form.square:
        made = moments.squares(x)
        return made if form.kept else made.sum(0)
    by_column = np.full(len(y), float(len(x))) if w is None else w.sum(axis=0)
    crossed = x.T @ moments.one
    found: Array = (x * moments.none).T @ x - crossed - crossed.T + (y * by_column[:, None]).T @ y
    return found


PAIR_SUMS = Rewrite(
    "difference.pair_sums",
    verdict,
    run,
    f"few rows of sums are small against the range of the points, which is finite; {GUARD}",
)
