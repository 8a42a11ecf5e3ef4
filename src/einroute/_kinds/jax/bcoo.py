"""BCOO as a kind; and as which scipy.sparse operands, and those of pydata's sparse, join JAX's arrays."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.sparse import BCOO

from ..._base.facts import Operand
from ..._base.kinds import Kind, any_dtype
from .bcoo_result import NAME, as_bcoo
from .dense import LIBRARY, device_of
from .dtypes import mend
from .kind import KIND as DENSE_KIND
from .settings import settings
from .sparse_form import FORM

__all__ = ["KIND", "entries_of", "fault", "joining", "parts_device", "unfit"]


def entries_of(x: Any) -> int:
    """How many entries an operand holds, padding and those of batches included."""
    shape = x.shape
    count: int = x.nse
    for n in (*shape[: x.n_batch], *shape[len(shape) - x.n_dense :]):
        count *= n
    return count


def parts_device(x: Any) -> Hashable:
    """Where the values are to stay."""
    return device_of(x.data)


def facts(x: Any) -> Operand:
    dtype = LIBRARY.dtypes.of(x)
    rows = getattr(x, "indices_sorted", False) and not x.n_batch and not x.n_dense
    structure = "rows" if rows else None
    return Operand(
        tuple(x.shape), dtype, (), NAME, entries_of(x), structure=structure, device=parts_device(x)
    )


def _signature(x: Any) -> Hashable:
    return (
        BCOO,
        x.shape,
        x.data.shape,
        x.indices.shape,
        x.dtype,
        x.data.weak_type,
        x.indices_sorted,
        device_of(x.data),
        settings(),
    )


def unfit(x: Any) -> str:
    """Why a sparse array cannot take part in a contraction."""
    if LIBRARY.dtypes.of(x).kind == "V":
        return f"has dtype {x.dtype}, of which contractions have no products; {mend(x)}, of x.data"
    return ""


def fault(x: Any) -> str:
    """Which part of a broken operand is wrong."""
    for name in ("data", "indices"):
        if not isinstance(getattr(x, name, None), jax.Array):
            return f"its {name} are of type {type(getattr(x, name, None)).__name__}, expected a jax.Array"
    return ""


def joining(kind: Kind, device: Hashable) -> Kind:
    """The kind as which sparse operands of NumPy's arrays take part: with their entries where others are."""

    def joined_facts(x: Any) -> Operand:
        own = kind.facts(x)
        return Operand(own.shape, own.dtype, (), NAME, own.nnz, device=device)

    def adopt(x: Any) -> Any:
        entries = kind.adopt(x)
        if not entries.ndim:
            return BCOO((jnp.asarray(entries.data), jnp.zeros((entries.nnz, 0), jnp.int32)), shape=())
        indices = jnp.stack([jnp.asarray(c) for c in entries.coordinates()], -1)
        return BCOO((jnp.asarray(entries.data), indices), shape=entries.shape)

    return replace(kind, form=FORM, facts=joined_facts, adopt=adopt, make=as_bcoo, accepts=any_dtype)


KIND = Kind(
    NAME,
    FORM,
    lambda cls: issubclass(cls, BCOO),
    facts,
    _signature,
    precedence=8,
    make=as_bcoo,
    fault=fault,
    stored=entries_of,
    dispatched=False,
    library=LIBRARY.name,
    device=parts_device,
    unfit=unfit,
    joined=DENSE_KIND.joined,
    solvers=DENSE_KIND.solvers,
    scalar=DENSE_KIND.scalar,
    refined=(DENSE_KIND,),  # whose form results are in, before a dense operand was met
)
