"""The public functions by name, for calls that are nodes of a compiler's graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["GRAPHS", "Graphs"]


class Graphs:
    """Functions by name; the public ones are put in where they are made.

    ``nodes`` holds, for each library whose kind is loaded, what gives, from operands, the function that makes
    a node of a call, or None where its compiler is not at work.
    """

    def __init__(self) -> None:
        self.functions: dict[str, Callable[..., Any]] = {}
        self.nodes: dict[str, Callable[[Iterable[Any]], Callable[..., Any] | None]] = {}


GRAPHS = Graphs()
