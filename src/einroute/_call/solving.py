"""Who answers lstsq, solve, inv and pinv where an operand's kind has solvers of its own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

from .._base.graphs import FUNCTIONS
from .._base.solvers import Solving
from .._config.state import current
from .._kinds.in_graph import in_graph
from .._kinds.registry import solving_kind

__all__ = ["explained", "named", "scipys_solver", "solver"]


def solver(function: Callable[..., Any], operands: tuple[Any, ...]) -> Callable[..., Any] | None:
    """What answers a call in place of einroute's function of arrays, which takes the same arguments.

    None where no operand is of a kind with solvers.

    Raises
    ------
    TypeError
        Such a kind has none for this function.
    """
    node = in_graph(operands)
    named = function.__name__ if function.__name__ in FUNCTIONS else f"linalg.{function.__name__}"
    if node is not None and named in FUNCTIONS:
        return partial(node, named)
    return _of_kind(function, operands, "")


def explained(function: Callable[..., Any], operands: tuple[Any, ...]) -> Callable[..., Any] | None:
    """What tells of such a call, as `Told`."""
    return _of_kind(function, operands, "explain_")


def scipys_solver(function: Callable[..., Any], operands: tuple[Any, ...]) -> Callable[..., Any] | None:
    """What answers a function of scipy.linalg's, which takes the same arguments.

    None where no operand is of a kind with solvers, or where that leaves them to SciPy.
    """
    return _of_kind(function, operands, "scipy_", refused=False)


def _of_kind(
    function: Callable[..., Any], operands: tuple[Any, ...], prefix: str, *, refused: bool = True
) -> Callable[..., Any] | None:
    kind = solving_kind(operands)
    if kind is None:
        return None
    name = function.__name__
    module = importlib.import_module(f"einroute.{kind.solvers}")
    found = getattr(module, prefix + name, None)
    if found is None and not refused and not kind.library:
        return None
    if found is None:  # also of SciPy's functions, which would copy a library's elements to the host
        asked = {"explain_": "explain of ", "scipy_": "scipy.linalg."}.get(prefix, "") + name
        mend = getattr(module, "MENDS", {}).get(name, "make an array of it, or ask its library")
        raise TypeError(f"{asked} takes no operand of kind {kind.name}; {mend}")
    state = current()
    given = Solving(
        name,
        function,
        state.policy,
        state.config.reproducible,
        state.config.memory_limit,
        state.config.threads,
    )
    return partial(found, given)


def named(operands: tuple[Any, ...]) -> str:
    """The classes of operands, for a message."""
    return " beside ".join(f"a {type(x).__name__}" for x in operands)
