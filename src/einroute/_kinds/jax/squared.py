"""Squared forms of pairwise differences: the expansion in matrix products, and again where it cancels.

With points centred at their mean, ``d M d = x M x + y M y - x (M + M') y``. The sum loses digits where it is
small against its terms: the products' error is at most about ``E eps T``, where ``T`` is the sum of both
sides' ``|x| |M| |x|`` and ``E = 2 + 0.9 sqrt(R + 2) + (R + 2) / 8`` for R features. So an entry of at least
``E T / 1000`` is within ``1000 eps`` of itself of what its differences give; the others are computed from
these, in blocks of points, which of them is found out inside of the program. (NumPy's arrays get 60 in place
of 1000 by a factor of the metric, which may have none where values are not at hand.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner
from .blocks import block_of, in_blocks, limit_of, recomputed
from .dense import LIBRARY
from .differences import differences

__all__ = ["ROUTE"]

_FLOATS = frozenset(map(np.dtype, (np.float32, np.float64)))
_ALLOWED = 1000.0
#: Features from which it pays; seconds an entry, and multiply-adds a second.
_LEAST, _ENTRY, _RATE = 8, 1e-9, 2e10
#: Bytes of differences at a time.
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Form:
    """``"ijk,kl,ijl->ij"`` or ``"ijk,ijk->ij"``, its operands in any order.

    Attributes
    ----------
    at : tuple of int
        Positions of the differences.
    metric : int or None
        Position of the metric.
    turned : bool
        Whether its axes are the other difference's first.
    same : bool
        Whether points are compared with themselves.
    swapped : bool
        Whether the result is ``ji``.
    """

    at: tuple[int, int]
    metric: int | None
    turned: bool
    same: bool
    swapped: bool


def _form(step: Step) -> _Form | Refused:
    found = differences(step)
    if isinstance(found, Refused):
        return found
    at = found[0]
    if len(at) != 2 or step.operands[at[1]].alias != at[0]:
        return Refused("not twice the same differences")
    one, two = (step.inputs[i] for i in at)
    if one[:2] != two[:2] or set(step.output) != set(one[:2]):
        return Refused("not a form for each pair of points")
    others = [i for i in range(len(step.inputs)) if i not in at]
    features = one[2], two[2]
    metric = None
    if one[2] == two[2] and not others:
        pass
    elif one[2] != two[2] and len(others) == 1 and sorted(step.inputs[others[0]]) == sorted(features):
        metric = others[0]
    else:
        return Refused("not a squared form with one metric at most")
    turned = metric is not None and step.inputs[metric] == two[2] + one[2]
    same = step.operands[at[0]].structure[1]
    return _Form((at[0], at[1]), metric, turned, same, step.output != one[:2])


def _verdict(step: Step) -> Offer | Refused:
    """Offer it for single and double precision, and for so many features that it pays."""
    form = _form(step)
    if isinstance(form, Refused):
        return form
    if step.dtype not in _FLOATS:
        return Refused(f"no bound of rounding in {step.dtype}")
    n, m, features = (step.sizes[c] for c in step.inputs[form.at[0]])
    if features < _LEAST or not n * m:
        return Refused(f"{features} features, less than the {_LEAST} for which products pay")
    limit = limit_of(step)
    if limit is not None and 2 * step.out_bytes > limit:
        return Refused(f"bounds of all entries take more than memory_limit={limit}")
    flops = float(n * m * features + (n + m) * features**2)
    seconds = flops / _RATE + n * m * _ENTRY
    cost = Cost(flops, float(step.in_bytes + 3 * step.out_bytes), LIBRARY.calls, flops / seconds)
    note = f"an expansion in products {n}x{features} by {features}x{m}, small entries from the differences"
    return Offer(cost, step.output, form, note)


def _bind(step: Step, offer: Offer) -> Runner:
    form: _Form = offer.recipe
    n, m, features = (step.sizes[c] for c in step.inputs[form.at[0]])
    block = block_of(n, 2 * m * features * step.dtype.itemsize, min(_BLOCK, limit_of(step) or _BLOCK))
    level = _errors(features) / _ALLOWED

    def run(*operands: Any, out: Any = None) -> Any:
        x, y = (p.astype(step.dtype) for p in operands[form.at[0]].points())
        metric = None if form.metric is None else operands[form.metric]
        if metric is not None and form.turned:
            metric = metric.T
        made, least = _expanded(x, y, metric, level)
        small = (jnp.abs(made) < least) | ~jnp.isfinite(made)
        if form.same:
            diagonal = jnp.eye(n, dtype=bool)
            made, small = jnp.where(diagonal, 0, made), small & ~diagonal
        again = in_blocks(n, block, 0, (0, 0, 0), lambda _: partial(_again, y, metric))
        result = lax.cond(small.any(), again, lambda made, _small, _x: made, made, small, x)
        return result.T if form.swapped else result

    return run


def _product(x: Any, y: Any) -> Any:
    """A product of matrices in the precision that the bound is of, also where devices have a quicker one."""
    return jnp.matmul(x, y, precision=lax.Precision.HIGHEST)


def _expanded(x: Any, y: Any, metric: Any, level: float) -> tuple[Any, Any]:
    """The form by products, and what an entry must be to be taken as it is."""
    centre = lax.stop_gradient((x.mean(0) + y.mean(0)) / 2)
    x, y = x - centre, y - centre
    if metric is None:
        terms = (x * x).sum(1)[:, None] + (y * y).sum(1)[None, :]
        return terms - 2 * _product(x, y.T), lax.stop_gradient(level * terms)
    of_x, of_y = ((v * _product(v, metric.T)).sum(1) for v in (x, y))
    cross = _product(_product(x, metric + metric.T), y.T)
    size_x, size_y = (
        (jnp.abs(v) * _product(jnp.abs(v), jnp.abs(metric).T)).sum(1) for v in map(lax.stop_gradient, (x, y))
    )
    least = lax.stop_gradient(level * (size_x[:, None] + size_y[None, :]))
    return of_x[:, None] + of_y[None, :] - cross, least


def _again(y: Any, metric: Any, made: Any, small: Any, x: Any) -> Any:
    """The entries of some points, the small ones from differences."""

    @recomputed
    def exactly(made: Any, small: Any, x: Any) -> Any:
        d = x[:, None, :] - y[None, :, :]
        return jnp.where(small, (d * (d if metric is None else _product(d, metric.T))).sum(2), made)

    return lax.cond(small.any(), exactly, lambda made, _small, _x: made, made, small, x)


def _errors(features: int) -> float:
    """What the product may be off, in eps of its terms."""
    return 2 + 0.9 * sqrt(features + 2) + (features + 2) / 8


ROUTE = Route("jax.squared", _verdict, _bind)
