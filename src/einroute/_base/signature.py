"""What public functions show: their module, and NumPy's signature where arguments must go on as they came.

What a library's ``__array_function__`` sees of a call, positions and defaults included, is NumPy's promise to
that library.  A function with named parameters cannot tell what was given how, so ours take anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def signed_as(bearer: Callable[P, Any]) -> Callable[[Callable[..., R]], Callable[P, R]]:
    """Give a function of any arguments the signature of ``bearer``, for readers and type checkers."""

    def sign(function: Callable[..., R]) -> Callable[P, R]:
        function.__signature__ = inspect.signature(bearer)  # type: ignore[attr-defined]
        return function

    return sign


def publish(module: str, names: Iterable[str], space: Mapping[str, Any]) -> None:
    """Let the functions of a public module name it as theirs, unless they name a public one already.

    Classes keep the module that holds their source, which is where Python looks for it.
    """
    for name in names:
        function = space[name]
        home = "" if isinstance(function, type) else getattr(function, "__module__", "")
        if callable(function) and home.startswith("einroute.") and "._" in home:
            function.__module__ = module
