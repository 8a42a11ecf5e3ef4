"""Context managers that can also stand above a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Any, TypeVar

from .errors import shown

__all__ = ["Block"]

F = TypeVar("F", bound=Callable[..., Any])

#: What a decorator would leave before its code runs.
_LATER: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (inspect.isclass, "class"),
    (inspect.iscoroutinefunction, "coroutine function"),
    (inspect.isgeneratorfunction, "generator function"),
    (inspect.isasyncgenfunction, "generator function"),
)


class Block(ContextDecorator):
    """A context manager for ``with`` blocks and for functions; it refuses what it would do nothing for.

    Raises
    ------
    TypeError
        A class, a generator or coroutine function to decorate, or what is no function.
    """

    def __call__(self, func: F) -> F:
        name = type(self).__name__
        if isinstance(func, (staticmethod, classmethod)):
            kind = type(func).__name__
            raise TypeError(f"{name} decorates the function in a {kind}: write @{kind} above @{name}()")
        if not callable(func):
            raise TypeError(f"{name} decorates functions, not {shown(func)}")
        for is_one, what in _LATER:
            if is_one(func) or is_one(type(func).__call__):
                raise TypeError(
                    f"{name} cannot decorate {func!r}: it is a {what}, whose code runs after the call; "
                    f"write `with {name}():` inside it"
                )
        return super().__call__(func)
