"""What work takes, told apart from the time in which other programs had the cores."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Lap", "fastest", "lap"]

#: Of the thread's processor time, and seconds, that other threads may take in work that is one thread's.
_ASIDE, _TICK = 0.02, 5e-6
#: How finely a clock of the thread's own must tell the time to be used, in seconds.
_FINE = 1e-6


def _is_fine() -> bool:
    """Whether the system tells a thread's own processor time finely enough."""
    try:
        return time.get_clock_info("thread_time").resolution <= _FINE
    except (ValueError, AttributeError):  # a system that does not tell it
        return False


_BY_PROCESSOR = _is_fine()


@dataclass(frozen=True, slots=True)
class Lap:
    """A run, or the fastest of several.

    Attributes
    ----------
    seconds : float
        Of one thread's work its processor time, else the time that passed.
    spoilt : bool
        Whether other programs had the cores for a part of that.
    """

    seconds: float
    spoilt: bool


def lap(run: Callable[[], Any], number: int = 1) -> Lap:
    """So many calls in a row; the seconds are those of one.

    Waiting for a core counts for nothing where the calling thread does all of the work: its processor time
    does not pass then. Where others of the process take part, more time passes than they all use only if they
    wait for a core.
    """
    if not _BY_PROCESSOR:
        start = time.perf_counter()
        for _ in range(number):
            run()
        return Lap((time.perf_counter() - start) / number, spoilt=False)
    every, start, own = time.process_time(), time.perf_counter(), time.thread_time()
    for _ in range(number):
        run()
    own = time.thread_time() - own
    passed = time.perf_counter() - start
    every = time.process_time() - every
    if every - own <= _ASIDE * own + _TICK:
        return Lap(own / number, spoilt=False)
    return Lap(passed / number, spoilt=passed > every)


def fastest(run: Callable[[], Any], budget: float, *, long: float = float("inf"), rounds: int = 4) -> Lap:
    """The fastest of several laps; of short calls, many in a row; spoilt if all laps were.

    Parameters
    ----------
    budget : float
        Seconds for all of them, about.
    long : float
        Seconds of a first call after which there is no other.
    rounds : int
        The most laps.
    """
    first = lap(run)
    if first.seconds > long:
        return first
    best = lap(run)
    number = max(1, min(200, round(budget / rounds / max(best.seconds, 1e-7))))
    turns = max(1, min(rounds, round(budget / max(number * best.seconds, 1e-7))))
    laps = [best, *(lap(run, number) for _ in range(turns))]
    clean = [one for one in laps if not one.spoilt]
    return min(clean or laps, key=lambda one: one.seconds)
