"""Runs a problem: the ways take turns, our results are checked, and the median of each way's turns counts.

Not the best time: a demo shows what a user will see. Nor one way after the other: what else the machine does
comes and goes, and is to meet all of them.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter, sleep
from typing import Any

import numpy as np

from .problem import Array, Problem, Size, Way, difference

Progress = Callable[[str], None]

#: Seconds of rest before each turn: the threads of NumPy's and of SciPy's BLAS spin for about 25 ms after a
#: call, on cores that the next way needs.
REST = 0.03
#: Seconds of a turn: ways that take less run several times in it, or what it is to wake up would count.
TURN, MOST_RUNS = 0.02, 20


@dataclass(frozen=True)
class Timing:
    """What one usual way took.

    Parameters
    ----------
    way : str
        As one writes it.
    seconds : float
        For the whole work: the median of the turns, divided by the share of the work that was run.
    part : str
        The part that was run, in words; empty for the whole.
    error : float
        The largest difference of our result from this way's, relative to the largest entry of this way's.
    note : str
        What one must know to read the time; empty for nothing.
    """

    way: str
    seconds: float
    part: str
    error: float
    note: str = ""


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
    """The times of one way: it has turns until its budget is spent, at least one, at most `repeats`."""

    run: Callable[[Any], Array]
    budget: float
    repeats: int
    turns: list[float] = field(default_factory=list)
    spent: float = 0.0

    def due(self) -> bool:
        return not self.turns or (len(self.turns) < self.repeats and self.spent < self.budget)

    @property
    def seconds(self) -> float:
        """The median of the turns; the first, which imports and plans, counts where it is the only one."""
        return median(self.turns[1:] or self.turns) if self.turns else float("inf")

    def __call__(self, data: object) -> Array:
        runs = min(MOST_RUNS, max(1, int(TURN / max(self.turns[-1], 1e-9)))) if self.turns else 1
        took = []
        for _ in range(runs):
            start = perf_counter()
            result = self.run(data)
            took.append(perf_counter() - start)
        self.turns.append(median(took))
        self.spent += sum(took)
        return result


def run_size(
    problem: Problem[Any], size: Size, *, budget: float = 1.0, repeats: int = 9, rest: float = REST
) -> Row:
    """Time and check one problem at one size.

    Parameters
    ----------
    problem : Problem
    size : Size
    budget : float
        Seconds after which a way is run no more; a way that takes longer runs once.
    repeats : int
        The most turns of each way.
    rest : float
        Seconds before each turn.

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

    # The judge first: its result is kept, so that every turn of ours is checked and not only the one that
    # planned.
    want = clocks[-1](data)
    error = 0.0
    try:
        while not failure and (ours.due() or any(clock.due() for clock in clocks)):
            if ours.due():
                sleep(rest)
                got = ours(data)
                apart = difference(got[parts[-1].index], want)
                error = max(error, apart)
                if not apart <= tolerance:
                    failure = f"our result is {apart:.1e} from the loop's; {tolerance:.1e} is allowed"
                    break
            for at, clock in enumerate(clocks):
                if clock.due():
                    sleep(rest)
                    result = clock(data)
                    if at < len(problem.usual) and len(clock.turns) == 1:
                        errors[at] = difference(got[parts[at].index], result)
                        if not errors[at] <= 2 * tolerance:
                            failure = f"our result is {errors[at]:.1e} from that of {ways[at].text}"
                    del result
        routes = problem.explain(data).routes  # of a call that was made before, as most calls are
        errors[-1] = error
    except Exception as exc:  # noqa: BLE001  # one broken problem must not keep the others from being shown
        failure = f"{type(exc).__name__}: {exc}"
    timings = tuple(
        Timing(way.text, clock.seconds / part.share, part.note, apart, way.note)
        for way, clock, part, apart in zip(ways, clocks, parts, errors, strict=True)
    )
    return Row(
        problem.name, problem.title, size.label, timings, routes, ours.seconds, error, tolerance, failure
    )


def run(
    problems: Iterable[Problem[Any]],
    *,
    full: bool = False,
    scale: float = 1.0,
    budget: float = 1.0,
    rest: float = REST,
    progress: Progress | None = None,
) -> Iterator[Row]:
    """Run problems one after the other, and give each row as soon as it is there.

    Parameters
    ----------
    problems : iterable of Problem
    full : bool
        The largest sizes as well.
    scale : float
        What each dimension is multiplied by, for tests.
    budget, rest : float
        As in `run_size`.
    progress : callable
        Told before each run what is run.

    Yields
    ------
    Row
    """
    todo = sizes(problems, full=full, scale=scale)
    for number, (problem, size) in enumerate(todo, 1):
        if progress is not None:
            progress(f"[{number}/{len(todo)}] {problem.name}: {size.label}")
        yield run_size(problem, size, budget=budget, rest=rest)
        gc.collect()  # the next problem's arrays are not to meet this one's


def sizes(
    problems: Iterable[Problem[Any]], *, full: bool = False, scale: float = 1.0
) -> list[tuple[Problem[Any], Size]]:
    """What `run` runs."""
    return [
        (problem, size.scaled(scale))
        for problem in problems
        for size in problem.sizes
        if full or not size.full
    ]
