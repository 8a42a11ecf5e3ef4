"""The routed functions, and what they and NumPy's own are called wherever a call is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._frontend import einsum, tensordot
from .._least_squares import lstsq, pinv
from .._linalg_products import linalg_matmul, linalg_outer, linalg_tensordot, linalg_vecdot
from .._products import dot, inner, multi_dot, outer, vdot
from .._solve import inv, solve
from .._ufuncs import matmul, vecdot

__all__ = ["ROUTED", "Routed", "routed"]


@dataclass(frozen=True, slots=True)
class Routed:
    """A routed function.

    Attributes
    ----------
    name : str
        As a user of `einroute` writes it.
    own : str
        The library's own function, as the route of a call that is left to it.
    """

    name: str
    own: str


_NAMES: dict[Any, str] = {
    einsum: "einsum",
    tensordot: "tensordot",
    dot: "dot",
    matmul: "matmul",
    inner: "inner",
    vdot: "vdot",
    outer: "outer",
    vecdot: "vecdot",
    linalg_tensordot: "linalg.tensordot",
    linalg_matmul: "linalg.matmul",
    linalg_outer: "linalg.outer",
    linalg_vecdot: "linalg.vecdot",
    multi_dot: "linalg.multi_dot",
    lstsq: "lstsq",
    solve: "linalg.solve",
    inv: "linalg.inv",
    pinv: "linalg.pinv",
}
#: Functions of ``numpy.linalg`` that einroute has without that prefix.
_OF_LINALG = {"lstsq"}
#: Every function but those of `einroute.scipy`, which are there when that is loaded.
ROUTED: dict[Any, Routed] = {
    function: Routed(name, f"numpy.linalg.{name}" if name in _OF_LINALG else f"numpy.{name}")
    for function, name in _NAMES.items()
}


def is_scipys(function: Any) -> bool:
    """Whether a function is one of `einroute.scipy.linalg`'s."""
    return getattr(function, "__module__", "") == "einroute._scipy_linalg"


def routed(function: Any) -> Routed | None:
    """The names of a function; None if it is none of ours."""
    if is_scipys(function):
        return Routed(f"scipy.linalg.{function.__name__}", f"scipy.linalg.{function.__name__}")
    try:
        return ROUTED.get(function)
    except TypeError:  # not hashable
        return None
