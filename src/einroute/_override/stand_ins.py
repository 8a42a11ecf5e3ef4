"""What is put in the place of NumPy's and SciPy's functions.

Not einroute's functions themselves, for two reasons.

* A name outlives the override under which it was taken: a module that is imported meanwhile keeps what
  ``from numpy import einsum`` gave it, and other tools that replace functions put back what they found. So
  what they have calls einroute while an override is in force, and NumPy's own function at all other times.
* Libraries look NumPy's functions up in tables that they made when they were imported, be that inside or
  outside an override, and NumPy passes its own function to ``__array_function__``. So what stands for a
  function is equal to it, and hashes as it does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any, Self

import numpy as np

__all__ = ["StandIn", "UfuncStandIn", "stand_in"]

_Function = Callable[..., Any]


class StandIn(partial[Any]):
    """A function of NumPy's or SciPy's that is routed while an override of it is in force.

    Attributes are the original's.  `functools.partial` is the base because it calls without a Python frame.
    """

    def __new__(cls, name: str, original: _Function, ours: _Function) -> Self:
        self = super().__new__(cls, original)
        self.__dict__.update(_name=name, _original=original, _ours=ours)
        self.__dict__.update(__doc__=original.__doc__, __module__=getattr(original, "__module__", "numpy"))
        return self

    def route(self, on: bool) -> None:
        """Call our function from now on, or else the original."""
        own = self.__dict__
        self.__setstate__((own["_ours"] if on else own["_original"], (), {}, own))

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_original"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_original"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__dict__["_original"], name)

    def __eq__(self, other: object) -> bool:
        return other is self or other is self.__dict__["_original"]

    def __hash__(self) -> int:
        return hash(self.__dict__["_original"])

    @property
    def __signature__(self) -> inspect.Signature:
        """The original's, which NumPy's compiled functions have to show from 2.4 on only."""
        own = self.__dict__
        try:
            return inspect.signature(own["_original"])
        except ValueError:
            return inspect.signature(own["_ours"])

    def __repr__(self) -> str:
        own = self.__dict__
        doing = "routed" if self.func is own["_ours"] else "not routed now"
        return f"<einroute in the place of {own['_name']}, {doing}>"

    def __reduce__(self) -> Any:
        """By name: what stands at it where it is unpickled."""
        from pkgutil import resolve_name  # noqa: PLC0415 - 5 ms, and only those who pickle it need it

        place, _, name = self.__dict__["_name"].rpartition(".")
        return resolve_name, (f"{place}:{name}",)

    def __copy__(self) -> StandIn:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> StandIn:
        return self


class UfuncStandIn(StandIn):
    """One of a ufunc: it says that it is one, has all of its attributes, and does not bind as a method."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return np.ufunc

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self


def stand_in(name: str, original: _Function, ours: _Function) -> StandIn:
    """What stands for a function; it is not routed yet."""
    return (UfuncStandIn if isinstance(original, np.ufunc) else StandIn)(name, original, ours)
