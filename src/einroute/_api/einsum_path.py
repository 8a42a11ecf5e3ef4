"""einsum_path with NumPy's signature and answer."""

from __future__ import annotations

from typing import Any

from .._base.numpy_functions import numpy_einsum_path
from .._base.watch import WATCH, to_observe
from .._call.observe import observe
from .._kinds.registry import any_other, other_kind, shape_alone

__all__ = ["einsum_path"]


def einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> Any:
    """The contraction order that NumPy would take: `numpy.einsum_path`, unchanged.

    NumPy's report and private tuples are relied on by others, so they are NumPy's. What `einsum` does here
    is shown by `explain`. Of sparse and structured operands the shapes alone count, as if they were dense.

    Parameters
    ----------
    subscripts : str
    *operands : array_like
    optimize : bool, list, tuple, "greedy" or "optimal", optional
    einsum_call : bool, optional
        NumPy's private form of the answer.

    Returns
    -------
    path : list of tuples
    report : str

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> er.einsum_path("ij,jk,kl->il", np.ones((2, 2)), np.ones((2, 5)), np.ones((5, 2)))[0]
    ['einsum_path', (1, 2), (0, 1)]
    """
    if WATCH.on and to_observe():
        given = {} if optimize == "greedy" else {"optimize": optimize}
        return observe(einsum_path, operands, given | ({"einsum_call": True} if einsum_call else {}))
    if any_other(operands):
        if einsum_call:
            raise TypeError("einsum_call=True hands operands on to NumPy's loops, which take no sparse ones")
        operands = tuple(x if other_kind(x) is None else shape_alone(x) for x in operands)
    return numpy_einsum_path(*operands, optimize=optimize, einsum_call=einsum_call)
