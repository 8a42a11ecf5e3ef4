"""Calls beside NumPy's own functions: what a program would have taken without einroute.

Calls of one place that are alike (the same operands' facts, the same routes) form a group.  Of each group
the 1st, 2nd, 4th, 8th, ... call is timed again by both, right after it and on the same operands, until the
time that is set for it is spent.  The medians of these stand for all calls of the group.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

from .._api.functions import routed
from .._base.watch import CallTrace
from .._explain.factors import is_factored
from .entry import Record
from .recording import KEPT, Recording
from .samples import PLAIN, Sample, likely, sample
from .sums import SiteSum

__all__ = ["Compared", "Comparison"]

#: Groups that are told apart at one place; calls of more are taken together.
MOST_GROUPS = 64


@dataclass(slots=True)
class _Group:
    """Calls that are alike.

    Attributes
    ----------
    same : bool
        Whether NumPy's own function answered.
    calls : int
    seconds : float
        That the calls took, with what recording took inside them.
    samples : list of Sample
        Of some of the calls.
    """

    same: bool
    calls: int = 0
    seconds: float = 0.0
    samples: list[Sample] = field(default_factory=list)

    @property
    def each(self) -> Sample:
        """The median times of a call; of long calls of NumPy's own function the mean, which was measured."""
        ours, numpys = median(s.ours for s in self.samples), median(s.numpys for s in self.samples)
        if self.same and ours > PLAIN:
            ours = numpys = self.seconds / self.calls
        return Sample(ours, numpys)


@dataclass(frozen=True, slots=True)
class Compared:
    """What is known of the calls of one place, or of several.

    Attributes
    ----------
    calls, left_out : int
        Calls that the seconds are of, and those that could not be compared.
    same : int
        Of `calls`, those that NumPy's own function answered.
    samples : int
        Of the others, those that were timed again.
    ours, numpys : float
        Seconds of all calls by the medians of samples, without what was planned once.
    planning : float
        Seconds in which plans were made.
    """

    calls: int = 0
    left_out: int = 0
    same: int = 0
    samples: int = 0
    ours: float = 0.0
    numpys: float = 0.0
    planning: float = 0.0

    @property
    def faster(self) -> float:
        """How many times faster einroute is."""
        return self.numpys / self.ours if self.ours else float("nan")

    def __add__(self, other: Compared) -> Compared:
        return Compared(
            self.calls + other.calls,
            self.left_out + other.left_out,
            self.same + other.same,
            self.samples + other.samples,
            self.ours + other.ours,
            self.numpys + other.numpys,
            self.planning + other.planning,
        )


@dataclass(slots=True)
class _Place:
    groups: dict[Any, _Group] = field(default_factory=dict)
    planning: float = 0.0

    def group(self, key: Any, *, same: bool) -> _Group:
        """The group of a key; one for all where there are too many."""
        if key not in self.groups and len(self.groups) >= MOST_GROUPS:
            key = same
        return self.groups.setdefault(key, _Group(same))

    def compared(self) -> Compared:
        """The sum of all groups."""
        whole = Compared(planning=self.planning)
        for group in self.groups.values():
            if not group.samples:
                whole += Compared(left_out=group.calls)
                continue
            each, calls = group.each, group.calls
            same, samples = (calls, 0) if group.same else (0, len(group.samples))
            whole += Compared(calls, 0, same, samples, calls * each.ours, calls * each.numpys)
        return whole


class Comparison(Recording):
    """A recording that times some calls again, by einroute and by NumPy's own functions.

    Parameters
    ----------
    budget : float
        Seconds that these may take together; what is likely to take longer than what is left is not begun.
    """

    def __init__(self, budget: float, keep: int = KEPT) -> None:
        super().__init__(keep)
        self._left = budget
        self._compared: dict[tuple[str, int, str], _Place] = {}
        self.aside = 0.0
        """Seconds that recording and comparing took beside the calls."""

    @property
    def left(self) -> float:
        """Seconds that may still be spent."""
        return max(0.0, self._left)

    def compared(self, site: SiteSum) -> Compared:
        """What is known of a place."""
        with self._lock:
            place = self._compared.get((site.file, site.line, site.function))
            return Compared(left_out=site.calls) if place is None else place.compared()

    def take(self, trace: CallTrace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Add a call, and time it again if it is its turn."""
        began = perf_counter()
        try:
            record = self.add(trace, args, kwargs)
            if record is not None and not trace.error:
                self._compare(record, trace, args, kwargs)
        finally:
            with self._lock:
                self.aside += perf_counter() - began

    def _compare(
        self, record: Record, trace: CallTrace, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        mirror = routed(trace.function)
        assert mirror is not None  # it was recorded
        same = record.routes == (mirror.own,)
        with self._lock:
            site = self._sums.site(record)
            place = self._compared.setdefault((site.file, site.line, site.function), _Place())
            place.planning += trace.planning
            group = place.group(_alike(record, trace), same=same)
            group.calls += 1
            group.seconds += trace.seconds - trace.planning
            if group.calls & (group.calls - 1) or self._too_long(group, trace):
                return
        began = perf_counter()
        found = sample(mirror, trace, args, kwargs, same=same)
        with self._lock:
            self._left -= perf_counter() - began
            if found is not None:
                group.samples.append(found)

    def _too_long(self, group: _Group, trace: CallTrace) -> bool:
        """Whether NumPy's function is likely to take longer than what is left."""
        known = group.each.numpys if group.samples else 0.0
        expected = max(known, 0.0 if group.same else likely(trace))
        return self._left <= 0 or expected > self._left


def _alike(record: Record, trace: CallTrace) -> Any:
    """What calls of one group agree in."""
    outline = record.outline
    facts = tuple((op.shape, op.dtype, op.kind) for op in outline.operands)
    factors = record.cache if is_factored(trace.function) else ""
    return outline.subscripts, facts, record.routes, record.options, factors
