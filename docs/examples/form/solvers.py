"""toyarray's own solve, in the place of `einroute.linalg.solve` where an operand is a toy array."""

from __future__ import annotations

from typing import Any

import toyarray

from ..._base.cost import Cost
from ..._base.solvers import Solving, Told


def solve(given: Solving, a: Any, b: Any) -> toyarray.Array:
    """The solution of ``a @ x = b``, of which NumPy's arrays join toyarray's."""
    given.check("toyarray.solve", "a toy array")
    return toyarray.solve(toyarray.asarray(a), toyarray.asarray(b))


def explain_solve(_given: Solving, a: Any, _b: Any) -> Told:
    """What `solve` would do."""
    n = a.shape[-1]
    return Told("toyarray.solve", "not asked", "toyarray's own", Cost(n**3 / 3, 8.0 * n * n, 1))
