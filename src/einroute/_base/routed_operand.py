"""How a call with routed operands is made: on the arrays that they view, its results of their class.

The front end asks here; the class itself, which needs the front end, is in `_routed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

__all__ = ["RoutedOperand", "any_routed", "of_class", "on_arrays", "step_aside"]

ndarray = np.ndarray  # a global is found faster than an attribute of a module


class RoutedOperand(np.ndarray[Any, Any]):
    """What operands made by `routed` are known by."""

    __slots__ = ()

    @classmethod
    def _has_own_say(cls) -> bool:
        """Whether the class, derived from ours, overrides NumPy's protocols."""
        raise NotImplementedError


def any_routed(operands: Iterable[Any]) -> bool:
    """Whether some operand was made by `routed`, and none has a say of its own."""
    found = False
    for x in operands:
        if isinstance(x, RoutedOperand):
            if x._has_own_say():
                return False
            found = True
    return found


def on_arrays(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    first: RoutedOperand | None = None,
) -> Any:
    """Call a function with plain views of its routed operands, and give array results their class.

    Parameters
    ----------
    function : callable
        Of whose positional arguments the third may be ``out``.
    args, kwargs
        Its arguments.
    first : RoutedOperand, optional
        Whose class, and whose ``__array_wrap__``, results get.  Default: the leftmost.

    Returns
    -------
    object
        Scalars stay scalars, sparse results sparse.  An ``out`` is returned as it was given.
    """
    plain = []
    for x in args:  # a comprehension would take 0.1 us longer
        plain.append(x.view(ndarray) if isinstance(x, RoutedOperand) else x)
    if kwargs:
        named = kwargs
        for name, x in kwargs.items():
            if isinstance(x, RoutedOperand):
                named = named | {name: x.view(ndarray)}
        result = function(*plain, **named)
        out = kwargs.get("out")
        if not kwargs.get("subok", True) and out is None:
            return result  # a ufunc's option: no class
    else:
        result = function(*plain)
        out = args[2] if len(args) == 3 and result is plain[2] else None
    if out is not None:
        return out
    return of_class(result, _leftmost((*args, *kwargs.values())) if first is None else first)


def _leftmost(operands: Iterable[Any]) -> RoutedOperand:
    return next(x for x in operands if isinstance(x, RoutedOperand))


def of_class(result: Any, first: RoutedOperand) -> Any:
    """An array result, also within a tuple, as one of an operand's class; what is no array as it is."""
    cls = type(result)
    if cls is ndarray:
        return first.__array_wrap__(result)
    if issubclass(cls, tuple):
        parts = [of_class(x, first) for x in result]
        return tuple(parts) if cls is tuple else cls(*parts)
    return result


def step_aside(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call a function with plain views of its routed operands, for other operands with a say of their own.

    They need not know our class, and many would refuse it: to NumPy's rules for subclasses two that override
    its protocols are strangers.

    Returns
    -------
    object
        Their result; NotImplemented where no operand is one of ours, or only classes that have their own say.
    """
    views: list[tuple[Any, RoutedOperand]] = []

    def plain(value: Any) -> Any:
        if isinstance(value, RoutedOperand) and not value._has_own_say():
            views.append((value.view(ndarray), value))
            return views[-1][0]
        if type(value) in (list, tuple):
            return type(value)([plain(x) for x in value])
        return value

    args, kwargs = [plain(x) for x in args], {name: plain(x) for name, x in kwargs.items()}
    if not views:
        return NotImplemented
    result = function(*args, **kwargs)
    for view, x in views:
        if result is view:  # as ``out``
            return x
    return result
