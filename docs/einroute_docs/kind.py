"""Puts the kind of the page "How to add a kind" in its place for a while, as its files and lines would."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import einroute as er
from einroute import _plan_structured, _route

FILES = Path(__file__).parents[1] / "examples" / "kind"
OPERAND, KIND = "einroute._operands.diagonal", "einroute._kinds.diagonal"


def _load(name: str, path: Path) -> ModuleType:
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def added() -> Iterator[Any]:
    """The class `Diagonal`, known to einroute inside the ``with`` block."""
    structured = _plan_structured.STRUCTURED
    try:
        operand = _load(OPERAND, FILES / "operand.py")
        _load(KIND, FILES / "rewrites.py")
        _route.REGISTRY[OPERAND] = KIND
        _plan_structured.STRUCTURED = ("diagonal", *structured)
        yield operand.Diagonal
    finally:
        _plan_structured.STRUCTURED = structured
        _route.REGISTRY.pop(OPERAND, None)
        sys.modules.pop(KIND, None)
        sys.modules.pop(OPERAND, None)
        er.cache_clear()  # plans that know the kind
