"""Where libraries keep functions that they looked up in NumPy, to find them faster at the next call.

opt_einsum, autoray and dask look functions up by the operands' library or class, once, and keep them in
dictionaries. To put a stand-in into such a dictionary is as sound as to put it into ``numpy`` itself: it
holds whatever stood there when it was asked first. So an override reaches them, where they are loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from .._base.records import dataclass

__all__ = ["CLIENTS", "Client", "caches"]

_Dicts = Iterator[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Client:
    """A library that keeps NumPy's functions.

    Attributes
    ----------
    name : str
        Of its distribution.
    reached : str
        What an override does about them.
    """

    name: str
    reached: str


def _opt_einsum(module: Any) -> _Dicts:
    yield "_cached_funcs", module._cached_funcs


def _autoray(module: Any) -> _Dicts:
    yield "_FUNCS", module._FUNCS
    namespaces = [(f"get_namespace{key}", xp) for key, xp in getattr(module, "_NAMESPACE_CACHE", {}).items()]
    for name, namespace in namespaces:  # longer as it is gone through
        yield name, vars(namespace)
        nested = [(f"{name}.{at}", x) for at, x in vars(namespace).items() if type(x) is type(namespace)]
        namespaces += nested


def _dask(module: Any) -> _Dicts:
    for name in ("einsum_lookup", "tensordot_lookup"):
        yield name, getattr(module, name)._lookup


CLIENTS = (
    Client("opt_einsum", "its backends' functions are replaced"),
    Client("xarray", "xarray.dot goes through opt_einsum where that is installed, and is reached with it"),
    Client("autoray", "functions that it and its namespaces have looked up are replaced"),
    Client(
        "cotengra",
        "multiplies NumPy's arrays by np.matmul, which is replaced only where it is named: "
        "override('matmul'); or contract with implementation='autoray'",
    ),
    Client(
        "dask",
        "einsum and tensordot of chunks are replaced; graphs that were built before, and chunks in other "
        "processes, are not reached",
    ),
)
_KEEPERS: dict[str, Callable[[Any], _Dicts]] = {
    "opt_einsum.backends.dispatch": _opt_einsum,
    "autoray.autoray": _autoray,
    "dask.array.dispatch": _dask,
}


def caches() -> Iterator[tuple[str, dict[Any, Any]]]:
    """The dictionaries of those libraries that are loaded, each with its full name."""
    for name, dictionaries in _KEEPERS.items():
        module = sys.modules.get(name)
        if module is None:
            continue
        try:
            kept = [*dictionaries(module)]
        except (AttributeError, TypeError, RuntimeError):
            continue  # a version that keeps them elsewhere, or a module that is being loaded
        yield from ((f"{name}.{own}", names) for own, names in kept if type(names) is dict)
