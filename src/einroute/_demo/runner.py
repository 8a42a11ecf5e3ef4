"""Runs a problem: the ways take turns, each result of ours is checked, and the best time of each counts."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from .problem import Array, Problem, Size, Way, difference

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Timing:
    """What one usual way took.

    Parameters
    ----------
    way : str
        As one writes it.
    seconds : float
        For the whole work: the best time, divided by the share of the work that was run.
    part : str
        The part that was run, in words; empty for the whole.
    error : float
        The largest difference of our result from this way's, relative to the largest entry of this way's.
    """

    way: str
    seconds: float
    part: str
    error: float


@dataclass(frozen=True)
class Row:
    """One problem at one size: times in seconds, `error` and `tolerance` relative to the largest entry.

    The last of `timings` is the loop's, which `error` is measured against. `failure` says what is wrong, and
    is empty where nothing is.
    """

    problem: str
    title: str
    size: str
    timings: tuple[Timing, ...]
    routes: tuple[str, ...]
    seconds: float
    error: float
    tolerance: float
    failure: str

    @property
    def ok(self) -> bool:
        """Whether our result agrees with the loop's and with every usual way's."""
        return not self.failure


@dataclass
class _Clock:
    """The times of one way: runs until its budget is spent, at least once, at most `repeats` times."""

    run: Callable[[Any], Array]
    budget: float
    repeats: int
    best: float = float("inf")
    spent: float = 0.0
    runs: int = 0

    def due(self) -> bool:
        return self.runs == 0 or (self.runs < self.repeats and self.spent < self.budget)

    def __call__(self, data: object) -> Array:
        start = perf_counter()
        result = self.run(data)
        took = perf_counter() - start
        self.best, self.spent, self.runs = min(self.best, took), self.spent + took, self.runs + 1
        return result


def run_size(problem: Problem[Any], size: Size, *, budget: float = 1.0, repeats: int = 9) -> Row:
    """Time and check one problem at one size.

    Parameters
    ----------
    problem : Problem
    size : Size
    budget : float
        Seconds after which a way is run no more; a way that takes longer runs once.
    repeats : int
        The most runs of each way.

    Returns
    -------
    Row
        With `failure` set where our result is wrong or a call raised.
    """
    data = problem.build(size.dims, np.random.default_rng(2))  # one seed, so that a failure can be repeated
    tolerance = problem.tolerance(data)
    ways: tuple[Way[Any], ...] = (*problem.usual, problem.loop)
    parts = tuple(way.part(data) for way in ways)
    clocks = tuple(_Clock(way.run, budget, repeats) for way in ways)
    errors = [float("nan")] * len(ways)
    ours = _Clock(problem.ours, budget, repeats)
    routes: tuple[str, ...] = ()
    failure = ""

    # The judge first: its result is kept, so that every run of ours is checked and not only the one that
    # planned.
    want = clocks[-1](data)
    error = 0.0
    try:
        while not failure and (ours.due() or any(clock.due() for clock in clocks)):
            if ours.due():
                got = ours(data)
                apart = difference(got[parts[-1].index], want)
                error = max(error, apart)
                if not apart <= tolerance:
                    failure = f"our result is {apart:.1e} from the loop's; {tolerance:.1e} is allowed"
                    break
            for at, clock in enumerate(clocks):
                if clock.due():
                    result = clock(data)
                    if at < len(problem.usual) and clock.runs == 1:
                        errors[at] = difference(got[parts[at].index], result)
                        if not errors[at] <= 2 * tolerance:
                            failure = f"our result is {errors[at]:.1e} from that of {ways[at].text}"
                    del result
        routes = problem.explain(data).routes  # of a call that was made before, as most calls are
        errors[-1] = error
    except Exception as exc:  # noqa: BLE001  # one broken problem must not keep the others from being shown
        failure = f"{type(exc).__name__}: {exc}"
    timings = tuple(
        Timing(way.text, clock.best / part.share, part.note, apart)
        for way, clock, part, apart in zip(ways, clocks, parts, errors, strict=True)
    )
    return Row(problem.name, problem.title, size.label, timings, routes, ours.best, error, tolerance, failure)


def run(
    problems: Iterable[Problem[Any]],
    *,
    full: bool = False,
    scale: float = 1.0,
    budget: float = 1.0,
    progress: Progress | None = None,
) -> list[Row]:
    """Run problems one after the other.

    Parameters
    ----------
    problems : iterable of Problem
    full : bool
        The largest sizes as well.
    scale : float
        What each dimension is multiplied by, for tests.
    budget : float
        As in `run_size`.
    progress : callable
        Told before each run what is run.

    Returns
    -------
    list of Row
    """
    todo = [(problem, size) for problem in problems for size in problem.sizes if full or not size.full]
    rows = []
    for number, (problem, size) in enumerate(todo, 1):
        scaled = size.scaled(scale)
        if progress is not None:
            progress(f"[{number}/{len(todo)}] {problem.name}: {scaled.label}")
        rows.append(run_size(problem, scaled, budget=budget))
        gc.collect()  # the next problem's arrays are not to meet this one's
    return rows
