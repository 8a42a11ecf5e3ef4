"""solve and inv with numpy.linalg's signatures, from kept triangular factors.

A matrix seen for the first time goes to NumPy's own function; so does one that is singular, not finite, or so
small that recognising it would cost a good part of solving it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._base.linalg import SUPPORTED, blame, is_foreign, wrapper
from .._base.numpy_functions import numpy_inv, numpy_solve
from .._base.routed_operand import any_routed, on_arrays
from .._base.threads import single_threaded_blas
from .._base.watch import WATCH, tell_declined, tell_factors, to_observe
from .._call.factors import EXPLICIT, recall
from .._call.fallback import leave_to_others
from .._call.observe import observe
from .._call.solving import solver
from .._config.state import current
from .._factors.answer import solve_answer
from .._factors.factorizations import INVERSE, LU
from .._factors.factorized import Factorized

__all__ = ["SMALL", "inv", "solve"]

Array = NDArray[Any]
ndarray = np.ndarray

#: Matrices of up to this many elements are not remembered: recognising one takes 2 us, and solving 10 us.
SMALL = 1024


def solve(a: Any, b: Any) -> Any:
    """Solution of the square system ``a @ x = b``: `numpy.linalg.solve`, which remembers matrices.

    When the contents of a matrix of more than 32x32 are seen again, at the third sight at the latest, its LU
    factors are made and kept. Answers from them may differ from NumPy's in the last bits, since NumPy's and
    SciPy's LAPACK are separate builds; ``config(reproducible=True)`` makes every sight of a matrix the same.

    Parameters
    ----------
    a : (..., M, M) array_like, (M, M) sparse, or Factorized
        Real or complex. Stacks go to NumPy, sparse matrices to SuperLU.
    b : (M,) or (..., M, K) array_like
        A vector only if it has one dimension.

    Returns
    -------
    (..., M) or (..., M, K) ndarray

    Raises
    ------
    numpy.linalg.LinAlgError
        `a` singular or not square.
    ValueError
        Sizes that differ.
    TypeError
        float16 or long double.

    Notes
    -----
    LU with partial pivoting is LAPACK's getrf [1]_.

    References
    ----------
    .. [1] E. Anderson et al., *LAPACK Users' Guide*, 3rd ed., 1999.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> er.linalg.solve(np.array([[1, 2], [3, 5]]), np.array([1, 2]))
    array([-1.,  1.])
    """
    if WATCH.on and to_observe():
        return observe(solve, (a, b), {})
    if type(a) is ndarray and type(b) is ndarray:
        answer = None if a.size <= SMALL else _remembered(a, b)
    elif any_routed((a, b)):
        return on_arrays(solve, (a, b), {})
    elif isinstance(a, Factorized):
        tell_factors(LU.route, EXPLICIT)
        return a.solve(b)
    elif (others := solver(solve, (a, b))) is not None:
        return others(a, b)
    elif is_foreign(a) or is_foreign(b):
        leave_to_others("solve", a, b)
        answer = None
    else:
        answer = _remembered(np.asarray(a), np.asarray(b))
        answer = None if answer is None else wrapper(b)(answer)
    if answer is not None:
        return answer
    if WATCH.on:
        tell_declined("the answer is not finite, or almost: LAPACK's own driver answers")
    try:
        if not current().config.reproducible:
            return numpy_solve(a, b)
        with single_threaded_blas():
            return numpy_solve(a, b)
    except Exception as error:
        blame("solve", error, a, b)


def solve_fits(a: Array, b: Array) -> bool:
    """Whether kept factors may answer: sizes and dtypes that leave nothing for NumPy to judge."""
    return (
        a.size > SMALL
        and a.ndim == 2
        and b.ndim in {1, 2}
        and a.shape == (len(b),) * 2
        and a.dtype.char in SUPPORTED
        and b.dtype.char in SUPPORTED
        and b.size > 0
        and not current().config.reproducible
    )


def _remembered(a: Array, b: Array) -> Array | None:
    """The answer from kept factors, or None."""
    if a.size <= SMALL or current().config.reproducible:
        return None
    factors = recall(LU, a, b.size)
    return solve_answer(factors, a, b) if factors is not None and solve_fits(a, b) else None


def inv(a: Any) -> Any:
    """Inverse of a square matrix: `numpy.linalg.inv`, which remembers it.

    When the contents of a matrix of more than 32x32 are seen again, at the third sight at the latest, the
    inverse is kept, and a copy of it is the answer from then on.

    Parameters
    ----------
    a : (..., M, M) array_like or Factorized
        Stacks go to NumPy.

    Returns
    -------
    (..., M, M) ndarray

    Raises
    ------
    numpy.linalg.LinAlgError
        `a` singular or not square.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> er.linalg.inv(np.array([[2.0, 1], [1, 1]]))
    array([[ 1., -1.],
           [-1.,  2.]])
    """
    if WATCH.on and to_observe():
        return observe(inv, (a,), {})
    if type(a) is ndarray:
        answer = None if a.size <= SMALL else _remembered_inverse(a)
    elif isinstance(a, Factorized):
        tell_factors(INVERSE.route, EXPLICIT)
        return a.inv()
    elif any_routed((a,)):
        return on_arrays(inv, (a,), {})
    elif (others := solver(inv, (a,))) is not None:
        return others(a)
    else:
        leave_to_others("inv", a)
        answer = None if is_foreign(a) else _remembered_inverse(np.asarray(a))
        answer = None if answer is None else wrapper(a)(answer)
    if answer is not None:
        return answer
    try:
        if not current().config.reproducible:
            return numpy_inv(a)
        with single_threaded_blas():
            return numpy_inv(a)
    except Exception as error:
        blame("inv", error, a)


def inv_fits(a: Array) -> bool:
    """Whether a kept inverse may answer."""
    return (
        a.size > SMALL
        and a.ndim == 2
        and a.shape[0] == a.shape[1]
        and a.dtype.char in SUPPORTED
        and not current().config.reproducible
    )


def _remembered_inverse(a: Array) -> Array | None:
    if a.size <= SMALL or current().config.reproducible:
        return None
    kept = recall(INVERSE, a, a.size)
    return kept.value.copy() if kept is not None and inv_fits(a) else None
