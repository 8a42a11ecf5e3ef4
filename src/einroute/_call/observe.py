"""How a call is observed: it runs in a state of its own, whose plans tell what they do.

That state has the options and the policy of the ordinary one, and what is known in one is known in the other:
so the call takes the way that it would have taken anyway, and counts as a hit where it would have been one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import perf_counter
from typing import Any

from .._base.plan_cache import PlanCache
from .._base.routes import Declined, Policy, Runner
from .._base.watch import CALL_TRACE, LISTENERS, WATCH, CallTrace, tell_fallback, to_observe
from .._config.state import Config, State, _context, current
from .operands import Fallback
from .understand import understand_einsum

__all__ = ["WatchedContext", "observe", "telling_why"]


def observe(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a routed function, and tell those who listen what it did.

    Raises
    ------
    BaseException
        What the function raises; that is told, too.
    """
    listeners = dict.fromkeys((*LISTENERS.get(), *WATCH.everywhere))
    state = current()
    trace = CallTrace(function, state)
    outside, ordinary = CALL_TRACE.set(trace), _context.set(_watching(state))
    began = perf_counter()
    try:
        return function(*args, **kwargs)
    except BaseException as error:
        trace.error = type(error).__name__
        raise
    finally:
        trace.seconds += perf_counter() - began
        _context.reset(ordinary)
        try:
            for listener in listeners:
                if not listener.over:
                    listener.take(trace, args, kwargs)
        finally:
            CALL_TRACE.reset(outside)


def telling_why(run: Runner, reason: str) -> Runner:
    """A runner of NumPy's own function that tells why it is asked."""

    def told(*arrays: Any, **options: Any) -> Any:
        tell_fallback(reason)
        return run(*arrays, **options)

    return told


class _Told:
    """`State.on_run` of a state that is watched: to the trace, and to whom the ordinary state tells it."""

    __slots__ = ("ordinary",)

    def __init__(self, ordinary: Callable[[str, Declined | None], None] | None) -> None:
        self.ordinary = ordinary

    def __call__(self, route: str, declined: Declined | None) -> None:
        trace = CALL_TRACE.get()
        if trace is not None:
            trace.ran(route, None if declined is None else declined.reason)
        if self.ordinary is not None:
            self.ordinary(route, declined)

    @staticmethod
    def announce(run: Runner, plan: Any) -> Runner:
        """A plan's runner that says first which plan it is of."""

        def told(*arrays: Any, **options: Any) -> Any:
            trace = CALL_TRACE.get()
            if trace is not None:
                trace.begins(plan)
            return run(*arrays, **options)

        return told


def _watching(state: State) -> State:
    """The state in which calls of another are watched; made once."""
    if not state.watched:
        plans, told = _WatchedPlans(state.plans), _Told(state.on_run)
        state.watched.append(
            State(state.config, state.policy, plans, told, state.tiny, state.products, base=state)
        )
    return state.watched[0]


class _WatchedPlans(PlanCache):
    """Runners that tell what they do, of the plans that the ordinary cache holds."""

    __slots__ = ("ordinary", "watched")

    def __init__(self, ordinary: PlanCache) -> None:
        super().__init__(ordinary.limit)
        self.ordinary = ordinary
        self.watched = PlanCache(ordinary.limit)
        self.young = _Hot(self)  # type: ignore[assignment]  # the hot path asks it for `get` and no more

    def __len__(self) -> int:
        return len(self.ordinary)

    def get(self, key: Hashable) -> Runner | None:
        known, run = self.ordinary.get(key), self.watched.get(key)
        if run is None and known is not None and getattr(known, "counts", False):
            return known  # a tiny call on trial, which counts its calls
        trace = CALL_TRACE.get()
        if trace is not None:
            trace.found(key, known=(known or run) is not None, watched=run is not None)
        return run

    def put(self, key: Hashable, run: Runner) -> None:
        if getattr(run, "counts", False):
            self.ordinary.put(key, run)
            return
        self.watched.put(key, run)
        trace = CALL_TRACE.get()
        if trace is not None:
            trace.kept(key)

    def after_fork(self) -> None:
        self.watched.after_fork()

    def clear(self) -> None:
        self.watched.clear()


class _Hot:
    """What the hot path looks into.

    A plan that is known and not watched yet is made again here: going on without it, a tiny call would be
    NumPy's.
    """

    __slots__ = ("plans",)

    def __init__(self, plans: _WatchedPlans) -> None:
        self.plans = plans

    def get(self, key: Hashable) -> Runner | None:
        run = self.plans.get(key)
        if run is not None or not isinstance(key, tuple):
            return run
        subscripts = key[1] if key[0] is None else key[0]
        known = self.plans.ordinary.get(key)
        if known is None or type(subscripts) is not str:
            return None

        def again(*arrays: Any) -> Any:
            call = understand_einsum((subscripts, *arrays))
            if isinstance(call, Fallback):
                watched = telling_why(known, call.reason)
            else:
                watched = call.bound(current())
            self.plans.put(key, watched)
            return watched(*arrays)

        return again


#: Where nothing is known.
_ASIDE = State(Config(), Policy(), PlanCache(0), tiny=False)


class WatchedContext:
    """What the hot path asks for its state while anybody listens.

    Where calls are to be observed it finds nothing, and goes where it is asked who listens.
    """

    @staticmethod
    def get() -> State | None:
        """The context's state, or one in which nothing is known."""
        return _ASIDE if to_observe() else _context.get()
