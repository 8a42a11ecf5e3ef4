"""JAX's dense arrays and tracers as a kind."""

from __future__ import annotations

import importlib
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from ..._base.kinds import Kind
from ..array_library import array_form, array_kind
from ..registry import load
from .blocks import ROUTE
from .dense import LIBRARY, device_of
from .dtypes import mend
from .program import compiled
from .routes import ROUTES
from .settings import settings

__all__ = ["FORM", "KIND"]

FORM = replace(array_form(LIBRARY, rank=4, routes=(*ROUTES, ROUTE)), compiled=compiled, bounded=True)


#: Kinds of structured operands that join.
_STRUCTURED = frozenset({"rolled", "one_hot", "difference"})


#: Sparse arrays of JAX's that take no part, by the module of their class, and what they can be made.
_OTHERS = {
    "COO": "BCOO((x.data, jax.numpy.stack([x.row, x.col], -1)), shape=x.shape)",
    "CSR": "BCSR((x.data, x.indices, x.indptr), shape=x.shape)",
    "CSC": "BCSR((x.data, x.indices, x.indptr), shape=x.shape[::-1]), which is its transpose",
}


def _other_sparse(cls: type) -> bool:
    """Whether a class is one of the sparse ones that have no batches."""
    return cls.__module__.startswith("jax.experimental.sparse.") and jax.core.Tracer not in cls.__mro__


def recognises(cls: type) -> bool:
    """Whether a class is one of JAX's dense arrays, of its tracers, or stands for arrays in `explain`.

    Or one of its sparse ones that take no part, which are refused.
    """
    return (
        jax.core.Tracer in cls.__mro__
        or issubclass(cls, jax.Array | jax.ShapeDtypeStruct)
        or _other_sparse(cls)
    )


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
    if _other_sparse(type(x)):
        name = type(x).__name__
        return (
            f"of jax.experimental.sparse takes no part, expected a dense array, a BCOO or a BCSR; make it "
            f"{_OTHERS.get(name, 'one')}, or write it out with x.todense()"
        )
    if LIBRARY.dtypes.of(x).kind == "V":
        return f"has dtype {x.dtype}, of which contractions have no products; {mend(x)}"
    if not all(type(n) is int for n in x.shape):
        return f"has shape {x.shape}, with sizes that are symbols; export it for sizes that are numbers"
    return ""


def _joined(kind: Kind, device: Hashable) -> Kind | None:
    """Sparse and structured operands of NumPy's arrays join as JAX's, whose kinds are loaded then."""
    home = "bcoo" if kind.form.sparse else "structured_kinds" if kind.name in _STRUCTURED else ""
    if not home:
        return None
    load(f"jax.{home}")
    made: Kind = importlib.import_module(f"{__package__}.{home}").joining(kind, device)
    return made


def scalar(x: Any) -> Any:
    """A Python scalar as a weak array.

    Raises
    ------
    OverflowError
        An int that JAX's default integers do not hold.
    """
    try:
        return jnp.asarray(x)
    except OverflowError:
        wide = jnp.result_type(int)
        mend = "" if wide.itemsize == 8 else ", or enable jax_enable_x64"
        raise OverflowError(
            f"is out of range for {wide}, as which JAX takes Python ints; pass a float{mend}"
        ) from None


KIND = replace(
    array_kind(
        LIBRARY, FORM, recognises, signature, unfit=unfit, joined=_joined, solvers="_kinds.jax.solvers"
    ),
    structures="_kinds.jax.structured",
    scalar=scalar,
)
