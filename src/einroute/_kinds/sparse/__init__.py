"""Steps with sparse operands, whichever library those are of: they meet as `Entries`.

A sparse operand reaches a runner as `Entries`, a dense one as an array of any dtype that the step's casts to.
"""

from __future__ import annotations

from ..._route import Route
from . import gather, join, matmul, multiply, reduce, spgemm, tiles

NAME = "sparse"

ROUTES: tuple[Route, ...] = (
    reduce.ROUTE,
    tiles.ROUTE,
    matmul.ROUTE,
    gather.ROUTE,
    multiply.ROUTE,
    spgemm.ROUTE,
    join.ROUTE,
)
