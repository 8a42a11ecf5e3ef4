"""The kind of dask arrays, over chunks of NumPy, scipy.sparse and pydata/sparse."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import dask.array as da
import numpy as np
from dask import config as dask_config

from ..._base.facts import Operand
from ..._base.kinds import Kind
from .chunked import size_of
from .factorized import DaskFactorized
from .form import FORM, NAME, joined
from .sources import array_facts
from .structured import LazyOperand
from .tasks import MASKED

__all__ = ["KIND"]


def recognises(cls: type) -> bool:
    """Whether operands of a class are dask arrays.

    Raises
    ------
    TypeError
        It is the class that dask's query planning makes of them, which has no graph until it is planned.
    """
    if getattr(da, "ARRAY_EXPR_ENABLED", False) and issubclass(cls, da.Array):
        raise TypeError(
            f"operands of {cls.__module__}.{cls.__name__} are made under dask's array.query-planning=True "
            f"and have no HighLevelGraph; set dask.config.set({{'array.query-planning': False}}) before "
            f"dask.array is imported"
        )
    return issubclass(cls, (da.Array, LazyOperand, DaskFactorized))


def facts(x: Any) -> Operand:
    """Shape, dtype and chunks; unknown sizes are such."""
    if isinstance(x, LazyOperand):
        return x.facts()
    x = _adopt(x)
    shape = tuple(size_of(lengths) for lengths in x.chunks)
    return Operand(shape, np.dtype(x.dtype), (), NAME, structure=array_facts(x))


def signature(x: Any) -> Hashable:
    """What a plan depends on; dask's size of chunks is what the budget of a task follows from."""
    if isinstance(x, LazyOperand):
        return x.signature(), dask_config.get("array.chunk-size")
    x = _adopt(x)
    return da.Array, x.dtype, x.chunks, type(x._meta), dask_config.get("array.chunk-size")


def _adopt(x: Any) -> Any:
    """A matrix with kept factors as the matrix; anything else as it is."""
    return x.array if isinstance(x, DaskFactorized) else x


def make(value: da.Array, _: tuple[Any, ...]) -> da.Array:
    """A result, as it is."""
    return value


def _unfit(x: Any) -> str:
    """Masked chunks."""
    x = _adopt(x)
    masked = isinstance(x, da.Array) and isinstance(x._meta, np.ma.MaskedArray)
    return f"has masked chunks, and {MASKED}" if masked else ""


def _alike(x: Any, y: Any) -> bool:
    """Whether two operands stand for one tensor."""
    x, y = _adopt(x), _adopt(y)
    if isinstance(x, LazyOperand):
        same = isinstance(y, LazyOperand) and x.told == y.told
        return same and all(a.name == b.name for a, b in zip(x.arrays, y.arrays, strict=True))
    return isinstance(y, da.Array) and x.name == y.name


KIND = Kind(
    NAME,
    FORM,
    recognises,
    facts,
    signature,
    precedence=10,
    adopt=_adopt,
    make=make,
    alike=_alike,
    unfit=_unfit,
    structures="_kinds.dask.structured",
    solvers="_kinds.dask.solvers",
    library="dask",
    joined=joined,
)
