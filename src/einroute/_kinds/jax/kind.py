"""JAX's dense arrays and tracers as a kind."""

from __future__ import annotations

import importlib
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import jax

from ..._base.kinds import Kind
from ..array_library import array_form, array_kind
from ..registry import load
from .blocks import ROUTE
from .dense import LIBRARY, device_of
from .program import compiled
from .routes import ROUTES
from .settings import settings

__all__ = ["FORM", "KIND"]

FORM = replace(array_form(LIBRARY, rank=4, routes=(*ROUTES, ROUTE)), compiled=compiled, bounded=True)


def recognises(cls: type) -> bool:
    """Whether a class is one of JAX's dense arrays, or of its tracers."""
    return jax.core.Tracer in cls.__mro__ or issubclass(cls, jax.Array)


def signature(x: Any) -> Hashable:
    """What a bound plan depends on, the settings under which dtypes promote included."""
    return (
        x.shape,
        x.dtype,
        x.weak_type,
        device_of(x),
        settings(),
    )


def unfit(x: Any) -> str:
    """Why an array cannot take part in a contraction."""
    if LIBRARY.dtypes.of(x).kind == "V":
        return f"has dtype {x.dtype}, of which contractions have no products; convert it, with x.astype say"
    if not all(type(n) is int for n in x.shape):
        return f"has shape {x.shape}, with sizes that are symbols; export it for sizes that are numbers"
    return ""


def _joined(kind: Kind, device: Hashable) -> Kind | None:
    """Sparse operands of NumPy's arrays join as BCOO, whose kind is loaded when there are some."""
    if not kind.form.sparse:
        return None
    load("jax.bcoo")
    made: Kind = importlib.import_module(f"{__package__}.bcoo").joining(kind, device)
    return made


KIND = array_kind(
    LIBRARY, FORM, recognises, signature, unfit=unfit, joined=_joined, solvers="_kinds.jax.solvers"
)
