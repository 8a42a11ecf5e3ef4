"""What a kind's own solvers are told beside their operands, and what they tell of a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .cost import Cost
from .records import dataclass
from .routes import NoRoute, Policy

__all__ = ["Solving", "Told"]


@dataclass(frozen=True, slots=True)
class Solving:
    """A call of lstsq, solve, inv, pinv or factorize with an operand whose kind has solvers.

    Attributes
    ----------
    function : str
        Its name.
    on_arrays : callable
        einroute's own function of that name, for arrays.
    policy : Policy
        Which routes may be taken.
    reproducible : bool
    memory_limit : int or None
        Bytes of intermediates.
    threads : int
    """

    function: str
    on_arrays: Callable[..., Any]
    policy: Policy
    reproducible: bool
    memory_limit: int | None
    threads: int

    def check(self, route: str, operand: str) -> None:
        """Refuse a route that the configuration forbids, where there is no other.

        Raises
        ------
        NoRoute
        """
        if self.policy.forbids(route):
            raise NoRoute(f"no allowed route for {operand}: {route} is forbidden by config(allow=, forbid=)")


@dataclass(frozen=True, slots=True)
class Told:
    """What a solver would do, for `explain`.

    Attributes
    ----------
    route : str
    cache : str
        "hit", "miss", or why no cache is asked.
    method : str
    cost : Cost
    """

    route: str
    cache: str
    method: str
    cost: Cost
