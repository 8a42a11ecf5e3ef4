"""Squared forms by the core's kernels: differences first, in registers.

For few features that takes less time than a matrix product and its guards, and holds its bound whatever the
points and the metric are.
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
from ..._native import CORE
from . import plain
from .finish import FINITE, finished
from .form import Form, inner, metric_of, squared
from .points import GUARD, converted, convertible

Array = np.ndarray[Any, Any]

#: Bytes of the pairs that a row takes as long as, and rows that are looked at together.
_VECTOR, _BLOCK = 64, 1 << 18
#: Columns up to which rows take their place.
_NARROW = 16
#: Seconds a pair takes in double precision, what each product adds, of a diagonal and of a whole matrix, and
#: each coordinate of the points and entry of a matrix.
_PAIR, _PRODUCT, _WHOLE, _COORDINATE, _ENTRY = 4.5e-10, 1e-10, 5.5e-11, 7e-10, 8e-10
#: How many times that of a product of complex numbers takes, by the byte.
_COMPLEX = 2.5
#: Seconds from which threads share the work.
_SHARED = 3e-4


def verdict(step: Step) -> Rewriting | Refused:
    """Offer the core's kernel."""
    if CORE is None:
        return Refused("there is no compiled core")
    form = squared(step)
    if isinstance(form, Refused):
        return form
    if step.dtype.char not in "fdFD":
        return Refused(f"no kernel for {step.dtype.name}")
    if step.dtype.kind == "c" and len(form.unique) == 2:
        return Refused("no kernel for a whole metric of complex numbers")
    refused = convertible(step.operands[form.at[0]], step.dtype)
    if refused is not None:
        return refused
    seconds = _seconds(step, form)
    if step.threads > 1 and seconds > _SHARED:
        seconds /= 1.7
    short = _short(form, step)
    calls = 50.0 if short is None else 4.0
    cost = Cost(seconds * 1e9, float(step.extent(form.made) * step.dtype.itemsize), calls, 1e9)
    note = f"a kernel of the core, {step.sizes[form.features[0]]} features, differences first"
    return Rewriting(Offer(cost, step.output, form, note), inner(form, step), short, settled=True)


def _short(form: Form, step: Step) -> Callable[[tuple[Any, ...]], Array | None] | None:
    """The form by one call, where nothing is done before it or after it."""
    metric = form.metric
    # The form sees the symmetric part of a metric alone.
    bare = not metric or (len(metric) == 1 and sorted(step.inputs[metric[0]]) == sorted(form.unique))
    full = all(n == step.sizes[form.features[0]] for p in metric for n in step.operands[p].shape)
    whole = not form.rest and set(step.output) == {form.i, form.j}
    if not whole or form.batch or not bare or not full or (not metric and len(form.unique) == 2):
        return None
    at, threads, number = form.at[0], step.threads, step.dtype.num
    if step.operands[at].dtype != step.dtype or step.dtype.kind == "c":
        return None
    squares, turned = CORE.difference_squares, step.output != form.i + form.j
    w = metric[0] if metric else None

    def run(operands: tuple[Any, ...]) -> Array | None:
        d = operands[at]
        made: Array | None = squares(d.x, d.y, None if w is None else operands[w], number, threads)
        return made if made is None or not turned else made.T

    return run


def _seconds(step: Step, form: Form) -> float:
    """What the kernel takes on one core."""
    features = step.sizes[form.features[0]]
    whole = len(form.unique) == 2
    products = features * (features + 5) / 2 * _WHOLE if whole else features * _PRODUCT
    if step.dtype.kind == "c":
        products *= _COMPLEX
    n, m = step.sizes[form.i], step.sizes[form.j]
    if m < _NARROW < n:
        n, m = m, n
    pairs = n * max(m, _VECTOR // step.dtype.itemsize) * (_PAIR + products) * step.dtype.itemsize / 8
    entries = features**2 * _ENTRY if whole else 0.0
    return step.extent(form.batch) * (pairs + (n + m) * features * _COORDINATE + entries)


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Rows in blocks."""
    form: Form = rewriting.offer.recipe
    features = step.sizes[form.features[0]]
    points = converted(operands[form.at[0]], step.dtype)
    if isinstance(points, Declined):
        return points
    x, y = points
    metric = metric_of(form, step, operands, contract)
    if metric is None:
        stack = np.ones((1, features), step.dtype)
    elif not np.isfinite(metric).all():
        return Declined("the metric is not finite")
    else:
        stack = metric.reshape(-1, *([features] * len(form.unique)))
    threads = step.threads if _seconds(step, form) > _SHARED else 1

    def make(low: int, high: int) -> Array:
        made = np.empty((len(stack), high - low, len(y)), step.dtype)
        for one, out in zip(stack, made, strict=True):
            _all_pairs(x[low:high], y, one, out, threads)
        return made

    return finished(form, step, make, operands, contract)


def _all_pairs(x: Array, y: Array, metric: Array, out: Array, threads: int) -> None:
    CORE.difference_forms(x, y, _entries(metric), out, threads)
    if _bounded(x, y, metric):
        return
    rows = max(1, _BLOCK // (out.shape[1] * out.itemsize))
    for first in range(0, len(x), rows):
        part = out[first : first + rows]
        if not np.isfinite(part).all():
            _again(x[first : first + rows], y, metric, part)


def _bounded(x: Array, y: Array, metric: Array) -> bool:
    """Whether no entry, and none of the sums it is made of, can be other than finite."""
    largest = float(np.abs(x).max()) + float(np.abs(y).max())
    bound = 4 * largest * largest * float(np.abs(metric).sum())
    return bound < float(np.finfo(metric.dtype).max)  # not of nan


def _entries(metric: Array) -> Array:
    """The diagonal; or the rows of the matrix, the lower triangle added to the upper one."""
    if metric.ndim == 1:
        return in_memory_order(metric)
    both = metric + metric.T
    np.fill_diagonal(both, metric.diagonal())
    return in_memory_order(both)


def _again(x: Array, y: Array, metric: Array, out: Array) -> None:
    """What is not finite, by the formula as it is written: its products may be another nan or infinity."""
    places = np.flatnonzero(~np.isfinite(out))
    some = max(1, plain.DIFFERENCES // x.shape[1])
    for start in range(0, len(places), some):
        i, j = np.divmod(places[start : start + some], out.shape[1])
        out[i, j] = plain.of_pairs(x[i] - y[j], metric)


COMPILED = Rewrite("difference.compiled", verdict, run, f"the metric is finite; {FINITE}; {GUARD}")
