"""Trials: a bound plan that times itself in its first calls, and tries others where that has paid.

A trial's result is the call's. All trials of a plan together take at most a tenth of the time that was spent
on it (as skis are bought once the rent paid comes to their price). What was found to be the fastest is run
between them; when all near alternatives were tried, it takes the plan's place wherever that is kept, and
nothing is timed any more.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from logging import DEBUG
from math import ceil
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .._base.formatting import in_time
from .._base.log import LOG, debug
from .._base.preparation import may_prepare
from .._base.records import dataclass
from .._base.routes import Runner
from .._native import CORE

__all__ = ["Candidate", "Outcome", "Tuned", "fastest_of", "least"]

#: Of the time spent on a plan, what trials may take.
_SHARE = 0.1
#: Seconds of a call from which others are tried.
_SHORTEST = 10e-6
#: The share of the plan's time that another must take at most to replace it.
_BETTER = 0.92
#: Runs of the plan before anything is tried, runs of each alternative, and spoilt ones that are made again.
_OWN_RUNS, _RUNS, _SPOILT = 3, 2, 6
#: A run that takes so many times the plan's time is the last one.
_HOPELESS = 2.5
#: How many times its processor time a run may take, from so many seconds: else others had the cores. Where
#: the processor's time is not asked for, how many times what was expected (as the core has it: trials.cpp).
_WAITED, _TOLD, _LATE = 1.5, 200e-6, 4.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another plan.

    Attributes
    ----------
    name : str
    run : Runner
    relative : float
        How many times the chosen plan's time it is estimated to take.
    """

    name: str
    run: Runner
    relative: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What trials found: the name and the runner of the fastest plan, and what each took."""

    name: str
    run: Runner
    took: dict[str, float]


if TYPE_CHECKING or CORE is None:

    class _Counted:
        """Hands calls on to `run`, and when that is due, and not done already, to `due`: as the core's."""

        run: Runner
        due: Callable[..., Any] | None
        left: int
        _lock: threading.Lock

        def __new__(cls, *_: Any, **__: Any) -> Self:
            made = super().__new__(cls)
            made.left, made._lock = 1, threading.Lock()
            return made

        def __call__(self, *operands: Any, **keywords: Any) -> Any:
            self.left -= 1  # a count that is lost between threads only puts a trial off
            if self.left > 0 or not self._lock.acquire(False):
                return self.run(*operands, **keywords)
            try:
                self.left, due = 1, self.due
                return (self.run if due is None else due)(*operands, **keywords)
            finally:
                self._lock.release()

else:
    _Counted = CORE.Counted


class Tuned(_Counted):
    """Runs a plan; times itself, tries others, and hands over to the fastest.

    Parameters
    ----------
    name : str
        Of the plan.
    run : Runner
    candidates : callable
        From the operands of a call, and the seconds that the plan takes, to the others there are; asked once
        that has paid.
    settle : callable
        Told of the outcome, when all are tried.
    planning : float, optional
        Seconds that ``candidates`` takes about.
    expected : float, optional
        Seconds that the plan is estimated to take.
    laid_out : bool, optional
        Whether all results are to lie in memory as the plan's.

    Attributes
    ----------
    then : callable or None
        Given the fastest runner after that, by who keeps the plan in a form of its own.
    """

    __slots__ = (
        "_calls", "_candidates", "_expected", "_found", "_laid_out", "_manner", "_own", "_own_runs", "_part",
        "_plan", "_planning", "_queue", "_settle", "_spoilt", "_times", "_tried", "name", "then",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        run: Runner,
        candidates: Callable[[tuple[Any, ...], float], Sequence[Candidate]],
        settle: Callable[[Tuned, Outcome], None],
        *,
        planning: float = 0.5e-3,
        expected: float = 0.0,
        laid_out: bool = True,
    ) -> None:
        self._plan, self._laid_out = run, laid_out
        self.run = run  # the fastest that is known
        self._planning, self._expected = planning, expected
        self.name = name
        self._candidates, self._settle = candidates, settle
        self.then: Callable[[Runner], object] | None = None
        self.due = self._time_own
        self._own = float("inf")  # seconds of the plan, the least of so many runs
        self._part = 1.0  # of those, what `run` takes
        self._own_runs = 0
        self._found: dict[str, tuple[float, Runner]] = {}
        self._queue: list[Candidate] = []
        self._times: list[float] = []
        self._calls = 0.0  # in which as much was spent as in so many of the plan
        self._spoilt = 0
        self._tried = 0.0  # seconds
        self._manner: Any = ()
        self.left = 1  # calls until something is to be timed

    def hurried(self) -> bool:
        """Let the next call be timed, whether or not that has paid; False where all trials have ended."""
        self.left = 1
        return self.due is not None

    def _afford(self, seconds: float) -> None:
        """Wait until as much may be spent on trials as was and will be."""
        due = (self._tried + seconds) / _SHARE / self._own - self._calls
        if due > 0:
            wait = ceil(due / self._part)
            self.left = 1 + wait
            self._calls += wait * self._part

    def _plainly(self, operands: tuple[Any, ...], out: Any) -> Any:
        return self.run(*operands) if out is None else self.run(*operands, out=out)

    def _time_own(self, *operands: Any, out: Any = None) -> Any:
        if not may_prepare():
            return self._plainly(operands, out)
        self._calls += 1
        result, seconds, spoilt = _timed(self._plan, operands, out, self._expected)
        if spoilt and self._spoilt < _SPOILT:
            self._spoilt += 1
            return result
        self._own = self._expected = min(self._own, seconds)
        self._own_runs += 1
        if self._own_runs >= _OWN_RUNS:
            self._manner = _manner(result, self._laid_out)
            if self._own < _SHORTEST:
                self._end()
            else:
                self.due = self._look
                self._afford(self._planning)
        return result

    def _look(self, *operands: Any, out: Any = None) -> Any:
        """Find out which others there are, beside a call."""
        if not may_prepare():
            return self._plainly(operands, out)
        self._calls += 1
        start = perf_counter()
        self._queue = list(self._candidates(operands, self._own))
        self._tried += perf_counter() - start
        self.due = self._try
        self._next()
        return self._plainly(operands, out)

    def _next(self) -> None:
        """Wait for the next alternative to have paid, or end."""
        self._times = []
        if self._queue:
            self._afford(self._queue[0].relative * self._own)
        else:
            self._end()

    def _try(self, *operands: Any, out: Any = None) -> Any:
        """Run an alternative in the plan's place."""
        if not may_prepare():
            return self._plainly(operands, out)
        self._calls += 1
        if not self._queue:  # an interrupt came before the end
            self._end()
            return self._plainly(operands, out)
        one, own = self._queue[0], self._own
        start = perf_counter()
        try:
            result, seconds, spoilt = _timed(one.run, operands, out, one.relative * own)
            alike = _manner(result, self._laid_out) == self._manner
        except Exception as error:  # noqa: BLE001 - whatever it is, the plan's own answer is the call's
            debug("a trial of %s ended with %s", one.name, type(error).__name__)
            alike, seconds = False, perf_counter() - start
        self._tried += seconds
        if not alike:  # it lies otherwise in memory, say: the plan's own answer is the call's
            self._queue.pop(0)
            self._next()
            return self._plainly(operands, out)
        if spoilt and self._spoilt < _SPOILT:
            self._spoilt += 1
            self._afford(seconds)
            return result
        self._times.append(seconds)
        if len(self._times) < _RUNS and seconds < _HOPELESS * own:
            self._afford(seconds)
            return result
        took = min(self._times)
        self._found[one.name] = (took, one.run)
        self._queue.pop(0)
        if took > _BETTER * own:
            self._next()
        else:
            self.due = self._again
        return result

    def _again(self, *operands: Any, out: Any = None) -> Any:
        """Time the plan once more beside what seems better: what else the machine does changes."""
        if not may_prepare():
            return self._plainly(operands, out)
        self._calls += 1
        result, seconds, _ = _timed(self._plan, operands, out)  # the least of its times counts anyway
        self._own = min(self._own, seconds)
        best = _best(self._own, self._found)
        took, self.run = (self._own, self._plan) if best is None else self._found[best]
        self._part = took / self._own
        self.due = self._try
        self._next()
        return result

    def _end(self) -> None:
        """The fastest takes the plan's place, and nothing is timed any more."""
        outcome = fastest_of(self.name, self._plan, self._own, self._found)
        self.run, self.due = outcome.run, None
        self._queue, self._found = [], {}
        self._settle(self, outcome)
        if self.then is not None:
            self.then(outcome.run)
            self.then = None


def fastest_of(name: str, run: Runner, own: float, found: dict[str, tuple[float, Runner]]) -> Outcome:
    """The plan, or of the others the fastest where it is clearly faster."""
    took = {name: own, **{other: seconds for other, (seconds, _) in found.items()}}
    best = _best(own, found)
    best, fastest = (name, run) if best is None else (best, found[best][1])
    if found and LOG.isEnabledFor(DEBUG):
        times = "; ".join(f"{each}: {in_time(seconds)}" for each, seconds in took.items())
        debug("trials ended, and %s is kept (%s)", best, times)
    return Outcome(best, fastest, took)


def _best(own: float, found: dict[str, tuple[float, Runner]]) -> str | None:
    """Of the others the fastest, where it is clearly faster than a plan that took so many seconds."""
    best = min(found, key=lambda other: found[other][0], default=None)
    return None if best is None or found[best][0] > _BETTER * own else best


def least(
    run: Runner, operands: tuple[Any, ...], hopeless: float = float("inf"), *, laid_out: bool = True
) -> tuple[float, Any]:
    """The least seconds of a few runs, or of one that takes far longer than others; the result's manner."""
    result, best, _ = _timed(run, operands, None)
    for _ in range(_RUNS):
        if best > _HOPELESS * hopeless:
            break
        best = min(best, _timed(run, operands, None)[1])
    return best, _manner(result, laid_out)


#: As many as runs are timed just now; adding one and taking one away are not torn between threads.
_RUNNING: list[None] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_RUNNING.clear)  # the runs were other threads' of the parent


def _timed(
    run: Runner, operands: tuple[Any, ...], out: Any, expected: float = 0.0
) -> tuple[Any, float, bool]:
    """The result, the seconds, and whether others had the cores, or tried something, meanwhile.

    Parameters
    ----------
    expected : float, optional
        Seconds that the run may be expected to take. The system is asked for the processor's time, which may
        take microseconds, only where that is little beside it; of others a run that takes far longer counts
        as one that waited.
    """
    if CORE is not None:
        measured: tuple[Any, float, bool] = CORE.timed(run, operands, out, expected)
        return measured
    _RUNNING.append(None)
    alone = len(_RUNNING) == 1
    try:
        used = process_time() if expected > _TOLD else None
        start = perf_counter()
        result = run(*operands) if out is None else run(*operands, out=out)
        seconds = perf_counter() - start
        if used is None:
            waited = expected > 0 and seconds > max(_TOLD, _LATE * expected)
        else:
            waited = seconds > _TOLD and seconds > _WAITED * (process_time() - used)
    finally:
        alone = alone and len(_RUNNING) == 1
        if _RUNNING:  # a child has none of its parent's
            _RUNNING.pop()
    return result, seconds, waited or not alone


def _manner(result: Any, laid_out: bool) -> Any:
    """What a user may see of a result besides its elements, and where it counts how it lies in memory."""
    told = None if CORE is None else CORE.manner(result, laid_out)
    if told is not None:
        return told
    if type(result) is np.ndarray:
        strides = result.strides if laid_out else None
        return (np.ndarray, result.dtype, result.shape, strides, result.flags.writeable)
    return (type(result), getattr(result, "dtype", None), getattr(result, "shape", None))
