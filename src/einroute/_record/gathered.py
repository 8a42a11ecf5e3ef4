"""What a recording gathers: every routed call as a record, and in sums; how it is shown stands apart."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, replace
from typing import Any

from .._api.functions import routed
from .._base.watch import CallTrace
from .._explain.factors import is_factored
from .._explain.outlining import in_one_step
from .entry import Record, ran
from .outlines import Outlines
from .places import Places
from .sums import RouteSum, SiteSum, Sums

__all__ = ["KEPT", "Gathered"]

#: Single records that are kept unless it is said otherwise.
KEPT = 10_000


class Gathered:
    """Records and sums of calls; they may be read while calls go on."""

    def __init__(self, keep: int = KEPT) -> None:
        self.over = False
        self._keep = keep
        self._lock = threading.RLock()  # a signal's handler may make a call while this thread holds it
        self._sums = Sums()
        self._records: list[Record] = []
        self._outlines = Outlines()
        self._places = Places()

    def take(self, trace: CallTrace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Add a call; for `einroute._call.observe` alone."""
        self.add(trace, args, kwargs)

    def add(self, trace: CallTrace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Record | None:
        """Add a call, and give its record."""
        names = routed(trace.function)
        if names is None:
            return None
        try:
            outline = self._outlines.of(names, trace, args, kwargs)
        except Exception:  # noqa: BLE001 - operands may be of anybody's classes, and the call itself went well
            outline = in_one_step(names.name, names.own, (), trace.own)
        steps = () if trace.error else ran(outline, trace)
        told = bool(outline.dtype or trace.factors or trace.own or is_factored(trace.function))
        reason = "" if outline.dtype or trace.factors else outline.steps[0].note
        options = tuple(sorted(kwargs)) if kwargs else ()
        file, line = self._places.here()
        with self._lock:
            number = self._sums.calls + 1
            cache = trace.cache if told else ""
            made = Record(
                number, outline, steps, cache, reason, trace.seconds, options, trace.error, file, line
            )
            if number <= self._keep:
                self._records.append(made)
            self._sums.add(made)
            return made

    def after_fork(self) -> None:
        """In a child: whoever held the lock in the parent is not here to let go of it."""
        self._lock = threading.RLock()

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return self._sums.calls

    @property
    def seconds(self) -> float:
        """Time that they took together; of threads at work at once, the sum."""
        return self._sums.seconds

    @property
    def records(self) -> tuple[Record, ...]:
        """The records, of the first calls where there were more than are kept."""
        with self._lock:
            return tuple(self._records)

    @property
    def dropped(self) -> int:
        """Calls that are in the sums alone."""
        with self._lock:
            return self._sums.calls - len(self._records)

    def by_route(self) -> tuple[RouteSum, ...]:
        """Sums by route, most time first.

        Returns
        -------
        tuple of RouteSum
        """
        with self._lock:
            copies = [replace(found) for found in self._sums.routes.values()]
        return tuple(sorted(copies, key=lambda found: -found.seconds))

    def by_site(self) -> tuple[SiteSum, ...]:
        """Sums by the line that called and the function, most time first.

        Returns
        -------
        tuple of SiteSum
        """
        with self._lock:
            copies = [
                replace(found, routes=dict(found.routes), reasons=dict(found.reasons))
                for found in self._sums.sites.values()
            ]
        return tuple(sorted(copies, key=lambda found: -found.seconds))

    def to_dict(self) -> dict[str, Any]:
        """All of it as dictionaries, lists, strings and numbers.

        Returns
        -------
        dict
            ``calls``, ``seconds``, ``errors``, ``dropped``, ``by_route``, ``by_site`` and ``records``.
        """
        with self._lock:
            return {
                "calls": self.calls,
                "seconds": self.seconds,
                "errors": self._sums.errors,
                "dropped": self.dropped,
                "by_route": [asdict(found) for found in self.by_route()],
                "by_site": [asdict(found) for found in self.by_site()],
                "records": [made.to_dict() for made in self._records],
            }

    def to_json(self) -> str:
        """`to_dict` as JSON.

        Returns
        -------
        str
        """
        return json.dumps(self.to_dict())
