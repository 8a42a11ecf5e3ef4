"""Squared forms of pairwise differences: the expansion in products, and again where it cancels.

With points centred at their mean, ``d M d = x M x + y M y - x (M + M') y``. The sum loses digits where it is
small against its terms: the products' error is at most about ``E eps T``, where ``T`` is the sum of both
sides' ``|x| |M| |x|`` and ``E = 2 + 0.9 sqrt(R + 2) + (R + 2) / 8`` for R features. So an entry of at least
``E T / 60`` is within ``60 eps`` of itself of what its differences give; the others are computed from these.
Which they are is read, on the host; elsewhere, and while functions are traced, differences are written out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import torch

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Declined, Offer, Refused, Route, Runner
from ..array_library.routes import laid_out
from .dense import LIBRARY, Tensor, at_hand
from .written import WRITTEN

__all__ = ["ROUTE"]

_FLOATS = frozenset(map(np.dtype, (np.float32, np.float64)))
_ALLOWED = 60.0
#: Features from which it pays; seconds an entry, and multiply-adds a second; entries done again at a time.
_LEAST, _ENTRY, _RATE, _AGAIN = 4, 2e-9, 1e10, 1 << 18


@dataclass(frozen=True, slots=True)
class _Form:
    """``"ijk,kl,ijl->ij"`` or ``"ijk,ijk->ij"``, its operands in any order.

    Attributes
    ----------
    at : int
        Position of the differences.
    metric : int or None
        Position of the metric.
    turned : bool
        Whether its axes are the other difference's first.
    same : bool
        Whether points are compared with themselves.
    swapped : bool
        Whether the result is ``ji``.
    """

    at: int
    metric: int | None
    turned: bool
    same: bool
    swapped: bool


def _form(step: Step) -> _Form | Refused:
    at = WRITTEN.structures(step, "pairwise_difference")
    if len(at) != 2 or step.operands[at[1]].alias != at[0]:
        return Refused("not twice the same differences")
    one, two = (step.inputs[i] for i in at)
    if one[:2] != two[:2] or set(step.output) != set(one[:2]):
        return Refused("not a form for each pair of points")
    others = [i for i in range(len(step.inputs)) if i not in at]
    if any(step.operands[i].form != LIBRARY.name for i in others):
        return Refused("not differences and dense tensors")
    metric = None
    if one[2] != two[2]:
        if len(others) != 1 or sorted(step.inputs[others[0]]) != sorted((one[2], two[2])):
            return Refused("not a squared form with one metric at most")
        metric = others[0]
    elif others:
        return Refused("not a squared form with one metric at most")
    turned = metric is not None and step.inputs[metric] == two[2] + one[2]
    same = step.operands[at[0]].structure[1]
    return _Form(at[0], metric, turned, same, step.output != one[:2])


def _verdict(step: Step) -> Offer | Refused:
    """Offer it on the host, for single and double precision, and for so many features that it pays."""
    form = _form(step)
    if isinstance(form, Refused):
        return form
    if step.dtype not in _FLOATS:
        return Refused(f"no bound of rounding in {step.dtype}")
    if getattr(step.operands[form.at].device, "type", "cpu") != "cpu":
        return Refused("entries that cancel are looked for, and values on a device are not read")
    n, m, features = (step.sizes[c] for c in step.inputs[form.at])
    if features < _LEAST or not n * m:
        return Refused(f"{features} features, less than the {_LEAST} for which products pay")
    flops = float(n * m * features + (n + m) * features**2)
    cost = Cost(
        flops,
        float(step.in_bytes + 4 * step.out_bytes),
        12 * LIBRARY.calls,
        flops / (flops / _RATE + n * m * _ENTRY),
    )
    note = f"an expansion in products {n}x{features} by {features}x{m}, small entries from the differences"
    return Offer(cost, step.output, form, note)


def _bind(step: Step, offer: Offer) -> Runner:
    form: _Form = offer.recipe
    features = step.sizes[step.inputs[form.at][2]]
    level = (2 + 0.9 * sqrt(features + 2) + (features + 2) / 8) / _ALLOWED

    def run(*operands: Any, out: Any = None) -> Any:
        x, y = (LIBRARY.cast(p, step.dtype) for p in operands[form.at].points())
        metric = None if form.metric is None else operands[form.metric]
        if not all(at_hand(t) for t in (x, y, *(() if metric is None else (metric,)))):
            return Declined("values are not at hand")
        if metric is not None and form.turned:
            metric = metric.mT
        made, least = _expanded(x, y, metric, level)
        with torch.no_grad():
            small = ~(made.abs() >= least)  # what is not finite is done again, too
            if form.same:
                small.fill_diagonal_(True)
            again = small.nonzero()
        if len(again):
            made = _replaced(made, again, x, y, metric)
        return made.mT if form.swapped else made

    return laid_out(LIBRARY, step, run)


def _replaced(made: Tensor, at: Tensor, x: Tensor, y: Tensor, metric: Tensor | None) -> Tensor:
    """Some entries computed from the differences; others' gradients alone go through the expansion."""
    rows, cols = at.unbind(1)
    parts = []
    for i in range(0, len(at), _AGAIN):
        d = x.index_select(0, rows[i : i + _AGAIN]) - y.index_select(0, cols[i : i + _AGAIN])
        parts.append((d * (d if metric is None else d @ metric.mT)).sum(1))
    return made.index_put((rows, cols), torch.cat(parts))


def _expanded(x: Tensor, y: Tensor, metric: Tensor | None, level: float) -> tuple[Tensor, Tensor]:
    """The form by products, and what an entry must be to be taken as it is."""
    with torch.no_grad():
        centre = (x.mean(0) + y.mean(0)) / 2
    x, y = x - centre, y - centre
    if metric is None:
        of_x, of_y = (x * x).sum(1), (y * y).sum(1)
        cross = 2 * (x @ y.mT)
        with torch.no_grad():
            least = of_x[:, None] + of_y
    else:
        of_x, of_y = ((v * (v @ metric.mT)).sum(1) for v in (x, y))
        cross = x @ (metric + metric.mT) @ y.mT
        with torch.no_grad():
            size_x, size_y = ((v.abs() * (v.abs() @ metric.abs().mT)).sum(1) for v in (x, y))
            least = size_x[:, None] + size_y
    return (of_x[:, None] + of_y) - cross, least * level


ROUTE = Route("torch_structured.squared", _verdict, _bind, guard="values are at hand")
