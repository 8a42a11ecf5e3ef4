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
of each row, and of squares, it takes of the differences in the first place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._base.cost import Cost, gemm_rate
from ..._base.facts import Step
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular
from ..._base.routes import Declined, Offer, Refused
from ..._native import CORE
from .form import NAME
from .points import GUARD, converted, convertible

Array = np.ndarray[Any, Any]

#: How much smaller the sum over pairs may be than if all differences were as large as the range.
SPREAD = 64
#: The share of rows from which all are made of differences; and what R**2 times the weights is at least.
_FEW, _LEAST = 0.05, 1e-280
#: Seconds that the core takes for a pair, and for each of its features, of sums that are made of differences;
#: and of those that are not, where it is looked what cancels.
_PAIR, _FEATURE, _WEIGHT, _LOOK = 1e-10, 1e-10, 2.2e-10, 1.5e-11
#: What a weight takes besides that is not of double precision and has a neighbour; a row of weights, and each
#: of its sums.
_PACKED, _ROW, _SUM = 2.2e-10, 1e-8, 3e-9
#: Weights of a row up to which rows are summed side by side, in half of that.
_SHORT = 64
#: Seconds of a coordinate of points that only differences are made of, of one that is centred, and besides
#: GEMMs of a product of different features.
_TURNED, _COORDINATE, _CROSSED = 4e-10, 1.2e-9, 2.5e-9
#: The same of a coordinate where pairs are not weighed, and of a point.
_ALIKE, _POINT = 1.3e-9, 3.5e-9
#: How many times that where the points' products are formed of what the core hands over; without weights.
_MOMENTS, _ALONE = 4.0, 1.5
#: Seconds from which threads share the work.
_SHARED = 1e-4


@dataclass(frozen=True, slots=True)
class PairSum:
    """How a step is seen.

    Attributes
    ----------
    at : tuple of int
        Positions of the differences: one or two copies.
    rest : tuple of int
        Positions of the operands that weigh the pairs.
    kept : str
        The label of points that the output has; "" if it has none.
    turned : bool
        Whether that is the second one of the difference.
    points : str
        The label that is kept or is the first, and the other one.
    features : str
        Of each copy.
    """

    at: tuple[int, ...]
    rest: tuple[int, ...]
    kept: str
    turned: bool
    points: str
    features: str

    @property
    def square(self) -> bool:
        """Whether both copies have one feature label."""
        return len(self.features) == 2 and self.features[0] == self.features[1]


def _found(step: Step) -> PairSum | Refused:
    at = tuple(p for p, op in enumerate(step.operands) if op.form == NAME)
    if len(at) > 2 or not all(regular(step, p) for p in at):
        return Refused("more than two differences, or a label that repeats or is broadcast")
    i, j = tuple(step.inputs[at[0]][:2])
    if len(at) == 2 and (step.operands[at[1]].alias != at[0] or step.inputs[at[1]][:2] != i + j):
        return Refused("the two differences are not of the same pairs")
    features = "".join(step.inputs[p][2] for p in at)
    out = set(step.output)
    if {i, j} <= out or {i, j} & set(features):
        return Refused("the pairs are kept")
    rest = tuple(p for p in range(len(step.inputs)) if p not in at)
    weighing = set().union(*(step.inputs[p] for p in rest))
    if weighing != ({i, j} if rest else set()) or any(step.operands[p].form != "dense" for p in rest):
        return Refused("the other operands are no weights of the pairs")
    if not all(regular(step, p) for p in rest) or out - {i, j} - set(features):
        return Refused("a label repeats or is broadcast")
    kept = "".join(c for c in i + j if c in out)
    shown = set(features) & out
    found = PairSum(at, rest, kept, kept == j, j + i if kept == j else i + j, features)
    if len(at) == 1 and not shown:
        return Refused("a sum over features, which are summed before they meet pairs")
    if len(at) == 2 and not found.square and (kept or len(shown) < 2):
        return Refused("products of different features, summed over some of the points only")
    return found


def verdict(step: Step) -> Rewriting | Refused:
    """Offer products of the weights with the points."""
    if step.form != "dense" or step.dtype.char not in "fd":
        return Refused("no guard for such a result")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    form = _found(step)
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
    return Rewriting(Offer(_cost(form, step), step.output, form, note), inner, short, settled=True)


def _cost(form: PairSum, step: Step) -> Cost:
    n, m = (step.sizes[c] for c in form.points)
    features = step.sizes[form.features[0]]
    products = 0.0
    if CORE is not None:
        crossed = _crosses(form, step)
        direct = bool(form.rest) and (bool(form.kept) or (len(form.features) == 2 and not crossed))
        coordinate = _ALIKE if not form.rest else _TURNED if direct else _COORDINATE
        points = (n + m) * (features * coordinate + (0.0 if form.rest else _POINT))
        if direct:
            products = n * m * (_PAIR + _FEATURE * features)
        elif form.rest:
            products = n * m * (_WEIGHT + (_FEATURE if crossed else _LOOK) * features)
        if form.rest:
            sums = 1 if _total(form, step) else features if direct or crossed else 0
            products += n * (_ROW + _SUM * sums * (0.5 if m <= _SHORT else 1.0))
            products += n * m * _PACKED if _packed(form, step) else 0.0
        shared = min(step.threads, 2) * 0.8 if step.threads > 1 and products > _SHARED else 1.0
        if not crossed:
            return Cost((products / shared + points) * 1e9, 0.0, 3.0, 1e9)
        points *= _MOMENTS if form.rest else _ALONE
        gemms = sum(q / gemm_rate(features, features, q, 8, False, 1) for q in (n, m))
        points += features**2 * (_CROSSED + gemms)
        return Cost((products / shared + points) * 1e9, 0.0, 30.0, 1e9)
    if form.rest:
        products = 2.5 * n * m * features / gemm_rate(n, 2 * features, m, 8, False, 1)
        products += 4e-9 * n * m  # absolute values, sums, and the weights in double precision
    if not form.square and len(form.features) == 2:
        products += 3.0 * (n + m) * features**2 / gemm_rate(features, features, n, 8, False, 1)
    points = 1e-8 * (n + m) * features
    return Cost((products + points) * 1e9, 0.0, 60.0, 1e9)


def _crosses(form: PairSum, step: Step) -> bool:
    """Whether different features are multiplied; a single one is squared."""
    return len(form.features) == 2 and not form.square and step.sizes[form.features[0]] > 1


def _total(form: PairSum, step: Step) -> bool:
    """Whether squares are summed over their features."""
    return form.square and form.features[0] not in step.output


def _packed(form: PairSum, step: Step) -> bool:
    """Whether the weights are copied before they are summed."""
    if len(form.rest) > 1:
        return step.dtype.char != "d"
    op = step.operands[form.rest[0]]
    return op.dtype.char != "d" or op.dtype.itemsize not in op.strides


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
    crossed = _crosses(form, step)
    power = 3 if crossed else len(form.features)
    rows, total = bool(form.kept), _total(form, step)
    single = len(form.features) == 2 and not form.square and not crossed
    add = CORE.difference_sums

    def run(x: Array, y: Array, w: Array | None) -> Array | None:
        if turned:
            x, y = y, x
        found = add(x, y, w, power, rows, total, turned, number, threads)
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
