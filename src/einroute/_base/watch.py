"""Calls that are watched: who listens, and what the code that runs a call tells of it.

A routed function looks at `WATCH.on` and goes on where that is False; else it may hand its call to
`_observe.observe`, which opens a `CallTrace` for it.  What runs then says what it does by the functions
below, which do nothing where no trace is open.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from threading import get_ident
from time import perf_counter
from typing import Any, Protocol
from weakref import WeakSet

from .log import debug

__all__ = [
    "CALL_TRACE",
    "LISTENERS",
    "WATCH",
    "CallTrace",
    "Listener",
    "tell_declined",
    "tell_factors",
    "tell_fallback",
    "to_observe",
]


class CallTrace:
    """What is told of one call while it runs; holds none of its operands.

    Attributes
    ----------
    function : callable
        The routed function.
    state : State
        The one in force where the call was made.
    plan : object
        The plan that ran; None where there was none, and NumPy's own function answered.
    own : str
        Why that was, where the front end said so.
    cache : str
        "hit" or what kind of miss: of the plan cache, or of that of factors.
    factors : str
        The route by which kept factors answer; empty if they do not.
    events : list of (route, reason, seconds)
        Routes in the order in which they ended; the reason is why one declined, else None.
    seconds : float
        That the call took.
    planning : float
        Of these, seconds in which plans were made that were not known.
    error : str
        The type of the exception that it raised; empty for none.
    """

    __slots__ = (
        "_aside",
        "_last",
        "_missed",
        "_since",
        "cache",
        "error",
        "events",
        "factors",
        "function",
        "own",
        "plan",
        "planning",
        "seconds",
        "state",
    )

    def __init__(self, function: Any, state: Any) -> None:
        self.function = function
        self.state = state
        self.plan: Any = None
        self.own = self.cache = self.factors = self.error = ""
        self.events: list[tuple[str, str | None, float]] = []
        self.seconds = self.planning = self._missed = 0.0
        self._last: dict[int, float] = {}
        self._since = 0.0
        self._aside: tuple[Hashable, float] | None = None

    def begins(self, plan: Any) -> None:
        """A plan is about to run; of several, one within the other, the outermost counts."""
        if self.plan is None:
            self.plan = plan
            self._since = perf_counter()

    def ran(self, route: str, declined: str | None) -> None:
        """A route has ended, in whatever thread."""
        now, thread = perf_counter(), get_ident()
        self.events.append((route, declined, now - self._last.get(thread, self._since or now)))
        self._last[thread] = now

    def found(self, key: Hashable, *, known: bool, watched: bool) -> None:
        """A plan was looked up: whether it is known, and whether its runner tells what it does."""
        if not self.cache:
            self.cache = "hit" if known else "miss"
        if not known:
            self._missed = perf_counter()
        elif not watched and self._aside is None:
            self._aside = key, perf_counter()

    def kept(self, key: Hashable) -> None:
        """A plan was made; the time of one that was known, and is made to be watched, is not the call's."""
        if self._aside is not None and self._aside[0] == key:
            self.seconds -= perf_counter() - self._aside[1]
            self._aside = None
        elif self._missed:
            self.planning += perf_counter() - self._missed
            self._missed = 0.0


class Listener(Protocol):
    """Who is told of every call, in the thread that made it.

    Attributes
    ----------
    over : bool
        Whether it has ended: copies of the context that were made before may still name it.
    """

    over: bool

    def take(self, trace: CallTrace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None: ...

    def after_fork(self) -> None: ...


class _Strict:
    """Held by who may have calls refused because a configuration is strict, while that lasts."""

    __slots__ = ("_watch",)

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch
        watch.count_strict(self, +1)

    def __del__(self) -> None:
        self._watch.count_strict(self, -1)


class _Watch:
    """How many listen, and who listens to all threads: the one store of this module.

    Attributes
    ----------
    on : bool
        Whether there are any, or calls may have to be refused because a configuration is strict: all that a
        call looks at where it is False.
    users : int
        Recordings under way anywhere in the process.
    everywhere : tuple of Listener
        Those who are told of the calls of all threads.
    on_change : list of callable
        Told whether anybody listens, when that changes.
    """

    __slots__ = ("_listeners", "_lock", "_strict", "everywhere", "on", "on_change", "users")

    def __init__(self) -> None:
        self.on = False
        self.users = 0
        self._strict: set[int] = set()
        self.everywhere: tuple[Listener, ...] = ()
        self.on_change: list[Callable[[bool], None]] = []
        self._lock = threading.RLock()
        self._listeners: WeakSet[Any] = WeakSet()

    def enter(self, listener: Listener, *, everywhere: bool = False) -> None:
        """Count a recording that begins."""
        with self._lock:
            self._listeners.add(listener)
            if everywhere:
                self.everywhere = (*self.everywhere, listener)
            self.users += 1
            if self.users == 1:
                self._tell(True)

    def leave(self, listener: Listener, *, everywhere: bool = False) -> None:
        """Count a recording that ends; it is told of nothing more, be that in other threads."""
        listener.over = True
        with self._lock:
            if everywhere:
                self.everywhere = tuple(x for x in self.everywhere if x is not listener)
            self.users -= 1
            if self.users == 0:
                self._tell(False)

    def strictly(self) -> object:
        """Something to hold as long as calls may have to be refused."""
        return _Strict(self)

    def count_strict(self, held: _Strict, number: int) -> None:
        """One more of them, or one less; the collector may call this amid another change.

        Without the lock, which a thread that is gone may hold: contexts of others are dropped in the child of
        a fork before `after_fork`, and while the interpreter ends. A set's changes are not torn, and who
        writes ``on`` last sees all of them.
        """
        (self._strict.add if number > 0 else self._strict.discard)(id(held))
        self._look()

    def _look(self) -> None:
        wanted = None
        while wanted != (self.users > 0 or bool(self._strict)):
            self.on = wanted = self.users > 0 or bool(self._strict)

    def _tell(self, watched: bool) -> None:
        self._look()
        for tell in self.on_change:
            tell(watched)

    def after_fork(self) -> None:
        """In a child: whoever held a lock in the parent is not here to let go of it."""
        self._lock = threading.RLock()
        for listener in list(self._listeners):
            listener.after_fork()


WATCH = _Watch()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=WATCH.after_fork)

#: Who listens to the calls of this context, and the call that is being observed in it.
LISTENERS: ContextVar[tuple[Listener, ...]] = ContextVar("einroute_listeners", default=())
CALL_TRACE: ContextVar[CallTrace | None] = ContextVar("einroute_draft", default=None)


def to_observe() -> bool:
    """Whether a call that begins here is to be observed: somebody listens, and it is no part of another."""
    listeners = LISTENERS.get()
    if not listeners and not WATCH.everywhere:
        return False
    if CALL_TRACE.get() is None:
        for listener in (*listeners, *WATCH.everywhere):
            if not listener.over:
                return True
    return False


def tell_fallback(reason: str) -> None:
    """NumPy's own function answers, and why."""
    if reason:
        debug("NumPy's own function answers: %s", reason)
    trace = CALL_TRACE.get()
    if trace is not None:
        trace.own = reason


def tell_factors(route: str, cache: str) -> None:
    """The cache of factors was asked: the route if they answer, else nothing, and hit or miss."""
    trace = CALL_TRACE.get()
    if trace is not None:
        trace.factors, trace.cache = route, cache


def tell_declined(reason: str) -> None:
    """Kept factors were there, and could not answer."""
    trace = CALL_TRACE.get()
    if trace is not None and trace.factors:
        trace.ran(trace.factors, reason)
        trace.factors = ""
