"""`explain`: decisions as text, table, HTML and picture, from the same code that takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .explanation import Explanation

__all__ = ["explain"]


def explain(
    subscripts_or_function: str | Callable[..., Any], /, *args: Any, verbose: bool = False, **kwargs: Any
) -> Explanation:
    """What a call would do: the routes, what they cost, what was refused and why.

    Parameters
    ----------
    subscripts_or_function : str or function
        Subscripts mean `einsum`; else one of einroute's routed functions or its name, as in
        ``explain(er.lstsq, a, b)`` or ``explain("linalg.solve", a, b)``. A name that is also subscripts of
        the operands given, as ``"dot"`` is of one with three axes, means subscripts. An expression that
        `contract_expression` made is asked about as a function, also without operands.
    *args, **kwargs
        The call's arguments. Any object with ``shape`` and ``dtype`` can stand for an operand.
    verbose : bool, optional
        Show also what each step reads and does, every other route, and why each was refused.

    Returns
    -------
    Explanation
        A prompt shows it as text, a notebook as HTML. `routes` holds the names of the routes, `show` prints a
        table, `svg` and `picture` draw the steps, and `to_dict` is for programs.

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
    >>> er.explain("ij,jk->ik", a, b)
    einsum ij,jk->ik
      float64, order K, 24 M products; sizes i=200 j=300 k=400
      step 1: ij,jk->ik by dense.matmul, about ...: GEMM 200x300 by 300x400, no copies
          (numpy.einsum ...)
      about ...
    >>> er.explain("ij,jk->ik", a, b).routes
    ('dense.matmul',)
    >>> er.explain(er.linalg.solve, np.eye(50), np.ones(50)).cache
    'miss, never seen'
    """
    from .dispatch import explain_call  # here, since most programs never ask

    return explain_call(subscripts_or_function, args, kwargs, verbose)
