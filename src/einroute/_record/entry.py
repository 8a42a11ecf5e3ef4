"""One recorded call: what was told of it, put beside its outline."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .._base.formatting import in_time
from .._base.watch import CallTrace
from .._explain.outline import Outline, OutlineStep

__all__ = ["Ran", "Record", "ran"]


@dataclass(frozen=True, slots=True)
class Ran:
    """A step that ran.

    Attributes
    ----------
    subscripts : str
    route : str
        That which did the step in the end.
    seconds : float
        Its share of the call's time, by when the steps ended.
    estimated : float or None
        Seconds.
    gave_up : tuple of (route, reason)
        Routes that were taken first, and what their guards said of the values.
    others : tuple of (route, seconds)
        Routes that would have cost more.
    refused : tuple of (route, reason)
        Routes that cannot do it.
    """

    subscripts: str
    route: str
    seconds: float
    estimated: float | None
    gave_up: tuple[tuple[str, str], ...] = ()
    others: tuple[tuple[str, float], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """One call of a routed function.

    Attributes
    ----------
    number : int
        Counted from 1 in the order in which the calls ended.
    outline : Outline
        Its operands, and what was planned.
    steps : tuple of Ran
    cache : str
        "hit" or what kind of miss: of the cache of plans, or for `lstsq` and its relatives of that of
        factors; empty where none was asked.
    reason : str
        Why NumPy's or SciPy's own function answered; empty where it did not.
    seconds : float
        That the call took.
    options : tuple of str
        Names of the keyword arguments that were given.
    error : str
        The type of the exception that the call raised; empty for none.
    file, line : str and int
        Where it was called from.
    """

    number: int
    outline: Outline
    steps: tuple[Ran, ...]
    cache: str
    reason: str
    seconds: float
    options: tuple[str, ...]
    error: str
    file: str
    line: int

    @property
    def function(self) -> str:
        """The function's name."""
        return self.outline.function

    @property
    def routes(self) -> tuple[str, ...]:
        """The route of each step."""
        return tuple(step.route for step in self.steps)

    @property
    def estimated(self) -> float | None:
        """Estimated seconds; None where there is no estimate."""
        return self.outline.seconds

    def __repr__(self) -> str:
        call = f"{self.outline.function} {self.outline.subscripts}".rstrip()
        by = f"raised {self.error}" if self.error else f"by {', '.join(dict.fromkeys(self.routes))}"
        return f"<Record {self.number}: {call}, {by}, {in_time(self.seconds)}>"

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        outline = self.outline
        yield (
            f"{self.number}  {outline.function} {outline.subscripts}".rstrip() + f"  {self.file}:{self.line}"
        )
        for i, op in enumerate(outline.operands):
            kind = "" if op.kind == "dense" else f" {op.kind}"
            yield f"  operand {i}: {'?' if op.shape is None else op.shape} {op.dtype}{kind}"
        yield from (f"  {note}" for note in outline.notes)
        for step in self.steps:
            yield f"  {step.subscripts}  by {step.route}, {in_time(step.seconds)}".replace("    by", "  by")
            yield from (f"      {route} gave up: {reason}" for route, reason in step.gave_up)
            yield from (f"      not {route}: about {in_time(told)}" for route, told in step.others)
            yield from (f"      not {route}: {reason}" for route, reason in step.refused)
        about = f", about {in_time(self.estimated)} estimated" if self.estimated is not None else ""
        told = [f"{in_time(self.seconds)}{about}"]
        told += [f"cache: {self.cache}"] if self.cache else []
        told += [self.reason] if self.reason else []
        told += [f"raised {self.error}"] if self.error else []
        yield f"  {'; '.join(told)}"

    def to_dict(self) -> dict[str, Any]:
        """All of it as dictionaries, lists, strings and numbers."""
        outline = self.outline
        return {
            "number": self.number,
            "function": outline.function,
            "subscripts": outline.subscripts,
            "operands": [
                {**asdict(op), "shape": None if op.shape is None else list(op.shape)}
                for op in outline.operands
            ],
            "options": list(self.options),
            "routes": list(self.routes),
            "steps": [_step_dict(step) for step in self.steps],
            "cache": self.cache,
            "reason": self.reason,
            "estimated": self.estimated,
            "seconds": self.seconds,
            "error": self.error,
            "file": self.file,
            "line": self.line,
        }


def _step_dict(step: Ran) -> dict[str, Any]:
    return {
        "subscripts": step.subscripts,
        "route": step.route,
        "seconds": step.seconds,
        "estimated": step.estimated,
        "gave_up": [list(pair) for pair in step.gave_up],
        "others": [list(pair) for pair in step.others],
        "refused": [list(pair) for pair in step.refused],
    }


def ran(outline: Outline, trace: CallTrace) -> tuple[Ran, ...]:
    """What the steps of an outline did in a call."""
    events = trace.events
    if len(outline.steps) == 1 and not outline.steps[0].inner:
        return (_only(outline, trace),)
    steps = list(_flat(outline.steps))
    done = sum(declined is None for _, declined, _ in events)
    in_turn = not outline.slices and done == len(steps) == len(outline.steps)
    found = _in_turn(events) if in_turn else _by_name(steps, events)
    total = sum(seconds for _, seconds, _ in found)
    shares = [seconds / total if total else 1 / len(found) for _, seconds, _ in found]
    return tuple(
        _ran(step, route, trace.seconds * share, declined)
        for step, share, (route, _, declined) in zip(steps, shares, found, strict=True)
    )


def _only(outline: Outline, trace: CallTrace) -> Ran:
    """What a single step did: the route that ended last, unless one function answered the whole call."""
    step, events = outline.steps[0], trace.events
    route = step.route
    if outline.dtype and events:
        route = events[-1][0]
    declined: tuple[tuple[str, str], ...] = ()
    if len(events) > 1 or not outline.dtype:
        declined = tuple(dict.fromkeys((name, reason) for name, reason, _ in events if reason is not None))
    return _ran(step, route, trace.seconds, declined)


def _ran(step: OutlineStep, route: str, seconds: float, declined: tuple[tuple[str, str], ...]) -> Ran:
    if route == step.route:
        return Ran(step.subscripts, route, seconds, step.seconds or None, declined, step.others, step.refused)
    offers = {step.route: step.seconds, **dict(step.others)}
    estimated = offers.pop(route, None)
    return Ran(step.subscripts, route, seconds, estimated, declined, tuple(offers.items()), step.refused)


def _flat(steps: Sequence[OutlineStep]) -> Iterator[OutlineStep]:
    """Steps, each followed by those that it hands on."""
    for step in steps:
        yield step
        for inner in step.inner:
            yield from _flat(inner.steps)


_Events = Sequence[tuple[str, str | None, float]]
_Found = list[tuple[str, float, tuple[tuple[str, str], ...]]]
"""For each step: the route, its seconds, and the routes that declined before it."""


def _in_turn(events: _Events) -> _Found:
    """One step after the other: each ends with the first route that does not decline."""
    found: _Found = []
    declined: list[tuple[str, str]] = []
    spent = 0.0
    for name, reason, seconds in events:
        spent += seconds
        if reason is not None:
            declined.append((name, reason))
            continue
        found.append((name, spent, tuple(declined)))
        declined, spent = [], 0.0
    return found


def _by_name(steps: Sequence[OutlineStep], events: _Events) -> _Found:
    """Slices on several threads, and steps within steps: told apart by the names of their routes."""
    seconds: defaultdict[str, float] = defaultdict(float)
    done: Counter[str] = Counter()
    declined: dict[str, str] = {}
    for name, reason, spent in events:
        seconds[name] += spent
        if reason is None:
            done[name] += 1
        else:
            declined[name] = reason
    names = []
    for step in steps:
        offered = (step.route, *(name for name, _ in step.others))
        names.append(next((name for name in offered if done[name]), step.route))
    shared = Counter(names)
    found: _Found = []
    for step, name in zip(steps, names, strict=True):
        before = [step.route, *(other for other, _ in step.others)]
        turned_away = tuple((other, declined[other]) for other in before if other in declined)
        found.append((name, seconds[name] / shared[name], turned_away))
    return found
