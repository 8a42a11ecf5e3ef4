"""The kind of dask matrices with kept factors: in a product, the matrix; in lstsq and solve, the factors."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from ..._base.facts import Operand
from .factorized import DaskFactorized
from .kind import KIND as MATRIX

__all__ = ["KIND"]


def _recognises(cls: type) -> bool:
    return issubclass(cls, DaskFactorized)


def _facts(x: DaskFactorized) -> Operand:
    return MATRIX.facts(x.array)


def _signature(x: DaskFactorized) -> Hashable:
    return MATRIX.signature(x.array)


def _adopt(x: DaskFactorized) -> object:
    return x.array


KIND = replace(
    MATRIX,
    name="dask factors",
    recognises=_recognises,
    facts=_facts,
    signature=_signature,
    adopt=_adopt,
    precedence=MATRIX.precedence + 1,
)
