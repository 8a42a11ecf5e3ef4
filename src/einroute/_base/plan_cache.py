"""A bounded cache whose hits cost one dictionary look-up.

Two generations stand in for a list of recent use: new entries go into the young one, and when that is
full it becomes the old one and the old one is dropped.  A hit in the old one moves the entry back.  So
nothing is written on a hit in the young generation, and readers need no lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any


class PlanCache:
    """Bound plans by the facts of a call.

    Attributes
    ----------
    young : dict
        Read directly by the hot path (``cache.young.get(key)``); never written to from outside.
    limit : int
        Entries held at the most.
    """

    __slots__ = ("_lock", "limit", "old", "young")

    def __init__(self, limit: int = 4096) -> None:
        self.limit = limit
        self.young: dict[Hashable, Callable[..., Any]] = {}
        self.old: dict[Hashable, Callable[..., Any]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.young.keys() | self.old.keys())

    def get(self, key: Hashable) -> Callable[..., Any] | None:
        """The plan under ``key``, or None."""
        run = self.young.get(key)
        if run is None and self.old:
            run = self.old.get(key)
            if run is not None:
                self.put(key, run)
        return run

    def put(self, key: Hashable, run: Callable[..., Any]) -> None:
        """Keep a plan, dropping the older generation when the younger is full."""
        with self._lock:
            if len(self.young) >= self.limit // 2:
                self.old = self.young
                self.young = {}
            self.young[key] = run

    def replace(self, old: Callable[..., Any], new: Callable[..., Any]) -> None:
        """Let another runner take the place of one, under whichever keys it is kept."""
        with self._lock:
            for generation in (self.young, self.old):
                for key in [key for key, run in generation.items() if run is old]:
                    generation[key] = new

    def after_fork(self) -> None:
        """In a child: whoever held the lock in the parent is not here to let go of it."""
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Drop every plan."""
        with self._lock:
            self.young = {}
            self.old = {}
