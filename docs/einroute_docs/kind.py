"""Puts the kinds of the page "How to add a kind" in their place for a while."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import einroute as er
from einroute._kinds import registry

EXAMPLES = Path(__file__).parents[1] / "examples"


@contextmanager
def _folder(name: str, path: Path, module: str) -> Iterator[None]:
    """A folder as ``einroute._kinds.<name>``, and its line in the registry."""
    package = f"einroute._kinds.{name}"
    here = ModuleType(package)
    here.__path__ = [str(path)]
    sys.modules[package] = here
    registry.MODULES[module] = f"{name}.kind"
    try:
        yield
    finally:
        registry.MODULES.pop(module)
        registry.KINDS.clear()
        registry.FORMS.clear()
        for loaded in [one for one in sys.modules if one == package or one.startswith(f"{package}.")]:
            sys.modules.pop(loaded)
        er.cache_clear()  # plans that know the kind


@contextmanager
def added() -> Iterator[Any]:
    """The class `Diagonal`, known to einroute inside the ``with`` block."""
    with _folder("diagonal", EXAMPLES / "kind", "einroute._kinds.diagonal.operand"):
        yield importlib.import_module("einroute._kinds.diagonal.operand").Diagonal


@contextmanager
def added_library() -> Iterator[Any]:
    """The module `toyarray`, whose arrays are known to einroute inside the ``with`` block."""
    sys.path.insert(0, str(EXAMPLES / "library"))
    try:
        with _folder("toy", EXAMPLES / "form", "toyarray"):
            yield importlib.import_module("toyarray")
    finally:
        sys.path.remove(str(EXAMPLES / "library"))
        sys.modules.pop("toyarray", None)
