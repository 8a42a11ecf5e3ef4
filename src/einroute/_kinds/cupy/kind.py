"""CuPy's dense arrays as a kind."""

from __future__ import annotations

import importlib
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import cupy

from ..._base.kinds import Kind
from ..array_library import array_form, array_kind
from ..registry import load
from .dense import LIBRARY

__all__ = ["FORM", "KIND"]

FORM = array_form(LIBRARY, rank=4)
#: Kinds of structured operands that join.
_STRUCTURED = frozenset({"rolled", "one_hot", "difference"})


def _recognises(cls: type) -> bool:
    return cupy.ndarray in cls.__mro__


def _signature(x: Any) -> Hashable:
    return x.shape, x.dtype, x.device.id


def _joined(kind: Kind, device: Hashable) -> Kind | None:
    """Sparse and structured operands of NumPy's arrays join as CuPy's, whose kinds are loaded then."""
    home = "sparse_kind" if kind.form.sparse else "structured_kinds" if kind.name in _STRUCTURED else ""
    if not home:
        return None
    load(f"cupy.{home}")
    made: Kind = importlib.import_module(f"{__package__}.{home}").joining(kind, device)
    return made


KIND = replace(
    array_kind(LIBRARY, FORM, _recognises, _signature, joined=_joined, solvers="_kinds.cupy.solvers"),
    structures="_kinds.cupy.structured",
)
