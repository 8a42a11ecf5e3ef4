"""Which function is asked about."""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import replace
from typing import Any

import numpy as np

from .._api.contract import contract
from .._api.einsum import einsum, tensordot
from .._api.einsum_path import einsum_path
from .._api.functions import ROUTED, ours, routed
from .._api.linalg_products import linalg_tensordot
from .._base.errors import shown, suggest
from .._base.formatting import plural
from .._base.routed_operand import any_routed
from .._call.expressions import Expression
from .contractions import explain_einsum, explain_path, explain_tensordot
from .explanation import Explanation
from .factors import explain_factored, is_factored
from .networks import explain_contract, explain_expression
from .products import PRODUCTS, explain_product

__all__ = ["bound", "explain_call"]

#: The routed functions by the names that users write; those of ``linalg`` also without it where that is free.
_NAMES = {
    **{mirror.name.removeprefix("linalg."): function for function, mirror in ROUTED.items()},
    **{mirror.name: function for function, mirror in ROUTED.items()},
}


def explain_call(asked: Any, args: tuple[Any, ...], kwargs: dict[str, Any], verbose: bool) -> Explanation:
    """What the call of a function, of a function named, or of einsum by its subscripts would do."""
    function = _named(asked, args) if isinstance(asked, str) else asked
    if function is None:
        function, args = einsum, (asked, *args)
    return replace(explain_function(function, args, kwargs), verbose=verbose)


def _named(text: str, args: tuple[Any, ...]) -> Any:
    """The function of that name; None where the text is subscripts, also of operands such as these.

    Raises
    ------
    ValueError
        What is neither, and so most likely a name that was mistyped.
    """
    if len(args) == 1 and len(getattr(args[0], "shape", ())) == len(text):
        return None
    house, _, name = text.rpartition(".")
    if house == "scipy.linalg":
        found = getattr(importlib.import_module("einroute.scipy.linalg"), name, None)
    else:
        found = _NAMES.get(text)
    if found is None and _like_a_name(text, args):
        known = suggest(text, _NAMES, (mirror.name for mirror in ROUTED.values()))
        raise ValueError(
            f"{shown(text)} is neither subscripts for {plural(len(args), 'operand')} "
            f"nor the name of a routed function; {known}"
        )
    return found


def _like_a_name(text: str, args: tuple[Any, ...]) -> bool:
    """Whether a text can be no subscripts: it has a dot, or is one term for other than one operand."""
    if re.search(r"[^\w.]", text, re.ASCII) or "..." in text:
        return False
    return "." in text or (len(text) > 1 and len(args) != 1)


def explain_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Explanation:
    """What ``function(*args, **kwargs)`` would do, a routed function or one that such a function mirrors.

    Raises
    ------
    TypeError
        A function that is not routed, arguments that it does not take.
    ValueError
        A call that the function would refuse.
    """
    if isinstance(function, Expression):
        return explain_expression(function, tuple(_plain(x) for x in args), kwargs)
    function = ours(function)
    mirror = routed(function)
    if mirror is None:
        name = getattr(function, "__name__", "")
        came = repr(name) if name else f"of type {type(function).__name__}"
        known = ", ".join(mirror.name for mirror in ROUTED.values())
        raise TypeError(
            f"function is {came}, expected subscripts or one of the routed functions: {known}, "
            f"or one of einroute.scipy.linalg's"
        )
    args, kwargs = bound(mirror.name, function, args, kwargs)
    args = tuple(_plain(x) for x in args)
    kwargs = {name: _plain(x) for name, x in kwargs.items()}
    if is_factored(function):
        return explain_factored(function, args, kwargs)
    if function in PRODUCTS:
        return explain_product(function, args, kwargs)
    if function in {tensordot, linalg_tensordot}:
        return explain_tensordot(function, args, kwargs)
    if function is contract:
        return explain_contract(args, kwargs)
    if function is einsum_path:
        return explain_path(args)
    assert function is einsum
    return explain_einsum(args, kwargs)


def bound(
    name: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call, those by position that can be.

    Raises
    ------
    TypeError
        Arguments that the function does not take, or that are missing.
    """
    try:
        found = inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    return found.args, found.kwargs


def _plain(x: Any) -> Any:
    """An operand made by `routed` as the array that it is a view of, and those in a list likewise."""
    if type(x) in {list, tuple}:
        return type(x)(_plain(item) for item in x) if any_routed(x) else x
    return x.view(np.ndarray) if any_routed((x,)) else x
