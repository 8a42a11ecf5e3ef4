"""Sums over calls: by route, and by the place that they were made from."""

from __future__ import annotations

from dataclasses import dataclass, field

from .entry import Record

__all__ = ["RouteSum", "SiteSum", "Sums"]

#: Different subscripts, and reasons, that are told apart at one place.
MOST_TOLD = 16
#: Places that are told apart; the calls of more are summed together.
MOST_SITES = 4096
ELSEWHERE = "(other places)"


@dataclass(slots=True)
class RouteSum:
    """What was done by one route.

    Attributes
    ----------
    route : str
    calls : int
        Calls in which it ran.
    steps : int
        Steps of plans that it did.
    seconds : float
        Measured; of calls of several steps, those steps' share.
    estimated : float
        Seconds, of the steps for which there is an estimate.
    gave_up : int
        Steps in which it was taken, and gave up at the values, so that another did them.
    """

    route: str
    calls: int = 0
    steps: int = 0
    seconds: float = 0.0
    estimated: float = 0.0
    gave_up: int = 0


@dataclass(slots=True)
class SiteSum:
    """What was done for the calls of one function from one line.

    Attributes
    ----------
    file, line : str and int
    function : str
    calls : int
    seconds : float
        Measured.
    routes : dict of str to int
        How many steps each route did.
    subscripts : dict of str to int
        Those of einsum's calls, and in how many; the first 16.
    reasons : dict of str to int
        Why calls were left to NumPy's own function, and how many.
    errors : int
        Calls that raised.
    """

    file: str
    line: int
    function: str
    calls: int = 0
    seconds: float = 0.0
    routes: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    errors: int = 0
    subscripts: dict[str, int] = field(default_factory=dict)


class Sums:
    """Both sums; whoever adds holds a lock."""

    def __init__(self) -> None:
        self.calls = 0
        self.errors = 0
        self.seconds = 0.0
        self.routes: dict[str, RouteSum] = {}
        self.sites: dict[tuple[str, int, str], SiteSum] = {}

    def add(self, record: Record) -> None:
        """Count a call."""
        self.calls += 1
        self.seconds += record.seconds
        self.errors += bool(record.error)
        counted: set[str] = set()
        for step in record.steps:
            found = self._route(step.route)
            if step.route not in counted:
                counted.add(step.route)
                found.calls += 1
            found.steps += 1
            found.seconds += step.seconds
            found.estimated += step.estimated or 0.0
            for name, _ in step.gave_up:
                self._route(name).gave_up += 1
        self._add_site(record)

    def _route(self, name: str) -> RouteSum:
        found = self.routes.get(name)
        if found is None:
            found = self.routes[name] = RouteSum(name)
        return found

    def site(self, record: Record) -> SiteSum:
        """The sum of the place that a call was made from."""
        key = record.file, record.line, record.function
        site = self.sites.get(key)
        if site is None and len(self.sites) >= MOST_SITES:
            key = ELSEWHERE, 0, record.function
            site = self.sites.get(key)
        if site is None:
            site = self.sites[key] = SiteSum(*key)
        return site

    def _add_site(self, record: Record) -> None:
        site = self.site(record)
        site.calls += 1
        site.seconds += record.seconds
        _count(site.subscripts, record.outline.subscripts)
        if record.error:
            site.errors += 1
            return
        for step in record.steps:
            site.routes[step.route] = site.routes.get(step.route, 0) + 1
        _count(site.reasons, record.reason)


def _count(found: dict[str, int], words: str) -> None:
    """Once more, if there are any words and they are not too many different ones."""
    if words and (words in found or len(found) < MOST_TOLD):
        found[words] = found.get(words, 0) + 1
