"""What is said when sparse operands give something large and dense."""

from __future__ import annotations

import sys
import warnings

from .log import info

#: Bytes from which a dense array is large, and how many times the operands' bytes it must take.
LARGE, TIMES = 64 << 20, 8

_PACKAGE = __name__.partition(".")[0]


class DensifyWarning(UserWarning):
    """A call with sparse operands makes a dense array that is far larger than they are.

    See `config`'s ``on_densify``.
    """


def densified(made: int, given: int) -> bool:
    """Whether a dense array of ``made`` bytes, of operands of ``given`` bytes, is to be spoken of."""
    return made > LARGE and made > TIMES * given


def speak(message: str, on_densify: str) -> None:
    """Warn, raise or keep silent.

    Raises
    ------
    ValueError
        ``on_densify`` is "raise".
    """
    if on_densify == "raise":
        raise ValueError(message)
    info("%s", message)
    if on_densify == "warn":
        warnings.warn(message, DensifyWarning, stacklevel=_callers_level())


def _callers_level() -> int:
    """The stack level, as `warnings.warn` counts from `speak`, of the first frame outside this package."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame = frame.f_back
        level += 1
    return level
