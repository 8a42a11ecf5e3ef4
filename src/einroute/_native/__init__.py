"""The compiled core: loops that run what was decided in Python.

It may be missing (no compiler when einroute was installed) or switched off (``EINROUTE_NATIVE=0``); then
`CORE` is None, `REASON` says why, and everything is done by NumPy. ``EINROUTE_NATIVE=require`` makes that an
error. ``EINROUTE_ISA`` names the best instruction set whose kernels may run.
"""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import Any

from .._base.environment import read

__all__ = ["CORE", "REASON", "load", "told"]

_NOT_BUILT = "not built when einroute was installed"
_COMPILERS = ("c++", "g++", "clang++", "cl")
#: Of EINROUTE_NATIVE: whether the core is switched off, or asked for.
_CHOICES = {"0": "off", "off": "off", "1": "", "auto": "", "require": "require"}


def _choice(text: str) -> str:
    if text.lower() not in _CHOICES:
        raise ValueError
    return _CHOICES[text.lower()]


def load() -> tuple[ModuleType | None, str]:
    """The core, and why there is none.

    Raises
    ------
    ImportError
        There is none, and ``EINROUTE_NATIVE=require``.
    """
    choice = read("EINROUTE_NATIVE", _choice, "0, auto or require")
    if choice == "off":
        return None, "switched off by EINROUTE_NATIVE=" + os.environ["EINROUTE_NATIVE"].strip()
    try:
        core = import_module(__name__ + "._core")
    except ImportError as error:
        if choice == "require":
            raise ImportError(
                f"EINROUTE_NATIVE=require, and the compiled core cannot be loaded: {error}; install einroute "
                f"where a C++ compiler is, with pip install --no-cache-dir"
            ) from error
        missing = isinstance(error, ModuleNotFoundError)
        return None, _NOT_BUILT if missing else f"cannot be loaded: {error}"

    def isa(text: str) -> str:
        return str(core.choose_isa(text))

    if read("EINROUTE_ISA", isa, "one of " + ", ".join(core.compiled_isas())) is None:
        core.choose_isa("")
    return core, ""


def told() -> list[str]:
    """What ``doctor`` says of the core, a line each."""
    if CORE is None:
        lines = [f"none: {REASON}"]
        if REASON == _NOT_BUILT:
            import shutil  # noqa: PLC0415 - 2 ms, and none but doctor asks

            found = next((name for name in _COMPILERS if shutil.which(name)), "")
            why = f"{found} is here now" if found else "no C++ compiler is on the path"
            lines.append(
                f"{why}; with EINROUTE_NATIVE=require, pip install --no-cache-dir shows why it fails"
            )
        return lines
    return [f"{CORE.isa()} kernels, of {', '.join(CORE.compiled_isas())} that were built", str(CORE.__file__)]


_loaded: tuple[Any, str] = load()
#: The module of the core, or None; and then why there is none.
CORE: Any = _loaded[0]
REASON: str = _loaded[1]
