"""When a call is looked at: at first sight, or once trials of other plans have ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Any

from ..statement import load

__all__ = ["STAGES", "settle", "tuned"]

#: What is made of trials, by the stage: the value of `tune`.
STAGES = {"sight": "never", "trials": "same", "free": "free"}
#: Seconds, and calls, after which a plan counts as it then is.
_LONGEST, _MOST = 10.0, 200


def tuned(stage: str) -> AbstractContextManager[Any]:
    """A block whose calls are done as that stage has it."""
    block: AbstractContextManager[Any] = load("einroute").config(tune=STAGES[stage])
    return block


def settle(call: Callable[[], Any], stage: str) -> bool:
    """Make a call until its trials have ended; whether another plan than the first one is kept.

    What is tried, and what is kept, is what users get; only the calls between one trial and the next, which
    have to pay for it, are left out.
    """
    trials = load("einroute._execute.tuning").Tuned
    with tuned(stage):
        plans = load("einroute._config.state").current()
        plans.clear()
        call()
        found = [run for run in plans.plans.young.values() if isinstance(run, trials)]
        first = [one.run for one in found]
        ends = perf_counter() + _LONGEST
        for _ in range(_MOST):
            if perf_counter() > ends or not any(one.hurried() for one in found):
                break
            call()
        return any(one.run is not run for one, run in zip(found, first, strict=True))
