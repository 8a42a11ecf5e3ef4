"""What a sort of cases is to the runner."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from .case import Case


def as_it_is(_case: Case, _route: str) -> AbstractContextManager[None]:
    """Nothing is set for a call that is forced through a route."""
    return nullcontext()


@dataclass(frozen=True)
class Source:
    """A sequence of cases for each seed, and the routes that they are to go through.

    `kind` is as on the command line; `draw` gives the case of a seed and a number, or None where that number
    has none; `forced` is what a call is made in when it is forced through a route, or None for no such call.
    """

    kind: str
    draw: Callable[[int, int], Case | None]
    routes: tuple[str, ...]
    forced: Callable[[Case, str], AbstractContextManager[None] | None] = as_it_is
