"""What NumPy's ufuncs do with routed operands where they are not routed: as with any subclass."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .._base.routed_operand import RoutedOperand

__all__ = ["as_a_subclass", "wrap", "wraps"]


class _Bare(np.ndarray[Any, Any]):
    """A subclass that overrides nothing: what NumPy does with it is what it does with any subclass."""

    __slots__ = ()


class _Wrapping(_Bare):
    """That operand whose class results get, where it has an ``__array_wrap__`` of its own.

    NumPy asks us with what it would have asked it, and we hand that on.
    """

    __array_priority__ = 1.0  # before any `_Bare`
    origin: RoutedOperand
    given: dict[int, Any]

    @classmethod
    def of(cls, x: RoutedOperand, given: dict[int, Any]) -> _Wrapping:
        """The operand ``x``, among others that stand in ``given`` by the ids of what stands for them."""
        made = x.view(cls)
        made.origin, made.given = x, given
        return made

    def __array_finalize__(self, obj: Any) -> None:
        if isinstance(obj, _Wrapping):  # a view that NumPy takes, of another shape
            self.origin, self.given = obj.origin, obj.given

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        if context is not None:
            ufunc, args, index = context
            context = ufunc, tuple(self._original(x) for x in args), index
        return wrap(self.origin, array.view(np.ndarray), context, return_scalar)

    def _original(self, x: Any) -> Any:
        own = self.given.get(id(x), x)
        return own.view(type(self.origin)) if isinstance(own, _Wrapping) else own


def wraps(x: RoutedOperand) -> bool:
    """Whether an operand's class has an ``__array_wrap__`` of its own."""
    return type(x).__array_wrap__ is not np.ndarray.__array_wrap__


def wrap(first: RoutedOperand, array: Any, context: Any, return_scalar: bool) -> Any:
    """What an operand's ``__array_wrap__`` makes of a ufunc's result; before NumPy 2 it took less."""
    own: Any = first.__array_wrap__
    for given in ((array, context, return_scalar), (array, context)):
        try:
            inspect.signature(own).bind(*given)
        except TypeError:
            continue
        return own(*given)
    return own(array)


def as_a_subclass(
    first: RoutedOperand, ufunc: Callable[..., Any], inputs: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Call a ufunc, or a method of one, as if the routed class overrode nothing.

    Parameters
    ----------
    first : RoutedOperand
        Whose class results get.
    ufunc : callable
    inputs, kwargs
        What `__array_ufunc__` was given.

    Returns
    -------
    object
        An ``out`` is returned as it was given.
    """
    bare = [_bare(x) for x in inputs]
    if wraps(first):
        originals: dict[int, Any] = {}
        bare = [_Wrapping.of(x, originals) if x is first else b for x, b in zip(inputs, bare, strict=True)]
        originals.update(zip(map(id, bare), inputs, strict=True))
    outs: tuple[Any, ...] = kwargs.get("out", ())
    if outs:
        kwargs["out"] = tuple([_bare(x) for x in outs])
    if isinstance(kwargs.get("where"), RoutedOperand):
        kwargs["where"] = np.asarray(kwargs["where"])
    result = ufunc(*bare, **kwargs)
    if type(result) is tuple:
        given = outs or (None,) * len(result)
        return tuple([_back(x, first, out) for x, out in zip(result, given, strict=True)])
    return _back(result, first, outs[0] if outs else None)


def _bare(x: Any) -> Any:
    return x.view(_Bare) if isinstance(x, RoutedOperand) else x


def _back(result: Any, first: RoutedOperand, out: Any) -> Any:
    """A result as one of the routed class, or the ``out`` that it is."""
    if out is not None:
        return out
    return first.__array_wrap__(result.view(np.ndarray)) if type(result) is _Bare else result
