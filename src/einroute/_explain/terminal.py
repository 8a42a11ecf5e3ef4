"""Printing, with rich's tables where they can be shown."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any, Protocol, TextIO

__all__ = ["put"]


class _Rich(Protocol):
    """What has a form for rich, and text."""

    def __rich__(self) -> Any: ...


def put(thing: _Rich, file: TextIO | None = None) -> None:
    """Print to a stream: rich's form to a terminal where rich is installed, else the text."""
    stream = sys.stdout if file is None else file
    if _is_terminal(stream) and find_spec("rich") is not None:
        from rich.console import Console

        Console(file=stream).print(thing.__rich__())
    else:
        stream.write(f"{thing}\n")


def _is_terminal(stream: TextIO) -> bool:
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty())
