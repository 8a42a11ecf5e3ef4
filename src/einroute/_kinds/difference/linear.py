"""Linear forms: what a sum over features makes of the points, and the differences of that.

``sum_k (x_ik - y_jk) w_k`` is ``p_i - q_j`` with ``p = x w`` and ``q = y w``.  Where x and y are large and
close to each other that loses digits, so p and q are made in twice the working precision.  Then it is within
``2 u |p_i - q_j| + 2 D u**2 T`` for ``T = sum_k |x_ik w_k| + |y_jk w_k|``, u being the unit roundoff of
float64. The first term is small against ``B = sum_k |d_k| |w_k|``, which is at least ``|p_i - q_j|``, and so
is the second where ``|p_i - q_j| >= 2**-40 T`` (for up to 10**12 features); every other entry is computed
from its difference. The core makes the leading parts of p exactly, by blocks of points, and what is left of
them in double precision, and asks for as much of an entry as that may be off (`linear_sides`); for results
in single precision it sums in double. The order of all sums is that of the features, whatever the pair: the
form of one set of points is antisymmetric to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._base.arrays import in_memory_order
from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.rewrites import Contract, Rewrite, Rewriting
from ..._base.routes import Declined, Offer, Refused
from ..._base.threads import run_blocks
from ..._native import CORE
from . import double_double as twofold
from .finish import FINITE, finished
from .form import Form, inner, linear, metric_of
from .points import GUARD, converted, convertible

Array = np.ndarray[Any, Any]

#: How small an entry may be against the terms that it is made of.
LEAST = 2.0**-40
#: Bytes of a tile; pairs that are computed from their differences at once; the share from which all of them
#: are.
_TILE, _PAIRS, _MANY = 1 << 18, 1 << 12, 0.5
#: Seconds an entry takes, and from how many on threads share the work; seconds of a coordinate, and of each
#: product with it.
_ENTRY, _SHARED = (2e-9, 2e-4) if CORE is None else (5.5e-10, 1e-4)
_ELEMENT, _PRODUCT = (0.0, 6e-8) if CORE is None else (4e-10, 4e-10)
#: Points of a block, and seconds to split a weight for it.
_POINTS, _SPLIT = 48, 4e-9
#: How many times that few features take, and an entry of few columns.
_FEW, _NARROW = 2.0, 2.0


def verdict(step: Step) -> Rewriting | Refused:
    """Offer the differences of what a sum over features makes of the points."""
    form = linear(step)
    if isinstance(form, Refused):
        return form
    refused = refused_for(step, form)
    if refused is not None:
        return refused
    entries = step.extent(form.made) * _ENTRY
    if step.sizes[form.j] < 8:
        entries *= _NARROW
    if step.threads > 1 and entries > _SHARED:
        entries /= 1.6
    cost = Cost((entries + points_cost(step, form)) * 1e9, 0.0, calls(form, step), 1e9)
    note = "the sum over features of the points, in twice the precision, and differences of that"
    return Rewriting(
        Offer(cost, step.output, form, note), inner(form, step), _short(form, step), settled=True
    )


def calls(form: Form, step: Step) -> float:
    """NumPy calls around the work."""
    if CORE is None:
        return 60.0
    return 4.0 if unmet(form, step) else 20.0


def unmet(form: Form, step: Step) -> bool:
    """Whether the form is the result, by one operand of weights or none, of points of the step's dtype."""
    bare = not form.metric or (
        len(form.metric) == 1 and step.inputs[form.metric[0]] == form.batch + form.unique
    )
    whole = bare and all(step.operands[p].shape[-1] == step.sizes[form.unique] for p in form.metric)
    if form.rest or set(step.output) != set(form.made):
        return False
    return whole and step.operands[form.at[0]].dtype == step.dtype


def _short(form: Form, step: Step) -> Callable[[tuple[Any, ...]], Array | None] | None:
    """The form in the core, where nothing is done before it or after it."""
    if CORE is None or not unmet(form, step) or len(form.batch) > 1:
        return None
    at, threads, number = form.at[0], step.threads, step.dtype.num
    axes = tuple(form.made.index(c) for c in step.output)
    back = None if axes == tuple(range(len(axes))) else axes
    ones = np.ones((1, step.sizes[form.unique]))
    w = form.metric[0] if form.metric else None
    whole = bool(form.batch)
    project = CORE.difference_projections

    def run(operands: tuple[Any, ...]) -> Array | None:
        d = operands[at]
        given = ones if w is None else operands[w] if whole else operands[w][None]
        made: Array | None = project(d.x, d.y, given, number, threads, True)
        if made is None:
            return None
        if not whole:
            made = made[0]
        return made if back is None else made.transpose(back)

    return run


def refused_for(step: Step, form: Form) -> Refused | None:
    """Why neither this way nor that of sums can do a form; mostly None."""
    if step.dtype.char not in "fd":
        return Refused(f"no guard for rounding in {step.dtype.name}")
    return convertible(step.operands[form.at[0]], step.dtype)


def points_cost(step: Step, form: Form) -> float:
    """Seconds that summing over features takes."""
    coordinates = (step.extent(form.i) + step.extent(form.j)) * step.extent(form.unique)
    forms = step.extent(form.batch.replace(form.features, ""))
    few = _FEW if step.extent(form.unique) < 16 else 1.0
    # Weights are split for each block of points.
    blocks = sum(-(-step.extent(c) // _POINTS) for c in form.i + form.j)
    split = 0.0 if CORE is None else blocks * step.extent(form.unique) * forms * _SPLIT
    return coordinates * (few * _ELEMENT + forms * _PRODUCT) + split


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Sums over features, then differences in tiles."""
    form: Form = rewriting.offer.recipe
    points = converted(operands[form.at[0]], step.dtype)
    if isinstance(points, Declined):
        return points
    x, y = (one.astype(np.float64, copy=False) for one in points)
    same = points[0] is points[1]
    w = weights(form, step, operands, contract)
    if not np.isfinite(w).all():
        return Declined("the weights are not finite")
    if CORE is not None:
        return finished(form, step, _by_core(x, y, w, step), operands, contract)
    left = _Side(x, w)
    right = left if same else _Side(y, w)

    def make(low: int, high: int) -> Array:
        made = np.empty((w.shape[1], high - low, len(y)), step.dtype)
        rows = max(1, _TILE // (8 * len(y)))
        todo = [(b, s) for b in range(w.shape[1]) for s in range(low, high, rows)]

        def work(index: int) -> None:
            b, start = todo[index]
            end = min(start + rows, high)
            made[b, start - low : end - low] = _tile(left, right, b, start, end)

        seconds = made.size * _ENTRY
        run_blocks(len(todo), work, step.threads if seconds > _SHARED else 1)
        return made

    return finished(form, step, make, operands, contract)


def _by_core(x: Array, y: Array, w: Array, step: Step) -> Callable[[int, int], Array]:
    columns, number, threads = in_memory_order(w.T), step.dtype.num, step.threads

    def make(low: int, high: int) -> Array:
        made: Array = CORE.difference_projections(x[low:high], y, columns, number, threads, False)
        return made

    return make


def weights(form: Form, step: Step, operands: tuple[Any, ...], contract: Contract) -> Array:
    """The metric as a matrix (features, batch) of float64."""
    features = step.sizes[form.unique]
    metric = metric_of(form, step, operands, contract)
    if metric is None:
        return np.ones((features, 1))
    return in_memory_order(metric.reshape(-1, features).T, np.float64)


class _Side:
    """The points of one side: what the features sum to in twice the precision, and what may cancel in it."""

    def __init__(self, points: Array, weights: Array) -> None:
        self.points, self.weights = points, weights
        self.head, self.tail = twofold.dot(points, weights)
        self.least = (np.abs(points) @ np.abs(weights)) * LEAST


def _tile(a: _Side, b: _Side, which: int, start: int, end: int) -> Array:
    """Rows of the form."""
    rows = slice(start, end)
    made = np.subtract(a.head[rows, which, None], b.head[:, which])
    tails = np.subtract(a.tail[rows, which, None], b.tail[:, which])
    made += tails
    size = np.abs(made, out=tails)
    if a is b:
        size[np.arange(end - start), np.arange(start, end)] = np.inf  # zero, unless not finite
    if size.min() >= a.least[rows, which].max() + b.least[:, which].max():
        return made
    # Not "less": what is not finite is computed again as well.
    close = np.flatnonzero(~(size >= np.add.outer(a.least[rows, which], b.least[:, which])))
    w = a.weights[:, which]
    if len(close) > _MANY * made.size:
        return _forms(a.points[rows].T[:, :, None], b.points.T[:, None], w)
    for first in range(0, len(close), _PAIRS):
        i, j = np.divmod(close[first : first + _PAIRS], made.shape[1])
        made[i, j] = _forms(a.points[rows][i].T, b.points[j].T, w)
    return made


def _forms(x: Array, y: Array, w: Array) -> Array:
    """The form from differences, feature by feature."""
    made: Array = (x[0] - y[0]) * w[0]
    for one, other, weight in zip(x[1:], y[1:], w[1:], strict=True):
        made = made + (one - other) * weight
    return made


LINEAR = Rewrite("difference.linear", verdict, run, f"the weights are finite; {FINITE}; {GUARD}")
