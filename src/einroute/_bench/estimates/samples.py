"""Every route that would do a random call, each with what it was estimated to take and what it took.

Only calls that are one step, or one rewrite with what it hands on: there the estimate is the route's own.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._base.machine import machine
from ..._base.plan_cache import PlanCache
from ..._base.routes import NoRoute
from ..._call.operands import Fallback
from ..._call.understand import understand_einsum
from ..._config.state import State, current
from ..._execute.call import Call
from ..._plan.plans import Chain, Plan, Rewritten
from ..regret.draw import Drawn, draw

__all__ = ["Sample", "samples"]

#: Seconds for all measurements of one route of a call, and of one run that is not repeated.
_BUDGET, _LONG = 4e-3, 30e-3
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
    """

    call: Drawn
    route: str
    fixed: float
    work: float
    took: float
    chosen: bool

    @property
    def told(self) -> float:
        """The estimate."""
        return self.fixed + self.work

    @property
    def ratio(self) -> float:
        """What it took over what it was told."""
        return self.took / max(self.told, 1e-9)


def samples(family: str, seed: int, number: int) -> Iterator[Sample]:
    """The routes of the call of that number."""
    drawn = draw(family, seed, number)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        call = understand_einsum((drawn.subscripts, *drawn.operands))
        if isinstance(call, Fallback):
            return
        state = _aside(current(), "")
        names = list(_ways(call.plan(state)))
        for name in names:
            try:
                found = _measured(call, state, name)
            except (NoRoute, ValueError, TypeError):  # it declines, or refuses what is due here
                continue
            if found is not None:
                yield Sample(drawn, name, *found, name == names[0])


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


def _measured(call: Call, state: State, name: str) -> tuple[float, float, float] | None:
    """Seconds told that no scale changes, those it does, and seconds taken; None where another route ran."""
    ran: list[str] = []
    seen = _aside(state, name, lambda route, declined: ran.append(route) if declined is None else None)
    plan = call.plan(seen)
    handed_on = 0.0
    if isinstance(plan.node, Rewritten):
        choice = plan.node.choices[0]
        cost = choice.rewriting.offer.cost
        handed_on = choice.seconds - cost.seconds
    elif isinstance(plan.node, Chain) and len(plan.node.steps) == 1:
        cost = plan.node.steps[0].decision.offer.cost
    else:
        return None
    call.bound(seen)(*call.operands)
    if name not in ran:
        return None
    calls = cost.calls * machine().call
    run = call.bound(_aside(state, name))
    return calls + handed_on, cost.seconds - calls, fastest(lambda: run(*call.operands))


def fastest(run: Callable[[], Any], budget: float = _BUDGET) -> float:
    """Seconds of a call, the least of several runs; of short ones, many in a row."""
    start = time.perf_counter()
    run()
    first = time.perf_counter() - start
    if first > _LONG:
        return first
    start = time.perf_counter()
    run()
    best = time.perf_counter() - start
    number = max(1, min(200, round(budget / 4 / max(best, 1e-7))))
    rounds = max(1, min(4, round(budget / max(number * best, 1e-7))))
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(number):
            run()
        best = min(best, (time.perf_counter() - start) / number)
    return best
