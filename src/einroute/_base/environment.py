"""Environment variables that set defaults; a value that makes no sense is warned of and ignored.

Imports nothing of ours but the wording of messages.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import TypeVar

from .errors import shown

__all__ = ["first_count", "flag", "names", "one_of", "positive", "read", "whole"]

T = TypeVar("T")


def read(name: str, parse: Callable[[str], T], expected: str) -> T | None:
    """The value of a variable; None where it is not set, is empty, or makes no sense.

    Parameters
    ----------
    name : str
    parse : callable
        Raises ValueError for text that makes no sense.
    expected : str
        What the warning says should be there.
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    try:
        return parse(text)
    except ValueError as error:
        detail = f" ({error})" if str(error) else ""
        warnings.warn(
            f"the environment variable {name} is {shown(text)} and is ignored; expected {expected}{detail}",
            stacklevel=_level_of_the_import(),
        )
        return None


def _level_of_the_import() -> int:
    """How far up the code is that imports einroute, as `warnings` counts: without the import system."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None:
        file, module = frame.f_code.co_filename, str(frame.f_globals.get("__name__", ""))
        inside = "importlib" in file and "_bootstrap" in file
        if not inside and module.partition(".")[0] != "einroute":
            break
        level += not inside
        frame = frame.f_back
    return level


def whole(text: str) -> int:
    """A number of bytes."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError
    return int(text)


def first_count(text: str) -> int | None:
    """A number of threads: the first of several with commas, as OpenMP has them for nested levels."""
    first = text.partition(",")[0].strip()
    return int(first) or None if first.isascii() and first.isdigit() else None


def positive(text: str) -> int:
    """The same where anything else makes no sense."""
    count = first_count(text)
    if count is None:
        raise ValueError
    return count


def flag(text: str) -> bool:
    """Yes or no."""
    known = {"1": True, "true": True, "yes": True, "on": True}
    known |= {"0": False, "false": False, "no": False, "off": False}
    if text.lower() not in known:
        raise ValueError
    return known[text.lower()]


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them, at least one."""
    found = tuple(filter(None, (part.strip() for part in text.split(","))))
    if not found:
        raise ValueError
    return found


def one_of(*valid: str) -> Callable[[str], str]:
    """What takes one of some words."""

    def parse(text: str) -> str:
        if text not in valid:
            raise ValueError
        return text

    return parse
