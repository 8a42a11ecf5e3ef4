"""The compiled core: loops that run what was decided in Python.

It may be missing (no compiler when einroute was installed) or switched off (``EINROUTE_NATIVE=0``); then
`CORE` is None, `REASON` says why, and everything is done by NumPy. ``EINROUTE_NATIVE=require`` makes that an
error. ``EINROUTE_ISA`` names the best instruction set whose kernels may run.
"""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .._base.environment import read

if TYPE_CHECKING:
    from . import _core

__all__ = ["CORE", "REASON", "load"]

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
        return None, "not built when einroute was installed" if missing else f"cannot be loaded: {error}"

    def isa(text: str) -> str:
        return str(core.choose_isa(text))

    if read("EINROUTE_ISA", isa, "one of " + ", ".join(core.compiled_isas())) is None:
        core.choose_isa("")
    return core, ""


_loaded: tuple[Any, str] = load()
#: The module of the core, or None; and then why there is none.
CORE: _core | None = _loaded[0]  # type: ignore[valid-type]
REASON: str = _loaded[1]
