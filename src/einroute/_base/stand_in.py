"""Callables that stand for NumPy's and SciPy's functions, and are equal to them.

`override` puts them in the place of the functions, and `einroute.numpy` has them under NumPy's names. Not
einroute's functions themselves, for three reasons.

* Libraries look NumPy's functions up in tables, and NumPy passes its own function to ``__array_function__``
  and ``__array_ufunc__``. So what stands for a function is equal to it, and hashes as it does; a plain
  Python function cannot.
* numba looks globals up by weak references where it can take one, and by themselves where it cannot. So a
  stand-in can be weakly referenced if and only if its original can; then numba finds it as the original.
* A name outlives the override under which it was taken. So a stand-in calls einroute while it is routed, and
  the original at all other times.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

import numpy as np

__all__ = ["StandIn", "stand_in"]

_Function = Callable[..., Any]


class StandIn:
    """Stands for a function of NumPy's or SciPy's, and has its attributes.

    ``__call__`` is a slot of the instance: what is in it is called without a Python frame in between.
    """

    __slots__ = ("__call__", "__wrapped__", "_found_at", "_name", "_original", "_ours")

    __call__: _Function
    __wrapped__: _Function
    _found_at: str
    _name: str
    _original: _Function
    _ours: _Function

    def route(self, on: bool) -> None:
        """Call our function from now on, or else the original."""
        object.__setattr__(self, "__call__", self._ours if on else self._original)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._original, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._original, name)

    def __eq__(self, other: object) -> bool:
        own = other._original if issubclass(type(other), StandIn) else other  # type: ignore[attr-defined]
        return True if own is self._original else NotImplemented

    def __hash__(self) -> int:
        return hash(self._original)

    @property
    def __signature__(self) -> inspect.Signature:
        """The original's, which NumPy's compiled functions have to show from 2.4 on only."""
        try:
            return inspect.signature(self._original)
        except ValueError:
            return inspect.signature(getattr(self._ours, "__self__", self._ours))

    def __repr__(self) -> str:
        doing = "not routed now" if self.__call__ is self._original else "routed"
        return f"<einroute in the place of {self._name}, {doing}>"

    def __reduce__(self) -> Any:
        """By name: what stands at it where it is unpickled."""
        from pkgutil import resolve_name  # noqa: PLC0415 - 5 ms, and only those who pickle it need it

        return resolve_name, (self._found_at,)

    def __copy__(self) -> StandIn:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> StandIn:
        return self


class _OfFunction(StandIn):
    """One of a function: it binds as a method."""

    __slots__ = ()

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)


class _OfUfunc(StandIn):
    """One of a ufunc: it says that it is one, and does not bind."""

    __slots__ = ()

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return np.ufunc


def stand_in(name: str, original: _Function, ours: _Function, home: str | None = None) -> StandIn:
    """What stands for a function.

    Parameters
    ----------
    name : str
        The function's full name.
    original, ours : callable
    home : str, optional
        The module of ours that has it for good, under the function's name: then it is routed, and its
        documentation is ours. Else it stands in the function's own place; it is not routed yet, and has the
        original's documentation.
    """
    place, _, last = name.rpartition(".")
    # A class of its own: there stands what its instance shows as ``__module__``. The documentation is the
    # instance's, since what is the class's is not shown by help().
    body = {
        "__slots__": ("__doc__", "__weakref__") if _weakly_referenced(original) else ("__doc__",),
        "__module__": home or getattr(original, "__module__", None) or place,
    }
    base = _OfUfunc if isinstance(original, np.ufunc) else _OfFunction
    made: StandIn = object.__new__(type("StandIn", (base,), body))
    call = type(ours).__call__  # of an object of Python's: called without being looked up
    values = {
        "_name": name,
        "_found_at": f"{home or place}:{last}",
        "_original": original,
        "_ours": MethodType(call, ours) if isinstance(call, FunctionType) else ours,
        "__doc__": (ours if home else original).__doc__,
    }
    if home:
        values["__wrapped__"] = ours
    for slot, value in values.items():
        object.__setattr__(made, slot, value)
    made.route(home is not None)
    return made


def _weakly_referenced(x: Any) -> bool:
    """Whether a weak reference to an object can be taken."""
    try:
        weakref.ref(x)
    except TypeError:
        return False
    return True
