"""The public functions by name, for calls that are nodes of a compiler's graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["FUNCTIONS"]

#: Public functions by name, which are put in where they are made.
FUNCTIONS: dict[str, Callable[..., Any]] = {}
