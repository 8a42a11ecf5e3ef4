"""Which function is asked about."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._frontend import einsum, tensordot
from .._linalg_products import linalg_tensordot
from .._override.stand_ins import StandIn
from .._routed_operand import any_routed
from .contractions import explain_einsum, explain_tensordot
from .explanation import Explanation
from .factors import explain_factored, is_factored
from .functions import ROUTED, routed
from .products import PRODUCTS, explain_product

__all__ = ["explain_function"]


def explain_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Explanation:
    """What ``function(*args, **kwargs)`` would do.

    Raises
    ------
    TypeError
        A function that is not routed.
    ValueError
        A call that the function would refuse.
    """
    if isinstance(function, StandIn):
        function = function.func
    if routed(function) is None:
        name = getattr(function, "__name__", type(function).__name__)
        known = ", ".join(names.name for names in ROUTED.values())
        raise TypeError(
            f"function is {name!r}, expected subscripts or one of einroute's own functions: {known}, "
            f"or one of einroute.scipy.linalg's"
        )
    args = tuple(_plain(x) for x in args)
    kwargs = {name: _plain(x) for name, x in kwargs.items()}
    if is_factored(function):
        return explain_factored(function, args, kwargs)
    if function in PRODUCTS:
        return explain_product(function, args, kwargs)
    if function in {tensordot, linalg_tensordot}:
        return explain_tensordot(function, args, kwargs)
    assert function is einsum
    return explain_einsum(args, kwargs)


def _plain(x: Any) -> Any:
    """An operand made by `routed` as the array that it is a view of, and those in a list likewise."""
    if type(x) in {list, tuple}:
        return type(x)(_plain(item) for item in x) if any_routed(x) else x
    return x.view(np.ndarray) if any_routed((x,)) else x
