"""Environment variables that set defaults; a value that makes no sense is warned of and ignored.

Imports nothing of ours but the wording of messages.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import TypeVar

from ._errors import shown

__all__ = ["flag", "names", "one_of", "positive", "read", "whole"]

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
            stacklevel=2,
        )
        return None


def whole(text: str) -> int:
    """A number of bytes."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError
    return int(text)


def positive(text: str) -> int:
    """A number of threads: the first of several with commas, as OpenMP has them for nested levels."""
    count = whole(text.partition(",")[0].strip())
    if count < 1:
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
    """Names with commas between them."""
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def one_of(*valid: str) -> Callable[[str], str]:
    """What takes one of some words."""

    def parse(text: str) -> str:
        if text not in valid:
            raise ValueError
        return text

    return parse
