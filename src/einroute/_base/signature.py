"""NumPy's signatures for functions that must forward arguments exactly as they came.

What a library's ``__array_function__`` sees of a call, positions and defaults included, is NumPy's promise to
that library.  A function with named parameters cannot tell what was given how, so ours take anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def signed_as(bearer: Callable[P, Any]) -> Callable[[Callable[..., R]], Callable[P, R]]:
    """Give a function of any arguments the signature of ``bearer``, for readers and type checkers."""

    def sign(function: Callable[..., R]) -> Callable[P, R]:
        function.__signature__ = inspect.signature(bearer)  # type: ignore[attr-defined]
        return function

    return sign
