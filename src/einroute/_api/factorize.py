"""Factors that the caller holds, of a matrix of any kind."""

from __future__ import annotations

from typing import Any

from .._call.solving import solver
from .._factors.factorized import Factorized

__all__ = ["factorize"]


def factorize(a: Any) -> Factorized:
    """Factor a matrix once, for any number of right-hand sides.

    Parameters
    ----------
    a : (M, N) array_like or sparse, or Factorized
        Real or complex and finite; copied. A `Factorized` is returned as it is.

    Returns
    -------
    Factorized
        With ``.lstsq(b)``, ``.solve(b)``, ``.inv()``, ``.pinv()``, ``.rank``, ``.s`` and ``.cond``.

    Raises
    ------
    numpy.linalg.LinAlgError
        `a` is not 2-D, or holds nan or infinity.
    TypeError
        float16 or long double.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> f = er.factorize(np.array([[1, 2], [3, 5]]))
    >>> f.solve(np.array([1, 2]))
    array([-1.,  1.])
    >>> er.lstsq(f, np.array([1, 2]))[0].round(12)
    array([-1.,  1.])
    """
    if isinstance(a, Factorized):
        return a
    solve = solver(factorize, (a,))
    if solve is not None:
        return solve(a)  # type: ignore[no-any-return]  # a kind's own
    return Factorized(a)
