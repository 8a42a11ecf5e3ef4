"""Products that are NumPy's own function's to answer for want of a way of ours.

That is told to who records the call, and refused where the configuration is strict.  A product of floats is
no such case: NumPy's own function is the right one for it, whatever the options and the operands' class.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._base.linalg import is_foreign
from .._base.routed_operand import RoutedOperand
from .._base.watch import CALL_TRACE, tell_fallback
from .._config.state import check_strict, current
from .._kinds.registry import kind_of
from .operands import KINDS, unclaimed

__all__ = ["check_fallback", "fallback_reason", "leave_to_others"]

#: Kinds of dtypes for whose products NumPy has BLAS, and those for which it has loops and we have BLAS.
_FLOATS, _INTEGERS = "fc", "iub"


def fallback_reason(operands: Iterable[Any], options: Iterable[str] = ()) -> str:
    """What we have no way for in a product; empty where NumPy's own function is the right one.

    Parameters
    ----------
    operands : iterable of object
        None counts for nothing.
    options : iterable of str
        Names of the options that were given, ``out`` among them.
    """
    integers = True
    for i, x in enumerate(operands):
        if type(x) is np.ndarray and x.dtype.kind in _FLOATS:
            integers = False
            continue
        if x is None:
            continue
        if kind_of(x) is None:
            return unclaimed(i, x).reason
        if not isinstance(x, np.ndarray):
            integers = False
            continue
        if x.dtype.kind not in KINDS:
            return f"operand {i} is of dtype {x.dtype}, which only NumPy's own loops know"
        if x.dtype.kind not in _INTEGERS:
            integers = False
        elif type(x) is not np.ndarray and not isinstance(x, (np.memmap, RoutedOperand)):
            return f"operand {i} is of type {type(x).__name__}, a class that NumPy's own function keeps"
    named = ", ".join(sorted(f"{name}=" for name in options))
    return f"integers with {named}, which only NumPy's own loops take" if integers and named else ""


def check_fallback(function: str, operands: Iterable[Any], options: Iterable[str] = ()) -> None:
    """Tell of what we have no way for; refuse it where the configuration is strict.

    Raises
    ------
    NoRoute
    """
    state = current()
    if not state.config.strict and CALL_TRACE.get() is None:
        return  # nobody listens here, nor is strict
    reason = fallback_reason(operands, options)
    if reason:
        tell_fallback(reason)
        check_strict(state, function, reason)


def foreign_reason(operands: Iterable[Any]) -> str:
    """Why NumPy's own function is asked for operands of which one `is_foreign`; empty where none is."""
    for i, x in enumerate(operands):
        if is_foreign(x):
            return f"operand {i} is of type {type(x).__name__}, whose __array_function__ is to answer"
    return ""


def leave_to_others(function: str, *operands: Any) -> None:
    """Tell of operands that `is_foreign`; refuse them where the configuration is strict.

    Raises
    ------
    einroute.NoRoute
    """
    reason = foreign_reason(operands)
    if reason:
        tell_fallback(reason)
        check_strict(current(), function, reason)
