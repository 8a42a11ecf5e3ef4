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
from .._call.factors import EXPLICIT, Problem, lookup
from .._call.fallback import leave_to_others
from .._call.observe import observe
from .._call.solving import solver
from .._config.state import current
from .._factors.answer import solve_answer
from .._factors.factorizations import INVERSE, LU
from .._factors.factorized import Factorized
from .lstsq import NUMPYS_TO_JUDGE

__all__ = ["inv", "inv_problem", "solve", "solve_problem"]

Array = NDArray[Any]
ndarray = np.ndarray
#: What NumPy's functions do with arrays: they look for an ``__array_function__`` first.
_solve_of_arrays: Any = getattr(numpy_solve, "__wrapped__", numpy_solve)
_inv_of_arrays: Any = getattr(numpy_inv, "__wrapped__", numpy_inv)

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
    numpys = numpy_solve
    if type(a) is ndarray and type(b) is ndarray:
        answer = None if a.size <= SMALL else _remembered(a, b)
        numpys = _solve_of_arrays
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
            return numpys(a, b)
        with single_threaded_blas():
            return numpys(a, b)
    except Exception as error:
        blame("solve", error, a, b)


def solve_problem(a: Array, b: Array) -> Problem | str:
    """What kept factors may answer, or why they may not."""
    columns = b.shape[1] if b.ndim > 1 else 1
    return _solve_refusal(a, b) or Problem(LU, a, columns, lambda kept: solve_answer(kept, a, b))


def inv_problem(a: Array) -> Problem | str:
    """What a kept inverse may answer, or why it may not."""
    return _refusal(a) or Problem(INVERSE, a, len(a), lambda kept: kept.value.copy())


def _solve_refusal(a: Array, b: Array) -> str:
    """Why kept factors may not answer; empty if they may."""
    reason = _refusal(a)
    if reason:
        return reason
    fits = b.ndim in {1, 2} and len(a) == len(b) and b.size > 0 and b.dtype.char in SUPPORTED
    return "" if fits else NUMPYS_TO_JUDGE


def _refusal(a: Array) -> str:
    """Why a square matrix is not remembered; empty if it is."""
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.dtype.char not in SUPPORTED:
        return NUMPYS_TO_JUDGE
    if a.size <= SMALL:
        return "too small to be worth recognising"
    return NUMPYS_TO_JUDGE if current().config.reproducible else ""


def _remembered(a: Array, b: Array) -> Any:
    """The answer from kept factors, or None."""
    if _solve_refusal(a, b):
        return None
    factors = lookup(LU, a, b.size)
    return None if factors is None else solve_answer(factors, a, b)


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
    numpys = numpy_inv
    if type(a) is ndarray:
        answer = None if a.size <= SMALL else _remembered_inverse(a)
        numpys = _inv_of_arrays
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
            return numpys(a)
        with single_threaded_blas():
            return numpys(a)
    except Exception as error:
        blame("inv", error, a)


def _remembered_inverse(a: Array) -> Any:
    """A copy of the kept inverse, or None."""
    kept = None if _refusal(a) else lookup(INVERSE, a, a.size)
    return None if kept is None else kept.value.copy()
