"""What a call of linear algebra asks of the cache of factors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._factors.factorizations import Factorization
from .._factors.svd import SVDFactors

__all__ = ["Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """A call as `recall` would get it: its way, and why it would not get there at all."""

    way: Factorization
    a: Any
    columns: int
    refused: str
    rank: Callable[[SVDFactors], int | None] | None = None
