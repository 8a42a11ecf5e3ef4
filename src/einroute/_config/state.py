"""The effective configuration, and the caches that belong to it.

A `Config` is frozen.  ``set_config`` replaces the process default; ``config`` replaces it for the current
context (a thread, an asyncio task).  Plans depend on the configuration, so every distinct configuration
has its own plan cache: the hot path then needs no more of it than the look-up of that cache.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import asdict, field, fields, replace
from typing import Any, Protocol, Unpack

from .._base import calibration_file  # noqa: F401 - says where constants are read
from .._base.buffers import BUFFERS
from .._base.errors import suggest, whole_number
from .._base.plan_cache import PlanCache
from .._base.records import dataclass
from .._base.routes import Declined, NoRoute, Policy
from .._base.watch import WATCH, to_observe
from .._factors.cache import FACTORS, PREPARE
from .._native import CORE
from .._native.memory import MEMORY
from .._plan.decisions import DECISIONS
from .options import Config
from .typed import ProcessOptions

__all__ = [
    "PROCESS_WIDE",
    "Config",
    "State",
    "cache_clear",
    "cache_info",
    "changed",
    "check_strict",
    "current",
    "drop_plans",
    "get_config",
    "left_to_numpy",
    "set_config",
]


@dataclass(frozen=True, eq=False, slots=True)
class State:
    """A configuration with what hangs from it; compared by identity.

    Attributes
    ----------
    config : Config
    policy : Policy
    plans : PlanCache
    on_run : callable or None
        Told of every route that ends, or declines.
    tiny : bool
        Whether tiny calls may go to NumPy's einsum before a plan is looked up.
    products : bool
        Whether `dot` and its relatives look for routes for large products of integers.
    base : State or None
        The ordinary state of one in which calls are watched.
    watched : list of State
        The state in which the calls of this one are watched, once there is one.
    table : Table or None
        Where the core finds what runs calls that are known; None without the core, and where calls are
        watched.
    """

    config: Config
    policy: Policy
    plans: PlanCache
    on_run: Callable[[str, Declined | None], None] | None = None
    tiny: bool = True
    products: bool = True
    base: State | None = None
    watched: list[State] = field(default_factory=list, repr=False)
    table: Any = None

    @classmethod
    def of(cls, config: Config) -> State:
        """The state of a configuration, with nothing planned yet."""
        policy = config.policy
        tiny = not config.reproducible and not config.strict and not policy.forbids("numpy.einsum")
        table = None if CORE is None else CORE.Table(small=tiny, strict=config.strict)
        return cls(config, policy, PlanCache(), tiny=tiny, products=not config.reproducible, table=table)

    def clear(self) -> None:
        """Drop every plan."""
        for state in (self, *self.watched):
            state.plans.clear()
        if self.table is not None:
            self.table.clear()

    def after_fork(self) -> None:
        """In a child: whoever held a lock in the parent is not here to let go of it."""
        for state in (self, *self.watched):
            state.plans.after_fork()


class _Process:
    """The process default and the states in use: the one named, locked store of this module."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.states: dict[Config, State] = {}
        self.make_default(self.state_of(Config()))

    def make_default(self, state: State) -> None:
        """Let a state be in force wherever the context names none."""
        self.default = state
        self.strict = WATCH.strictly() if state.config.strict else None
        if state.table is not None:
            CORE.set_table(state.table)

    def state_of(self, config: Config) -> State:
        with self.lock:
            state = self.states.get(config)
            if state is None:
                if len(self.states) >= 16:  # a loop over memory limits must not keep a cache for each
                    self.states = {
                        c: s for c, s in self.states.items() if s is getattr(self, "default", None)
                    }
                state = self.states[config] = State.of(config)
            return state

    def after_fork(self) -> None:
        """In a child: whoever held a lock in the parent is not here to let go of it."""
        self.lock = threading.Lock()
        DECISIONS.after_fork()
        BUFFERS.after_fork()
        for state in (*self.states.values(), self.default):
            state.after_fork()


#: Options of the whole process, which no context can change: factors and memory are shared by all threads.
PROCESS_WIDE = ("cache_bytes", "keep_bytes", "prepare")

_process = _Process()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_process.after_fork)
_context: ContextVar[State | None] = ContextVar("einroute_config", default=None)
if CORE is not None:
    CORE.set_context(_context)
    WATCH.on_change.append(lambda watched: CORE.set_watched(watched, to_observe))


def current() -> State:
    """The state in force here: the context's, else the process default."""
    state = _context.get()
    return _process.default if state is None else state


def check_strict(state: State, function: str, reason: str) -> None:
    """Refuse a call that is left to NumPy's own function for a reason, where the configuration is strict.

    Raises
    ------
    NoRoute
    """
    if state.config.strict:
        raise NoRoute(f"{function} is left to the library's own function, and strict=True: {reason}")


class _Planning(Protocol):
    """A call that can be planned."""

    def plan(self, state: State) -> Any: ...


def left_to_numpy(call: _Planning, state: State) -> bool:
    """Whether a call without a route has none under any configuration, so that NumPy's answer is right."""
    if state.policy.forced is not None:
        return False
    if state.policy.restricts:
        try:
            call.plan(replace(state, policy=Policy()))
        except NoRoute:
            return True
        return False
    return True


def changed(base: Config, options: dict[str, Any]) -> Config:
    """A configuration with some options changed.

    Raises
    ------
    TypeError
        An unknown option.
    ValueError
        A value that the option cannot take.
    """
    valid = [f.name for f in fields(Config)]
    for name in options:
        if name not in valid:
            everything = [*valid, *PROCESS_WIDE]
            raise TypeError(f"unknown option {name!r}; {suggest(name, everything)}")
    return replace(base, **options)


def _change_process(options: dict[str, Any]) -> None:
    """Check the options of the whole process, then set them."""
    given = options.get("cache_bytes", FACTORS.limit)
    cache_bytes = whole_number("cache_bytes", given, 0, "a number of bytes")
    keep_bytes = options.get("keep_bytes")
    if "keep_bytes" in options:
        keep_bytes = whole_number("keep_bytes", keep_bytes, 0, "a number of bytes")
    prepare = options.get("prepare", FACTORS.prepare)
    if prepare not in PREPARE:
        raise ValueError(f"prepare must be one of {', '.join(map(repr, PREPARE))}, not {prepare!r}")
    FACTORS.resize(cache_bytes)
    FACTORS.prepare = prepare
    if keep_bytes is not None:
        MEMORY.resize(keep_bytes)


def set_config(**options: Unpack[ProcessOptions]) -> None:
    """Change the process's default options.

    Parameters
    ----------
    cache_bytes : int, optional
        Bytes that kept factors may take, least recently used out first; 0 keeps none. Default:
        ``EINROUTE_CACHE_BYTES``, or a sixteenth of the machine's memory.
    keep_bytes : int, optional
        Bytes of freed memory that are kept for results of 30 MiB and more and for intermediates, until they
        have been idle for a second; 0 keeps none. Only where the compiled core is, on Linux. Default:
        ``EINROUTE_KEEP_BYTES``, or the least of 256 MiB and a thirty-second of the memory of the machine and
        of what the process may take; in a worker of dask's, 0.
    prepare : {"auto", "now", "never"}, optional
        When a matrix is factored: once the work seen would have paid for it, no later than its third sight;
        at first sight; never. Default: ``EINROUTE_PREPARE``, or "auto".
    **options
        As for `config`.

    Raises
    ------
    TypeError
        An unknown option.
    ValueError
        A value that the option cannot take; then nothing is changed.

    Examples
    --------
    >>> import einroute as er
    >>> er.set_config(prepare="now")
    >>> er.set_config(prepare="auto")
    """
    given: dict[str, Any] = {**options}
    process = {name: given.pop(name) for name in PROCESS_WIDE if name in given}
    wanted = changed(_process.default.config, given)
    _change_process(process)
    _process.make_default(_process.state_of(wanted))


def get_config() -> dict[str, Any]:
    """The options in force here.

    Returns
    -------
    dict
        Option names and their effective values; changing it changes nothing.

    Examples
    --------
    >>> import einroute as er
    >>> print(*sorted(er.get_config()))
    allow cache_bytes forbid keep_bytes memory_limit on_densify prepare reproducible strict threads tune
    """
    process = {"cache_bytes": FACTORS.limit, "keep_bytes": MEMORY.limit, "prepare": FACTORS.prepare}
    return asdict(current().config) | process


def cache_info() -> dict[str, int]:
    """Counts of the caches.

    Returns
    -------
    dict
        ``plans``, the bound plans held under the configuration in force, and ``max_plans``, how many are held
        at the most. Of kept factors: ``factorizations`` held, the ``bytes`` they take and ``max_bytes``;
        ``seen``, matrices that are known but not kept; and since the last `cache_clear` the ``hits``, the
        ``misses``, how many were ``made`` and how many ``evicted``. Of freed memory: ``kept_blocks``, the
        ``kept_bytes`` they take and ``max_kept_bytes``, and ``blocks_reused``, how often one was used again
        in this process.
    """
    plans = {"plans": len(current().plans), "max_plans": current().plans.limit}
    return plans | FACTORS.info() | MEMORY.info()


def drop_plans() -> None:
    """Forget every bound plan, under every configuration."""
    with _process.lock:
        for state in _process.states.values():
            state.clear()
    current().clear()


def cache_clear() -> None:
    """Forget every bound plan, under every configuration, and all kept factors and their counts.

    Freed memory that is kept goes back to the system.
    """
    drop_plans()
    FACTORS.clear()
    DECISIONS.clear()
    MEMORY.clear()
    BUFFERS.clear()
