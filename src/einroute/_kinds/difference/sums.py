"""Sums over points of one difference: the points are summed first, in twice the working precision.

``sum_j (x_ik - y_jk)`` is ``m x_ik - sum_j y_jk``, and is guarded as the forms of `linear` are, with the
bound and the size of the terms summed too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.rewrites import Contract, Rewrite, Rewriting
from ..._base.routes import Declined, Offer, Refused
from ..._native import CORE
from . import double_double
from .finish import FINITE, met
from .form import Form, inner, summed
from .linear import LEAST, calls, points_cost, refused_for, unmet, weights
from .points import GUARD, converted

Array = np.ndarray[Any, Any]

#: The share of sums that may have to be made again, of their differences.
_FEW = 0.1
#: How many times faster NumPy sums points over all at once than each over its features.
_TOGETHER = 6.0
#: How many times as long the sums of each feature take as those of all together.
_EACH = 3.0


def verdict(step: Step) -> Rewriting | Refused:
    """Offer to sum the points before they meet."""
    form = summed(step)
    if isinstance(form, Refused):
        return form
    refused = refused_for(step, form)
    if refused is not None:
        return refused
    seconds = points_cost(step, form) / (_TOGETHER if CORE is None else 1)
    if form.batch == form.features:
        seconds *= _EACH
    cost = Cost(seconds * 1e9, 0.0, 80.0 if CORE is None else calls(form, step), 1e9)
    note = f"points summed over {' and '.join(map(repr, form.lone))} in twice the precision, then subtracted"
    return Rewriting(
        Offer(cost, step.output, form, note), inner(form, step), _short(form, step), settled=True
    )


def _short(form: Form, step: Step) -> Callable[[tuple[Any, ...]], Array | None] | None:
    """The sums in the core, where nothing is done before them or after them."""
    if CORE is None or not unmet(form, step) or len(form.batch) > 1:
        return None
    at = form.at[0]
    w = form.metric[0] if form.metric else None
    whole = bool(form.batch)
    axes = tuple(form.made.index(c) for c in step.output)
    shape = tuple(step.sizes[c] for c in form.made)
    flat = shape if len(shape) < 2 else None
    add = _by_core(form, step, only_finite=True)

    def run(operands: tuple[Any, ...]) -> Array | None:
        d = operands[at]
        found = add(d.x, d.y, None if w is None else operands[w] if whole else operands[w][None])
        if found is None:
            return None
        made: Array = found
        return made.reshape(flat) if flat is not None else made.reshape(shape).transpose(axes)

    return run


def _by_core(form: Form, step: Step, *, only_finite: bool) -> Callable[[Array, Array, Array | None], Any]:
    """``(x, y, weights or None) -> sums``, of shape (batch, points), or (batch, 1)."""
    over, number = [c in form.lone for c in form.i + form.j], step.dtype.num
    alone = form.batch == form.features

    def run(x: Array, y: Array, w: Array | None) -> Any:
        return CORE.difference_totals(x, y, w, alone, *over, number, only_finite)

    return run


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Sum, subtract, and look which sums cancel."""
    form: Form = rewriting.offer.recipe
    d = operands[form.at[0]]
    points = converted(d, step.dtype)
    if isinstance(points, Declined):
        return points
    x, y = (one.astype(np.float64, copy=False) for one in points)
    w = None if form.batch == form.features else weights(form, step, operands, contract)
    if w is not None and not np.isfinite(w).all():
        return Declined("the weights are not finite")
    if CORE is not None:
        totals = _by_core(form, step, only_finite=False)(
            *points, None if w is None or not form.metric else w.T
        )
        return _met(form, step, totals, operands, contract)
    over = [c in form.lone for c in form.i + form.j]
    left = _side(x, w, over[0], len(y) if over[1] else 1)
    right = _side(y, w, over[1], len(x) if over[0] else 1)
    made = (left[0] - right[0]) + (left[1] - right[1])
    cancels = ~(np.abs(made) >= (left[2] + right[2]) * LEAST)
    if d.y is d.x and all(over):
        cancels &= made != 0  # nothing is left but what is not finite
    if np.count_nonzero(cancels) > (0 if all(over) else _FEW * made.size):
        return Declined("the sums cancel, or are not finite")
    for p, b in zip(*np.nonzero(cancels), strict=True):
        differences = x[p] - y if over[1] else x - y[p]
        made[p, b] = (differences[:, b] if w is None else differences @ w[:, b]).sum()
    return _met(form, step, made.T, operands, contract)


def _met(form: Form, step: Step, made: Array, operands: tuple[Any, ...], contract: Contract) -> Any:
    """The sums, (batch, points), with what meets them."""
    labels = form.made
    made = made.reshape([step.sizes[c] for c in labels]).astype(step.dtype, copy=False)
    if not form.rest and set(step.output) == set(labels):
        return made.transpose([labels.index(c) for c in step.output])
    inputs = (labels, *(step.inputs[p] for p in form.rest))
    rest = tuple(operands[p] for p in form.rest)
    return met(step, contract(inputs, step.output, (made, *rest), form=step.form), rest)


def _side(points: Array, w: Array | None, over: bool, count: int) -> tuple[Array, Array, Array]:
    """What the points of one side add, ``count`` times: head, tail, and the size of all terms.

    Each of shape (points, batch), or (1, batch) where they are summed.
    """
    if w is None:
        pair, size = (points, np.zeros_like(points)), np.abs(points)
    else:
        pair, size = double_double.dot(points, w), np.abs(points) @ np.abs(w)
    if over:
        head, tail = double_double.total(pair)
        pair, size = (head[None], tail[None]), size.sum(axis=0, keepdims=True)
    head, tail = double_double.scaled(pair, count)
    return head, tail, size * count


SUMS = Rewrite(
    "difference.sums", verdict, run, f"few of the sums cancel; the weights are finite; {FINITE}; {GUARD}"
)
