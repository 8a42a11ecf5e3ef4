"""The public functions by name, for calls that are nodes of a compiler's graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["GRAPHS", "Graphs"]


class Graphs:
    """Functions by name; the public ones are put in where they are made."""

    def __init__(self) -> None:
        self.functions: dict[str, Callable[..., Any]] = {}


GRAPHS = Graphs()
