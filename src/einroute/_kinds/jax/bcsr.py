"""BCSR as a kind: of the form of BCOO."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from jax.experimental.sparse import BCSR

from ..._base.facts import Operand
from .bcoo import KIND as BCOO_KIND
from .bcoo import facts, parts_device
from .bcoo_result import as_bcsr
from .settings import settings

__all__ = ["KIND"]


def _facts(x: Any) -> Operand:
    plain = not x.n_batch and not x.n_dense and x.indices.dtype == x.indptr.dtype
    return replace(facts(x), structure="rows" if plain else None)


def _signature(x: Any) -> Hashable:
    shapes = x.data.shape, x.indices.shape, x.indptr.shape
    return BCSR, x.shape, *shapes, x.dtype, x.data.weak_type, parts_device(x), settings()


KIND = replace(
    BCOO_KIND,
    name="bcsr",
    recognises=lambda cls: issubclass(cls, BCSR),
    facts=_facts,
    signature=_signature,
    precedence=7,
    make=as_bcsr,
)
