"""What NumPy's ufuncs do with routed operands where they are not routed: as with any subclass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._routed_operand import RoutedOperand

__all__ = ["as_a_subclass"]


class _Bare(np.ndarray[Any, Any]):
    """A subclass that overrides nothing: what NumPy does with it is what it does with any subclass."""

    __slots__ = ()


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
