"""Whether a call may learn for later ones: count itself, keep what it made, be a trial of another way.

Tasks of other schedulers may not: which worker runs them, and what that ran before, is nobody's choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["may_prepare", "unprepared"]

_off: ContextVar[bool] = ContextVar("einroute_unprepared", default=False)


def may_prepare() -> bool:
    """Whether calls in this context may learn for later ones, and use what those before have learned."""
    return not _off.get()


@contextmanager
def unprepared() -> Iterator[None]:
    """Calls in this block learn nothing."""
    token = _off.set(True)
    try:
        yield
    finally:
        _off.reset(token)
