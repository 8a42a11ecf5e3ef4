"""`explain`: decisions as text, table, HTML and picture, from the same code that takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .explanation import Explanation

__all__ = ["explain"]


def explain(subscripts_or_function: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> Explanation:
    """What a call would do: the routes, what they cost, what was refused and why.

    Parameters
    ----------
    subscripts_or_function : str or function
        Subscripts mean `einsum`; else one of einroute's routed functions, as in ``explain(er.lstsq, a, b)``.
    *args, **kwargs
        The call's arguments. Any object with ``shape`` and ``dtype`` can stand for an operand.

    Returns
    -------
    Explanation
        Prints as text; in a notebook it shows itself as HTML. `routes` holds the names of the routes, `show`
        prints a table, `svg` and `picture` draw the steps, and `to_dict` is for programs.

    Raises
    ------
    TypeError
        A function that is not routed.
    ValueError
        A call that the function would refuse.
    NoRoute
        A call for which the configuration leaves no way.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> a = np.ones((200, 300)); b = np.ones((300, 400))
    >>> er.explain("ij,jk->ik", a, b).routes
    ('dense.matmul',)
    >>> er.explain(er.linalg.solve, np.eye(50), np.ones(50)).cache
    'miss, never seen'
    """
    from .._api.einsum import einsum
    from .dispatch import explain_function  # here, since most programs never ask

    if isinstance(subscripts_or_function, str):
        return explain_function(einsum, (subscripts_or_function, *args), kwargs)
    return explain_function(subscripts_or_function, args, kwargs)
