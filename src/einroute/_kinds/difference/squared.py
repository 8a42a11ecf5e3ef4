"""Squared forms: distances of points transformed by a factor of the metric, or differences in tiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.rewrites import Contract, Rewrite, Rewriting
from ..._base.routes import Declined, Offer, Refused
from ..._native import CORE
from . import distances, expansion, plain, transformed
from .finish import FINITE, finished
from .form import Form, inner, metric_of, squared
from .metric import factor
from .points import GUARD, converted, convertible

Array = np.ndarray[Any, Any]

#: Seconds an entry takes from its difference, of several features and of one, by each in double precision,
#: and by their products.
_PLAIN, _ALONE, _FEATURE, _PRODUCT = 1.6e-8, 3e-9, 1e-9, 5e-11
#: Seconds that transforming a point takes for each product with a factor of a whole metric, and to do it in
#: more digits for each coordinate.
_TRANSFORM, _SPLIT = 1e-10, 2.5e-8
#: Seconds that pairs that are too close take, by the features: of few, more pairs are; and what a pair takes
#: where points are few as well: their tiles are centred anew.
_CLOSE, _ANEW = 8e-9, 2e-7
#: How many times that it is in single precision; seconds of a point, and of each of its coordinates.
_SINGLE = 0.6
_POINT, _COORDINATE = 3e-8, 3.5e-9
#: Seconds an entry takes by expansion, besides its products: three in double precision, one of the diagonal;
#: and a coordinate of the points, in parts.
_EXPANDED, _EXPANSIONS, _PARTED = 6e-9, 4, 8e-8
#: The most features for a product: with more, a factor's own rounding is not known to be small enough.
_MOST = 1024


def _guarded(step: Step) -> Form | Refused:
    """The squared form of a step whose rounding is known to be bounded by matrix products."""
    form = squared(step)
    if isinstance(form, Refused):
        return form
    if step.dtype.char not in "fd":
        return Refused(f"no guard for rounding in {step.dtype.name}")
    refused = convertible(step.operands[form.at[0]], step.dtype)
    if refused is not None:
        return refused
    terms = step.extent(form.features[0])
    if terms > _MOST:
        return Refused(f"{terms} features, more than the {_MOST} for which rounding is bounded")
    return form


def product_verdict(step: Step) -> Rewriting | Refused:
    """Offer distances by a matrix product."""
    form = _guarded(step)
    if isinstance(form, Refused):
        return form
    terms = step.extent(form.features[0])
    n, m, batch = step.extent(form.i), step.extent(form.j), step.extent(form.batch)
    single = _SINGLE if step.dtype.itemsize == 4 else 1.0
    each = single * (distances.ENTRY + _CLOSE / terms) + distances.TERM * terms * step.dtype.itemsize / 8
    if _few(step, form):
        each = transformed.PAIR + transformed.TERM * terms * step.dtype.itemsize / 8
    elif terms <= 2 and min(n, m) < 16:
        each += _ANEW
    work = batch * (n * m * each + (n + m) * (_POINT + terms * _COORDINATE))
    if len(form.unique) == 2:
        work += batch * ((n + m) * (_TRANSFORM * terms**2 + _SPLIT * terms) + terms**3 * 1e-10)
    cost = Cost(work * 1e9 / _cores(step, work), 0.0, 150.0 * batch, 1e9)
    few, short = _few(step, form), transformed.short(form, step)
    if short is not None:
        work = transformed.seconds(form, step)
        own = Cost(work * 1e9 / _cores(step, work), 0.0, 4.0, 1e9)
        cost, few, short = (own, True, short) if own.seconds < cost.seconds else (cost, few, None)
    note = f"squared distances {'of differences' if few else 'by GEMM'} {n}x{terms} by {terms}x{m}"
    if form.metric:
        note += " of points transformed by a factor of the metric"
    return Rewriting(
        Offer(cost, step.output, form, note + "; small ones from the differences"),
        inner(form, step),
        short,
        settled=True,
    )


def _few(step: Step, form: Form) -> bool:
    """Whether distances by a whole metric are taken of differences of the transformed points."""
    terms = step.extent(form.features[0])
    return CORE is not None and len(form.unique) == 2 and terms <= transformed.MOST


def _cores(step: Step, seconds: float) -> float:
    return min(step.threads, 2) * 0.8 if seconds > distances.SHARED and step.threads > 1 else 1.0


def product_run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Factor the metric, then distances."""
    form: Form = rewriting.offer.recipe
    points = converted(operands[form.at[0]], step.dtype)
    if isinstance(points, Declined):
        return points
    x, y = points
    metric = metric_of(form, step, operands, contract)
    count = step.extent(form.batch)
    stack = [metric] if metric is None else metric.reshape(count, *metric.shape[len(form.batch) :])
    factors = []
    for one in stack:
        found = factor(one)
        if isinstance(found, Declined):
            return found
        factors.append(found)

    def make(low: int, high: int) -> Array | Declined:
        whole = high - low == len(x)
        rows = x if whole else x[low:high]
        made = np.empty((count, high - low, len(y)), step.dtype)
        for one, out in zip(factors, made, strict=True):
            few = one.u is not None and one.u.ndim == 2 and _few(step, form)
            if not few or not transformed.squared_distances(rows, y, one, out, step.threads):
                declined = distances.squared_distances(rows, y, one, out, step.threads)
                if declined is not None:
                    return declined
            if one.sign < 0:
                np.negative(out, out=out)
        return made

    return finished(form, step, make, operands, contract)


def expansion_verdict(step: Step) -> Rewriting | Refused:
    """Offer the terms of a whole metric of any signs by matrix products in more digits."""
    form = _guarded(step)
    if isinstance(form, Refused):
        return form
    if len(form.unique) != 2:
        return Refused("the metric is diagonal")
    terms = step.extent(form.features[0])
    n, m, batch = step.extent(form.i), step.extent(form.j), step.extent(form.batch)
    each = _EXPANDED + distances.TERM * terms * (_EXPANSIONS if step.dtype.char == "d" else 2)
    work = batch * (n * m * each + (n + m) * (terms * _PARTED + terms**2 * _TRANSFORM))
    cost = Cost(work * 1e9 / _cores(step, work), 0.0, 200.0 * batch, 1e9)
    note = f"terms by GEMM {n}x{terms} by {terms}x{m}, in more digits"
    return Rewriting(
        Offer(cost, step.output, form, note + "; small ones from the differences"), inner(form, step)
    )


def expansion_run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Terms of the form, for each metric of a batch."""
    form: Form = rewriting.offer.recipe
    points = converted(operands[form.at[0]], step.dtype)
    if isinstance(points, Declined):
        return points
    x, y = points
    metric = metric_of(form, step, operands, contract)
    if metric is None or not np.isfinite(metric).all():
        return Declined("the metric is not finite")
    stack = metric.reshape(step.extent(form.batch), *metric.shape[len(form.batch) :])

    def make(low: int, high: int) -> Array | Declined:
        rows = x if high - low == len(x) else x[low:high]
        made = np.empty((len(stack), high - low, len(y)), step.dtype)
        for one, out in zip(stack, made, strict=True):
            declined = expansion.squared_forms(rows, y, one, out, step.threads)
            if declined is not None:
                return declined
        return made

    return finished(form, step, make, operands, contract)


def plain_verdict(step: Step) -> Rewriting | Refused:
    """Offer the form from its differences, tile by tile."""
    form = squared(step)
    if isinstance(form, Refused):
        return form
    terms = step.extent(form.features[0])
    pairs = step.extent(form.made)
    each = (_PLAIN if terms > 1 else _ALONE) + terms * _FEATURE * step.dtype.itemsize / 8
    if len(form.unique) == 2:
        each += (
            terms
            * terms
            * _PRODUCT
            * (1 if step.dtype.char in "fd" else 4 if step.dtype.char in "FD" else 20)
        )
    work = pairs * each
    cost = Cost(work * 1e9 / _cores(step, work), 0.0, 40.0, 1e9)
    return Rewriting(Offer(cost, step.output, form, "differences written out in tiles"), inner(form, step))


def plain_run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Tiles of differences, in the dtype of the difference."""
    form: Form = rewriting.offer.recipe
    d = operands[form.at[0]]
    metric = metric_of(form, step, operands, contract)
    count = step.extent(form.batch)
    stack = [metric] if metric is None else metric.reshape(count, *metric.shape[len(form.batch) :])
    if metric is not None and not np.isfinite(metric).all():
        return Declined("the metric is not finite")
    x = np.ascontiguousarray(d.x, d.dtype)
    # Differences of integers may wrap, and then one is not the other's negative.
    y = x if d.y is d.x and d.dtype.kind in "fc" else np.ascontiguousarray(d.y, d.dtype)

    def make(low: int, high: int) -> Array:
        made = np.empty((count, high - low, len(y)), step.dtype)
        for one, out in zip(stack, made, strict=True):
            same = y is x and high - low == len(x)
            plain.whole(x if same else x[low:high], y, one, out, step.threads)
        return made

    return finished(form, step, make, operands, contract)


PRODUCT = Rewrite(
    "difference.product",
    product_verdict,
    product_run,
    f"the metric is finite and semidefinite; few points are not finite; {FINITE}; {GUARD}",
)
EXPANSION = Rewrite(
    "difference.expansion",
    expansion_verdict,
    expansion_run,
    f"the metric is finite; most sums do not cancel; {FINITE}; {GUARD}",
)
PLAIN = Rewrite("difference.tiles", plain_verdict, plain_run, f"the metric is finite; {FINITE}")
