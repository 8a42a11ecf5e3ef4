"""Small files in which the system tells of the machine."""

from __future__ import annotations

import os

__all__ = ["first_of"]


def first_of(path: str, most: int = 4096) -> str:
    """The first bytes of a file of the system's, as text.

    Raises
    ------
    OSError
        It cannot be read.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.read(handle, most).decode(errors="replace")
    finally:
        os.close(handle)
