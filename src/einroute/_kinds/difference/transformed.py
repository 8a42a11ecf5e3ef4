"""Squared distances of points that a factor of a whole metric transformed, from their differences.

With few features a kernel of differences takes less time than a matrix product and the look at what cancels
in it, and much less cancels.  Let u be the unit roundoff and z the points, centred and transformed in more
digits than they have (`distances.precisely`) and then rounded: each coordinate is off by ``u |z|`` at most,
but for little.  So the root of a distance q is off by ``u (|z_i| + |z_j|)``, and q itself by
``2 sqrt(2) u sqrt(q T)`` with ``T = |z_i|**2 + |z_j|**2``, and by ``(R + 3) u q`` for the sum of R terms.
With ``q >= T / 700`` and at most `MOST` terms that is less than 104 u, of the 128 of the rule; all other
pairs are computed from the differences of the points themselves.  A metric that is one operand, and the
result, take one call of the core (`difference_transformed`), which factors the metric if it is small,
transforms in plain sums where these do not cancel too much, and asks of each distance what that needs.
In single precision a metric of any signs is multiplied out in double by another one (`difference_expanded`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._base.c_einsum import c_einsum
from ..._base.facts import Step
from ..._base.routes import Declined
from ..._native import CORE
from ..dense.core_program import has_blas
from . import distances
from .form import Form
from .metric import Factor, factor

Array = np.ndarray[Any, Any]

#: The most features; the most that the core takes in a call of its own, and of which it factors the metric.
MOST, _WHOLLY, _SMALL = 24, 1024, 128
#: How much smaller a distance may be than its terms, and the share of those that are from which this is no
#: way.
_LEAST, _OFTEN = 700.0, 0.1
#: Bytes of rows that are looked at together.
_BLOCK = 1 << 19
#: Seconds of a pair, and of each of its features in double precision.
PAIR, TERM = 8e-10, 1e-10
#: Of the core's own call: the same; seconds of a call and of a factor, the latter by the square and the cube
#: of the features, of each product with one of its entries and each number of a transformed point.
_OWN, _EACH, _CALL, _SQUARE, _CUBE, _PRODUCT, _NUMBER = 7e-10, 8.5e-11, 6e-6, 2.2e-9, 2e-11, 5.5e-11, 1.4e-9
#: Features from which terms mostly cancel so much that points are transformed in twice the precision, and how
#: many times a product takes then.
_CANCELS, _TWOFOLD = 110, 6.0


def short(form: Form, step: Step) -> Callable[[tuple[Any, ...]], Array | None] | None:
    """The form by a call of the core, of a metric that is one operand and nothing done before or after."""
    if CORE is None or len(form.unique) != 2 or form.batch or len(form.metric) != 1:
        return None
    at, (w,), features = form.at[0], form.metric, step.sizes[form.features[0]]
    alone = not form.rest and set(step.output) == {form.i, form.j} and step.operands[at].dtype == step.dtype
    bare = set(step.inputs[w]) == set(form.unique) and step.operands[w].shape == (features, features)
    if not alone or not bare or features > _WHOLLY or step.operands[w].dtype != step.dtype:
        return None
    threads, number, turned = step.threads, step.dtype.num, step.output != form.i + form.j
    transformed, definite_part, small = CORE.difference_transformed, CORE.definite_part, features <= _SMALL
    expanded, single = CORE.difference_expanded, step.dtype.char == "f"

    def run(operands: tuple[Any, ...]) -> Array | None:
        d, metric = operands[at], operands[w]
        made: Any = transformed(d.x, d.y, None, metric, number, threads) if small else False
        if made is False:
            part = definite_part(metric)
            u = None if part is None else _factor(part)
            if u is not None:
                made = transformed(d.x, d.y, u, metric, number, threads)
            else:
                made = expanded(d.x, d.y, metric) if single and has_blas() else None
        return made.T if made is not None and turned else made  # type: ignore[no-any-return]

    return run


def _factor(symmetric: Array) -> Array | None:
    """U of a symmetric metric that is ``U' U`` and not diagonal; None if there is none."""
    try:
        upper: Array = np.linalg.cholesky(symmetric).T
    except np.linalg.LinAlgError:  # semidefinite, maybe
        found = factor(symmetric)
        if isinstance(found, Declined) or found.u is None or found.u.ndim < 2:
            return None
        return found.u if found.sign > 0 else None
    return upper


def seconds(form: Form, step: Step) -> float:
    """What that takes on one core."""
    features = step.sizes[form.features[0]]
    n, m = step.sizes[form.i], step.sizes[form.j]
    item = step.dtype.itemsize / 8
    product = _PRODUCT * (_TWOFOLD if features >= _CANCELS and step.dtype.char == "d" else 1.0)
    points = (n + m) * features * (features * product + _NUMBER)
    factored = _CALL + features**2 * (_SQUARE + features * _CUBE)
    return n * m * (_OWN + _EACH * features) * item + points + factored


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
