"""The routed functions: what they are called wherever a call is shown, and whose functions they mirror."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from .._base import numpy_functions as numpys
from .._base.graphs import FUNCTIONS
from .._base.records import dataclass
from .._base.stand_in import StandIn, stand_in
from .._call.opt_einsums import own
from .contract import contract
from .einsum import einsum, tensordot
from .einsum_path import einsum_path
from .linalg_products import linalg_matmul, linalg_outer, linalg_tensordot, linalg_vecdot
from .lstsq import lstsq, pinv
from .matrix_power import matrix_power
from .products import dot, inner, multi_dot, outer, vdot
from .solve import inv, solve
from .ufuncs import matmul, matvec, vecdot, vecmat

__all__ = ["OURS", "ROUTED", "Mirror", "equal_to_numpys", "is_scipys", "ours", "routed"]


@dataclass(frozen=True, slots=True)
class Mirror:
    """What a routed function mirrors.

    Attributes
    ----------
    name : str
        As a user of `einroute` writes it.
    original : callable
        NumPy's or SciPy's own function.
    own : str
        That function's full name, as the route of a call that is left to it.
    """

    name: str
    original: Callable[..., Any]
    own: str


_OF_NUMPY: dict[Any, tuple[str, Callable[..., Any]]] = {
    einsum: ("einsum", numpys.numpy_einsum),
    einsum_path: ("einsum_path", numpys.numpy_einsum_path),
    tensordot: ("tensordot", numpys.numpy_tensordot),
    dot: ("dot", numpys.numpy_dot),
    matmul: ("matmul", numpys.numpy_matmul),
    inner: ("inner", numpys.numpy_inner),
    vdot: ("vdot", numpys.numpy_vdot),
    outer: ("outer", numpys.numpy_outer),
    vecdot: ("vecdot", numpys.numpy_vecdot),
    matvec: ("matvec", numpys.numpy_matvec),
    vecmat: ("vecmat", numpys.numpy_vecmat),
    linalg_tensordot: ("linalg.tensordot", numpys.numpy_linalg_tensordot),
    linalg_matmul: ("linalg.matmul", numpys.numpy_linalg_matmul),
    linalg_outer: ("linalg.outer", numpys.numpy_linalg_outer),
    linalg_vecdot: ("linalg.vecdot", numpys.numpy_linalg_vecdot),
    matrix_power: ("linalg.matrix_power", numpys.numpy_matrix_power),
    multi_dot: ("linalg.multi_dot", numpys.numpy_multi_dot),
    lstsq: ("lstsq", numpys.numpy_lstsq),
    solve: ("linalg.solve", numpys.numpy_solve),
    inv: ("linalg.inv", numpys.numpy_inv),
    pinv: ("linalg.pinv", numpys.numpy_pinv),
}


def opt_einsums_contract(*args: Any, **kwargs: Any) -> Any:
    """opt_einsum's own ``contract``, loaded when it is called."""
    return own("contract")(*args, **kwargs)


#: Functions of ``numpy.linalg`` that einroute has without that prefix.
_OF_LINALG = {"lstsq"}
#: Every function but those of `einroute.scipy`, which are there when that is loaded.
ROUTED: dict[Any, Mirror] = {
    function: Mirror(name, original, f"numpy.linalg.{name}" if name in _OF_LINALG else f"numpy.{name}")
    for function, (name, original) in _OF_NUMPY.items()
}
ROUTED[contract] = Mirror("contract", opt_einsums_contract, "opt_einsum.contract")
#: Ours for each of NumPy's.
OURS: dict[Callable[..., Any], Callable[..., Any]] = {
    mirror.original: function for function, mirror in ROUTED.items()
}


def is_scipys(function: Any) -> bool:
    """Whether a function is one of `einroute.scipy.linalg`'s."""
    return getattr(function, "__module__", "") == "einroute.scipy.linalg"


def routed(function: Any) -> Mirror | None:
    """What a function of ours mirrors; None if it is none of ours."""
    if is_scipys(function):
        name = function.__name__
        original = getattr(importlib.import_module("einroute._api.scipy_linalg"), f"scipy_{name}")
        return Mirror(f"scipy.linalg.{name}", original, f"scipy.linalg.{name}")
    try:
        return ROUTED.get(function)
    except TypeError:  # not hashable
        return None


def ours(function: Any) -> Any:
    """Our function for one of NumPy's or SciPy's, or for what stands for it; any other as it is."""
    if isinstance(function, StandIn):
        function = function._original
    if str(getattr(function, "__module__", "")).startswith("scipy.linalg"):
        house = importlib.import_module("einroute._api.scipy_linalg")
        name = str(getattr(function, "__name__", ""))
        return getattr(house, name) if getattr(house, f"scipy_{name}", None) is function else function
    try:
        return OURS.get(function, function)
    except TypeError:  # not hashable
        return function


def equal_to_numpys(place: str) -> dict[str, StandIn]:
    """The routed functions of one of NumPy's namespaces, as its mirror has them: equal to NumPy's."""
    found = {}
    for function, mirror in ROUTED.items():
        home, _, name = mirror.own.rpartition(".")
        if home == place:
            found[name] = stand_in(mirror.own, mirror.original, function, home=f"einroute.{place}")
    return found


# Of linalg's functions the others' names stand for the same calls.
FUNCTIONS.update({mirror.name: function for function, mirror in ROUTED.items()})
