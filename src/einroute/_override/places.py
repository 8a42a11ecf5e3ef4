"""The functions that can be overridden, and what users call them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .._base import numpy_functions as numpys
from .._base.errors import shown, suggest
from .._base.records import dataclass
from .._base.stand_in import StandIn, stand_in

__all__ = ["FUNCTIONS", "PLACES", "Function", "chosen"]

_FLAT = (
    "einsum", "einsum_path", "tensordot", "dot", "matmul", "inner", "vdot", "outer",
    "vecdot", "matvec", "vecmat",
)  # fmt: skip
_LINALG = (
    "lstsq", "solve", "inv", "pinv", "multi_dot", "matrix_power", "tensordot", "matmul", "outer", "vecdot",
)  # fmt: skip
_SCIPY_LINALG = ("lstsq", "solve", "inv", "pinv")


@dataclass(frozen=True, slots=True, eq=False)  # compared by identity, which is faster
class Function:
    """A function that can be overridden; each exists once, in `FUNCTIONS`.

    Attributes
    ----------
    place, name : str
        The public module that it stands in, and its name there.
    """

    place: str
    name: str

    def __str__(self) -> str:
        return f"{self.place}.{self.name}"

    def ours(self) -> Callable[..., Any]:
        """Our function. Imports it, and with that, for SciPy's functions, SciPy."""
        own = "einroute._api.scipy_linalg" if self.place == "scipy.linalg" else None
        house = importlib.import_module(own or self.place.replace("numpy", "einroute"))
        found: Callable[..., Any] = getattr(house, self.name)
        return found

    @property
    def is_ufunc(self) -> bool:
        """Whether it is a ufunc, which is overridden only where it is named.

        Operators pass NumPy's own ufunc to ``__array_ufunc__``, and what is written there asks
        ``ufunc is np.matmul``: no other object may stand there unless a user wants it.
        """
        return self.place == "numpy" and isinstance(getattr(numpys, f"numpy_{self.name}"), np.ufunc)

    def stand_in(self) -> StandIn:
        """A stand-in for it. Imports ours."""
        ours = self.ours()
        mirror = importlib.import_module("einroute._api.functions").routed(ours)
        return stand_in(str(self), mirror.original, ours)


_BY_PLACE = {"numpy": _FLAT, "numpy.linalg": _LINALG, "scipy.linalg": _SCIPY_LINALG}
PLACES = tuple(_BY_PLACE)
FUNCTIONS = tuple(Function(place, name) for place, names in _BY_PLACE.items() for name in names)
_UNNAMED = tuple(function for function in FUNCTIONS if not function.is_ufunc)


def _spelled(function: Function) -> Iterator[str]:
    """What a user may call it: by its name alone, or by where it stands."""
    yield function.name
    yield str(function)
    if function.place.startswith("numpy"):
        yield str(function).replace("numpy", "np")
    if function.place == "numpy.linalg":
        yield f"linalg.{function.name}"


_NAMES: dict[str, tuple[Function, ...]] = {}
for _function in FUNCTIONS:
    for _name in _spelled(_function):
        _NAMES[_name] = (*_NAMES.get(_name, ()), _function)
del _function, _name


def chosen(names: Iterable[str]) -> tuple[Function, ...]:
    """The functions that are meant; where none is named, all of them that are no ufuncs.

    Raises
    ------
    ValueError
        A name of no function that can be overridden.
    TypeError
        What is no string.
    """
    found: dict[Function, None] = {}
    for name in names:
        if not isinstance(name, str):
            decorated = ", with parentheses: @override()" if callable(name) else ""
            raise TypeError(
                f"override takes names of functions, as in override('einsum'), not {shown(name)}; "
                f"call it without any to override all{decorated}"
            )
        if name not in _NAMES:
            known = suggest(name, _NAMES, map(str, FUNCTIONS))
            raise ValueError(f"name {shown(name)} is none of the functions that can be replaced; {known}")
        found.update(dict.fromkeys(_NAMES[name]))
    return tuple(found) or _UNNAMED
