"""The options, their defaults from the environment, and the names of routes that they take."""

from __future__ import annotations

import os
from dataclasses import field
from typing import Any

from .._base.environment import first_count, flag, names, one_of, positive, read, whole
from .._base.errors import shown, suggest, whole_number
from .._base.records import dataclass
from .._base.routes import Policy
from .._kinds.registry import route_names

__all__ = ["FACTOR_ROUTES", "Config", "for_tasks", "known_routes"]

#: What is done where a call with sparse operands makes something large and dense.
_ON_DENSIFY = ("warn", "raise", "allow")
#: Which other plans are tried: those that give the same bits, all near ones, none; all at first sight.
TUNE = ("same", "free", "never", "now")
#: Options that decide what a task does.
_FOR_TASKS = ("reproducible", "on_densify", "strict", "allow", "forbid")
#: The routes of lstsq, solve, inv and pinv besides LAPACK: answers from kept factors.
FACTOR_ROUTES = (
    "factors.svd",
    "factors.lu",
    "factors.inverse",
    "factors.sparse_lstsq",
    "factors.sparse_lu",
    "factors.tsqr",
)


def known_routes() -> tuple[str, ...]:
    """Names that ``allow`` and ``forbid`` take; loads our kinds, and no library of operands."""
    return (*route_names(), *FACTOR_ROUTES)


def _route_names(option: str, value: Any) -> tuple[str, ...]:
    """One name or several as a sorted tuple.

    Raises
    ------
    ValueError
        What is no name, or the name of no route.
    """
    given = (value,) if isinstance(value, str) else value
    if not isinstance(given, (tuple, list, set, frozenset)) or not all(isinstance(x, str) for x in given):
        raise ValueError(
            f"{option} must be the name of a route or a list of names{', or None' * (option == 'allow')}, "
            f"not {shown(value)}"
        )
    valid = known_routes() if given else ()
    for name in given:
        if name not in valid:
            own = "; NumPy's own functions are no routes, see strict" if name.startswith("numpy.") else ""
            raise ValueError(f"{option}: there is no route {shown(name)}; {suggest(name, valid)}{own}")
    return tuple(sorted(set(given)))


#: What the core counts threads in goes no further.
_MOST_THREADS = (1 << 31) - 1


def _default_threads() -> int:
    """Threads named by the usual environment variables, else the cores this process may run on."""
    threads = read("EINROUTE_NUM_THREADS", positive, "a number of threads, at least 1")
    if threads is not None:
        return threads
    usual = first_count(os.environ.get("OMP_NUM_THREADS", ""))
    if usual is not None:
        return usual
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def _default_routes(option: str) -> tuple[str, ...] | None:
    return read(
        f"EINROUTE_{option.upper()}",
        lambda text: _route_names(option, names(text)),
        "names of routes with commas between them",
    )


def _default_flag(option: str) -> bool:
    return read(f"EINROUTE_{option.upper()}", flag, "1 or 0") or False


def _default_on_densify() -> str:
    return read("EINROUTE_ON_DENSIFY", one_of(*_ON_DENSIFY), f"one of {', '.join(_ON_DENSIFY)}") or "warn"


def _default_tune() -> str:
    return read("EINROUTE_TUNE", one_of(*TUNE), f"one of {', '.join(TUNE)}") or "same"


@dataclass(frozen=True, slots=True)
class Config:
    """Options that the planner and the routes obey; see `config` for their meaning."""

    threads: int = field(default_factory=_default_threads)
    memory_limit: int | None = field(
        default_factory=lambda: read("EINROUTE_MEMORY_LIMIT", whole, "a number of bytes")
    )
    reproducible: bool = field(default_factory=lambda: _default_flag("reproducible"))
    on_densify: str = field(default_factory=_default_on_densify)
    strict: bool = field(default_factory=lambda: _default_flag("strict"))
    allow: tuple[str, ...] | None = field(default_factory=lambda: _default_routes("allow"))
    forbid: tuple[str, ...] = field(default_factory=lambda: _default_routes("forbid") or ())
    tune: str = field(default_factory=_default_tune)

    def __post_init__(self) -> None:
        threads = whole_number("threads", self.threads, 1, "a number of threads")
        object.__setattr__(self, "threads", min(threads, _MOST_THREADS))
        if self.memory_limit is not None:
            limit = whole_number("memory_limit", self.memory_limit, 0, "None or a number of bytes")
            object.__setattr__(self, "memory_limit", limit)
        for name in ("reproducible", "strict"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be True or False, not {getattr(self, name)!r}")
        if self.on_densify not in _ON_DENSIFY:
            raise ValueError(
                f"on_densify must be one of {', '.join(map(repr, _ON_DENSIFY))}, not {self.on_densify!r}"
            )
        if self.tune not in TUNE:
            raise ValueError(f"tune must be one of {', '.join(map(repr, TUNE))}, not {self.tune!r}")
        if self.allow is not None:
            object.__setattr__(self, "allow", _route_names("allow", self.allow))
        object.__setattr__(self, "forbid", _route_names("forbid", self.forbid))

    @property
    def policy(self) -> Policy:
        """Which routes may be taken."""
        return Policy(
            forbidden=frozenset(self.forbid), allowed=None if self.allow is None else frozenset(self.allow)
        )


def for_tasks(config: Config) -> tuple[tuple[str, Any], ...]:
    """The options that tasks run under which are made under a configuration.

    Without those whose meaning is the planner's (``memory_limit``) or the process's that runs them
    (``threads``).
    """
    return tuple((name, getattr(config, name)) for name in _FOR_TASKS)
