"""Every route that would do a random call, each with what it was estimated to take and what it took.

Only calls that are one step, or one rewrite with what it hands on: there the estimate is the route's own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._base.host import blas_name
from ..._base.machine import SHIPPED, adapted, machine, using
from ..._base.plan_cache import PlanCache
from ..._base.routes import NoRoute
from ..._call.operands import Fallback
from ..._call.understand import understand_einsum
from ..._config.state import State, current
from ..._execute.call import Call
from ..._plan.plans import Chain, Plan, Rewritten
from ..regret.draw import Drawn, draw
from ..stopwatch import fastest

__all__ = ["Sample", "samples"]

#: Seconds for all measurements of one route of a call, and of one run that is not repeated.
_BUDGET, _LONG = 3e-3, 30e-3
#: Routes of a call that are measured, cheapest first, and how many times the cheapest they may be told.
_MOST, _WITHIN = 6, 30


@dataclass(frozen=True, slots=True)
class Sample:
    """One route of one call.

    Attributes
    ----------
    call : Drawn
    route : str
    fixed : float
        Seconds of the estimate that are for calls, and for what is handed on.
    work : float
        The rest of it.
    took : float
        Seconds, the least of several runs.
    chosen : bool
        Whether it is the route that would be taken.
    shipped : float
        The estimate by the constants that are shipped.
    spoilt : bool
        Whether other programs had the cores in all of the runs.
    """

    call: Drawn
    route: str
    fixed: float
    work: float
    took: float
    chosen: bool
    shipped: float = 0.0
    spoilt: bool = False

    @property
    def told(self) -> float:
        """The estimate."""
        return self.fixed + self.work

    @property
    def ratio(self) -> float:
        """What it took over what it was told."""
        return self.took / max(self.told, 1e-9)


def samples(family: str, seed: int, number: int, longest: float = float("inf")) -> Iterator[Sample]:
    """The routes of the call of that number, but those that are told to take longer."""
    drawn = draw(family, seed, number)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        call = understand_einsum((drawn.subscripts, *drawn.operands))
        if isinstance(call, Fallback):
            return
        state = _aside(current(), "")
        plan = call.plan(state)
        names = list(_ways(plan)) if plan.node.seconds < longest else []
        for name in names:
            try:
                found = _measured(call, state, name, drawn)
            except (NoRoute, ValueError, TypeError):  # it declines, or refuses what is due here
                continue
            if found is not None:
                yield replace(found, chosen=name == names[0])


def _aside(state: State, forced: str, on_run: Callable[[str, Any], None] | None = None) -> State:
    """A state whose plans are nobody else's, with a route to be taken wherever it offers to."""
    policy = replace(state.policy, forced=forced or None)
    options = replace(state.config, on_densify="allow")
    return State(options, policy, PlanCache(), on_run, tiny=False, products=False)


def _ways(plan: Plan) -> Iterator[str]:
    """The names of the routes that would do a plan of one step."""
    if isinstance(plan.node, Rewritten):
        first = plan.node.choices[0].seconds
        near = [c.rewrite.name for c in plan.node.choices if c.seconds <= _WITHIN * first]
    elif isinstance(plan.node, Chain) and len(plan.node.steps) == 1:
        offers = plan.node.steps[0].decision.offers
        first = offers[0][1].cost.seconds
        near = [route.name for route, offer in offers if offer.cost.seconds <= _WITHIN * first]
    else:
        near = []
    yield from near[:_MOST]


def _measured(call: Call, state: State, name: str, drawn: Drawn) -> Sample | None:
    """What a route was told to take and what it took; None where another route ran."""
    ran: list[str] = []
    seen = _aside(state, name, lambda route, declined: ran.append(route) if declined is None else None)
    told = _told(call.plan(seen))
    if told is None:
        return None
    call.bound(seen)(*call.operands)
    if name not in ran:
        return None
    with using(adapted(SHIPPED, blas_name())):
        shipped = _told(call.plan(_aside(state, name)))
    run = call.bound(_aside(state, name))
    took = fastest(lambda: run(*call.operands), _BUDGET, long=_LONG)
    before = sum(shipped) if shipped is not None else 0.0
    return Sample(drawn, name, *told, took.seconds, False, before, took.spoilt)


def _told(plan: Plan) -> tuple[float, float] | None:
    """Seconds of an estimate that no scale changes, and those it does; None of a plan of several steps."""
    handed_on = 0.0
    if isinstance(plan.node, Rewritten):
        choice = plan.node.choices[0]
        cost = choice.rewriting.offer.cost
        handed_on = choice.seconds - cost.seconds
    elif isinstance(plan.node, Chain) and len(plan.node.steps) == 1:
        cost = plan.node.steps[0].decision.offer.cost
    else:
        return None
    calls = cost.calls * machine().call
    return calls + handed_on, cost.seconds - calls
