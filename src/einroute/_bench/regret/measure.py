"""A drawn call by the route that is chosen, held against every other way to do it.

A way counts as better only if it is so in every one of several runs, in which the two take turns: measured
once, a call is over against itself in a tenth of all cases.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from ..case import difference, tolerance
from ..race import geometric_mean
from ..statement import load
from ..stopwatch import lap
from .by_hand import by_hand
from .draw import Drawn, draw
from .stages import settle, tuned

__all__ = ["OVER", "Regret", "regret", "regrets", "run", "summaries"]

#: What is regretted: the chosen way takes so many times another's time, in every one of so many runs.
OVER, _RUNS = 1.3, 4
#: Seconds of a batch of calls, and for all measurements of one way in one run, about.
_BATCH, _BUDGET = 1e-3, 0.02
#: Seconds that a chosen way takes at least to be regretted: of shorter calls the overhead is told elsewhere.
_SHORTEST = 10e-6
#: The pairs of three operands, and the elements of an intermediate that a path is tried with at most.
_PAIRS, _MOST = ((0, 1), (0, 2), (1, 2)), 1 << 26
#: How far a long sum may be off by rounding before two answers are not the same.
_ROUNDED = 0.02


@dataclass(frozen=True, slots=True)
class Regret:
    """What came of one call.

    Attributes
    ----------
    call : Drawn
    routes : tuple of str
        Of the chosen way.
    seconds : float
        Of it.
    told : float
        What it was estimated to take.
    best : str
        The fastest other way; empty where there is none.
    ratio : float
        The chosen way's time over that one's, the smallest of all runs.
    hand : float
        Its time over that of the fastest that a user would write; nan where there is none.
    problem : str
        Where a way of einroute's fails, or differs from what a user would write.
    after : str
        When it was looked at, a key of `stages.STAGES`.
    """

    call: Drawn
    routes: tuple[str, ...]
    seconds: float
    told: float
    best: str
    ratio: float
    hand: float
    problem: str = ""
    after: str = "sight"

    @property
    def over(self) -> bool:
        """Whether another way would have been better."""
        return self.ratio > OVER and self.seconds >= _SHORTEST

    @property
    def text(self) -> str:
        """The case in two lines."""
        call = self.call
        stage = "" if self.after == "sight" else f" (after {self.after})"
        head = f"{call.family} {call.number}{stage}: {call.text}"
        if self.problem:
            return f"{head}\n    {self.problem}"
        chosen = ", ".join(self.routes) or "a view, or NumPy's own"
        return f"{head}\n    {self.ratio:6.1f}  {1e6 * self.seconds:.0f} us by {chosen}; better: {self.best}"

    def record(self) -> dict[str, Any]:
        """The case as JSON has it."""
        return {
            "family": self.call.family,
            "after": self.after,
            "call": self.call.text,
            "routes": list(self.routes),
            "seconds": float(f"{self.seconds:.3g}"),
            "best": self.best,
            "ratio": round(self.ratio, 3) if self.seconds >= _SHORTEST else 0.0,
            "hand": None if np.isnan(self.hand) else round(self.hand, 3),
        }


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to do a call, and the block that its calls are made in."""

    name: str
    call: Callable[[], Any]
    block: Callable[[], AbstractContextManager[Any]] = nullcontext
    ours: bool = False
    routes: tuple[str, ...] = ()

    def batch(self, number: int) -> float:
        """Seconds of a call, of so many one after the other."""
        with self.block():
            self.call()  # binds the plan anew within a block that forces a route
            return lap(self.call, number).seconds

    def once(self) -> float:
        """Seconds of one call."""
        return self.batch(1)


def regrets(call: Drawn, stages: Sequence[str] = ("sight",)) -> Iterator[Regret]:
    """Measure one call at each stage, in the order of `stages.STAGES`; once where trials kept the plan."""
    er, found = load("einroute"), None
    for after in stages:
        moved = False
        if after != "sight":
            try:
                moved = settle(partial(er.einsum, call.subscripts, *call.operands), after)
            except Exception as error:
                yield Regret(call, (), 0.0, 0.0, "", 0.0, np.nan, f"{type(error).__name__}: {error}", after)
                continue
        if moved or found is None:  # else what was found before is what the stage begins with
            found = regret(call, after if moved else "sight")
        yield replace(found, after=after)


def regret(call: Drawn, after: str = "sight") -> Regret:
    """Measure one call, as trials have left it."""
    er = load("einroute")

    def ours(**keywords: Any) -> Callable[[], Any]:
        return lambda: er.einsum(call.subscripts, *call.operands, **keywords)

    with tuned(after):
        explained = er.explain(call.subscripts, *call.operands)
    routes, told = tuple(explained.routes), explained.seconds or 0.0
    chosen = _Way("einroute", ours(), partial(tuned, after), True, routes)
    try:
        with chosen.block():
            expected = chosen.call()
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        return Regret(call, routes, 0.0, told, "", 0.0, np.nan, problem, after)
    others = [*_forced(call, chosen, ours()), *_ordered(call, ours)]
    hands = [_Way(name, _of_kind(way, expected)) for name, way in by_hand(call).items()]
    rough: list[tuple[float, _Way]] = []
    problem = ""
    for way in (*others, *hands):
        try:
            with way.block():
                wrong = _differs(way.call(), expected, call)
            seconds = min(way.once() for _ in range(2))
        except MemoryError:  # along a path that nobody would take
            continue
        except Exception as error:
            wrong, seconds = f"{type(error).__name__}: {error}", 0.0
        if not wrong:
            rough.append((seconds, way))
        elif way.ours or way.name == "np.einsum":
            problem = problem or f"{way.name}: {wrong}"
    own = min(chosen.once() for _ in range(3))
    rough.sort(key=lambda pair: pair[0])
    best, ratio, hand = "", 0.0, np.nan
    tried = [way for seconds, way in rough if seconds < own][:3]
    quickest = next((way for _, way in rough if not way.ours), None)
    if quickest is not None and quickest not in tried:
        tried.append(quickest)
    for way in tried:
        ratios = _in_turn(chosen, way)
        if not way.ours and way is quickest:
            hand = float(np.median(ratios))
        if min(ratios) > ratio:
            best, ratio = way.name, min(ratios)
    return Regret(call, routes, own, told, best, ratio, hand, problem, after)


def _of_kind(way: Callable[[], Any], expected: Any) -> Callable[[], Any]:
    """The way, with a sparse matrix made of its result where einroute's is one, as a user needs it there."""
    if getattr(expected, "ndim", 0) != 2 or not hasattr(expected, "tocsr"):
        return way
    made = load("scipy.sparse").csr_array

    def run() -> Any:
        found = way()
        return made(found) if isinstance(found, np.ndarray) else found

    return run


def _forced(call: Drawn, chosen: _Way, run: Callable[[], Any]) -> Iterator[_Way]:
    """The same by every other route of einroute's that does not refuse a step of it."""
    er, routes = load("einroute"), load("einroute._kinds.registry")
    forcing = load("einroute._config.config_block").forcing
    seen = {chosen.routes}
    for route in routes.route_names():
        with forcing(route):
            try:
                found = tuple(er.explain(call.subscripts, *call.operands).routes)
            except (TypeError, ValueError):
                continue
        if found not in seen and route in found:
            seen.add(found)
            name = f"{route} ({', '.join(found)})" if len(found) > 1 else route
            yield _Way(name, run, lambda route=route: forcing(route), True, found)  # type: ignore[misc]


def _ordered(call: Drawn, ours: Callable[..., Callable[[], Any]]) -> Iterator[_Way]:
    """The same along every other path."""
    if len(call.inputs) != 3:
        return
    paths: list[list[Any]] = [["einsum_path", (0, 1, 2)]]
    paths += [["einsum_path", pair, (0, 1)] for pair in _PAIRS if _elements(call, pair) <= _MOST]
    for path in paths:
        yield _Way(f"optimize={path}", ours(optimize=path), partial(tuned, "sight"), ours=True)


def _elements(call: Drawn, pair: tuple[int, int]) -> int:
    """Of what a pair of three operands makes."""
    others = call.inputs[3 - sum(pair)], call.subscripts.partition("->")[2]
    made = set(call.inputs[pair[0]] + call.inputs[pair[1]]).intersection("".join(others))
    return prod(call.sizes[c] for c in made)


def _in_turn(chosen: _Way, other: _Way) -> list[float]:
    """The chosen way's time over the other's, in each run; they stop where it is not over."""
    found = []
    for _ in range(_RUNS):
        number = max(1, round(_BATCH / max(min(chosen.once(), other.once()), 1e-7)))
        number = min(number, 1000)
        rounds = max(2, min(9, round(_BUDGET / max(number * other.once(), 1e-7))))
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for way, mine in zip((chosen, other), times, strict=True):
                mine.append(way.batch(number))
        found.append(min(times[0]) / min(times[1]))
        if found[-1] <= OVER:
            break
    return found


def _differs(got: Any, expected: Any, call: Drawn) -> str:
    """Why two answers are not the same; empty if they are."""
    a, b = (np.asarray(x.toarray() if hasattr(x, "toarray") else x) for x in (got, expected))
    if a.shape != b.shape:
        return f"shape {a.shape}, expected {b.shape}"
    wanted = np.result_type(*(x.dtype for x in call.operands))
    if a.dtype.kind in "iu" and b.dtype.kind in "iu":
        return difference(a, b, 0.0)
    rounded = 0.0  # at most, where so many are added up one after the other
    if b.dtype.kind in "fc":
        terms = prod(call.sizes.values()) / max(b.size, 1)
        rounded = min(_ROUNDED, float(np.finfo(b.dtype).eps) * terms)
    with np.errstate(all="ignore"):
        return difference(a, b, max(tolerance(wanted, b.dtype), rounded, 1e-12))


def run(family: str, seed: int, cases: int, stages: Sequence[str] = ("sight",)) -> Iterator[Regret]:
    """Measure so many calls of a family, each at these stages."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for number in range(cases):
            yield from regrets(draw(family, seed, number), stages)


def summaries(family: str, found: Sequence[Regret]) -> list[str]:
    """A line for each stage."""
    stages = dict.fromkeys(one.after for one in found)
    if list(stages) == ["sight"] or not stages:
        return [_summary(family, found)]
    return [_summary(f"{family} after {s}", [one for one in found if one.after == s]) for s in stages]


def _summary(family: str, found: Sequence[Regret]) -> str:
    """The share that is over, the worst, and the mean against what a user would write."""
    count = len(found)
    over = sum(one.over for one in found)
    worst = max((one.ratio for one in found), default=0.0)
    mean = geometric_mean(one.hand for one in found)
    share = 100 * over / count if count else 0.0
    return (
        f"{family}: {over} of {count} over {OVER} ({share:.1f} %), the worst {worst:.1f}; "
        f"{mean:.2f} of the time of what a user would write (geometric mean)"
    )
