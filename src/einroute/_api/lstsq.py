"""lstsq and pinv with numpy.linalg's signatures, from kept singular value decompositions.

A matrix seen for the first time goes to NumPy's own function, and so does every call that the kept factors
cannot answer within rounding: a singular value near the cutoff, numbers that are not finite, dtypes and
shapes that are NumPy's to judge.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._base.linalg import SUPPORTED, blame, is_foreign, wrapper
from .._base.log import debug
from .._base.numpy_functions import numpy_lstsq, numpy_pinv
from .._base.routed_operand import any_routed, on_arrays
from .._base.threads import single_threaded_blas
from .._base.watch import WATCH, tell_declined, tell_factors, tell_fallback, to_observe
from .._call.factors import EXPLICIT, Problem, lookup
from .._call.fallback import leave_to_others
from .._call.observe import observe
from .._call.solving import solver
from .._config.state import current
from .._factors.answer import lstsq_answer, pinv_answer, plain_cutoff
from .._factors.factorizations import SVD
from .._factors.factorized import Factorized
from .stacked_lstsq import lstsq_stack

__all__ = ["lstsq", "lstsq_problem", "pinv", "pinv_problem"]

Array = NDArray[Any]
ndarray = np.ndarray
_NO_VALUE: Any = np._NoValue  # what NumPy's own signature has
#: What `numpy_lstsq` does with arrays: it looks for an ``__array_function__`` first.
_lstsq_of_arrays: Any = getattr(numpy_lstsq, "__wrapped__", numpy_lstsq)

#: Why kept factors are not asked.
NUMPYS_TO_JUDGE = "shapes, dtypes or options are NumPy's to judge, or reproducible results were asked for"
#: Why kept factors may not answer, though they are there.
DOUBTFUL = "a singular value is near the cutoff, or numbers are not finite: LAPACK's own driver answers"


def lstsq(a: Any, b: Any, rcond: float | None = None) -> tuple[Any, Any, Any, Any]:
    """Least-squares solution of ``a @ x = b``: `numpy.linalg.lstsq`, which remembers matrices.

    When the contents of a matrix are seen again, at the third sight at the latest, its singular value
    decomposition is made and kept; from then on a new ``b`` costs a hash of ``a`` and a few products.

    Parameters
    ----------
    a : (M, N) array_like or sparse, (..., M, N) array_like, or Factorized
        Real or complex. Stacked and sparse matrices are einroute's extensions: each of a stack is solved by
        itself, and ``b`` broadcasts against it; a sparse matrix is factored as it is, never written out. What
        `factorize` gives needs no hash.
    b : (M,) or (M, K) array_like, for a stack also (..., M, K)
        A vector only if it has one dimension.
    rcond : float, optional
        Singular values of at most ``rcond`` times the largest count as zero. Default: the machine epsilon
        times max(M, N); not between 0 and 1: LAPACK's own epsilon.

    Returns
    -------
    x : (N,) or (N, K) ndarray
        Of minimum norm where ``a`` is rank-deficient. For a stack (..., N) or (..., N, K).
    residuals : (1,), (K,) or (0,) ndarray
        Squared norms of the columns of ``b - a @ x``; empty where the rank is below N or M <= N. For a stack
        (..., 1) or (..., K), with nan for the matrices whose rank is below N, and (..., 0) where M <= N.
    rank : numpy.int32
        For a stack an array (...) of them.
    s : (min(M, N),) ndarray
        Singular values of ``a``. For a stack (..., min(M, N)).

    Raises
    ------
    numpy.linalg.LinAlgError
        `a` or `b` of a wrong number of dimensions, sizes that differ, nan in `a`, no convergence.
    TypeError
        float16 or long double.

    See Also
    --------
    einroute.factorize : The factors of a matrix, held explicitly.

    Notes
    -----
    Where a singular value is within a factor of 2 of the cutoff, or within
    ``8 * eps * sqrt(max(M, N)) * s[0]`` of it, LAPACK's own driver answers every time, so that
    what was seen before never changes a rank.

    References
    ----------
    .. [1] G. Golub, C. Van Loan, *Matrix Computations*, 4th ed., 2013, sections 5.5 and 8.6.
    .. [2] A. Bjorck, *Numerical Methods for Least Squares Problems*, 1996, section 2.9.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> a = np.array([[0.0, 1], [1, 1], [2, 1], [3, 1]])
    >>> x, residuals, rank, s = er.lstsq(a, np.array([-1, 0.2, 0.9, 2.1]))
    >>> x.round(2), residuals.round(2), int(rank)
    (array([ 1.  , -0.95]), array([0.05]), 2)
    """
    if WATCH.on and to_observe():
        return observe(lstsq, (a, b), {} if rcond is None else {"rcond": rcond})  # type: ignore[no-any-return]  # lstsq's own
    if type(a) is ndarray and type(b) is ndarray and a.ndim == 2:
        state = current()
        if not state.config.reproducible:
            factors = lookup(SVD, a, b.size, state.policy)
            answer = None if factors is None else _kept_answer(factors, a, b, rcond)
            if answer is not None:
                return answer
            try:
                return _lstsq_of_arrays(a, b, rcond)  # type: ignore[no-any-return]  # NumPy's own
            except Exception as error:
                blame("lstsq", error, a, b)
    return _any_lstsq(a, b, rcond)


def _kept_answer(factors: Any, a: Array, b: Array, rcond: Any) -> tuple[Array, Array, Any, Array] | None:
    """What kept factors answer; None where LAPACK's own driver is to be asked."""
    if _lstsq_fits(a, b, rcond):
        answer = lstsq_answer(factors, a, b, rcond)
        if answer is not None:
            return answer
        debug("lstsq: kept factors are not used: %s", DOUBTFUL)
    tell_declined(DOUBTFUL)
    return None


def _any_lstsq(a: Any, b: Any, rcond: Any) -> tuple[Any, Any, Any, Any]:
    """`lstsq` of anything but two plain arrays."""
    if any_routed((a, b)):
        return on_arrays(lstsq, (a, b, rcond), {})  # type: ignore[no-any-return]  # lstsq's own
    if isinstance(a, Factorized):
        tell_factors(SVD.route, EXPLICIT)
        return a.lstsq(b, rcond)
    others = solver(lstsq, (a, b))
    if others is not None:
        return others(a, b, rcond)  # type: ignore[no-any-return]  # a kind's own
    if is_foreign(a) or is_foreign(b):
        leave_to_others("lstsq", a, b)
        return _numpys(a, b, rcond)
    matrix, vector, wrap = np.asarray(a), np.asarray(b), wrapper(b)
    problem = lstsq_problem(matrix, vector, rcond)
    answer = None if isinstance(problem, str) else problem.answer()
    if answer is None:
        if matrix.ndim <= 2:
            return _numpys(a, b, rcond)
        answer = _stacked(matrix, vector, rcond)
    x, residuals, rank, s = answer
    return wrap(x), wrap(residuals), rank, s


def lstsq_problem(a: Array, b: Array, rcond: Any = None) -> Problem | str:
    """What kept factors may answer, or why they may not."""
    if not _lstsq_fits(a, b, rcond):
        return NUMPYS_TO_JUDGE
    columns = b.shape[1] if b.ndim > 1 else 1
    return Problem(
        SVD, a, columns, lambda kept: lstsq_answer(kept, a, b, rcond), lambda kept: kept.rank(rcond)
    )


def _lstsq_fits(a: Array, b: Array, rcond: Any) -> bool:
    """Whether sizes, dtypes and the cutoff leave nothing for NumPy to judge."""
    return (
        a.ndim == 2
        and 0 < b.ndim < 3
        and len(a) == len(b) > 0
        and a.dtype.char in SUPPORTED
        and b.dtype.char in SUPPORTED
        and plain_cutoff(rcond)
        and not current().config.reproducible
    )


def _numpys(a: Any, b: Any, rcond: Any) -> tuple[Any, Any, Any, Any]:
    """NumPy's own answer to the arguments as they came; in one thread where results must not vary."""
    tell_declined(DOUBTFUL)
    options = () if rcond is None else (rcond,)  # other libraries' lstsq may not know it
    try:
        if current().config.reproducible:
            with single_threaded_blas():
                return numpy_lstsq(a, b, *options)
        return numpy_lstsq(a, b, *options)
    except Exception as error:
        blame("lstsq", error, a, b)


def _stacked(a: Array, b: Array, rcond: Any) -> tuple[Array, Array, Any, Array]:
    with single_threaded_blas() if current().config.reproducible else nullcontext():
        return lstsq_stack(a, b, rcond)


def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = _NO_VALUE) -> Any:
    """Pseudo-inverse of a matrix: `numpy.linalg.pinv`, from the factors that `lstsq` keeps.

    Parameters
    ----------
    a : (..., M, N) array_like or Factorized
        Stacks go to NumPy.
    rcond : float, optional
        Singular values of at most ``rcond`` times the largest count as zero. Default: 1e-15.
    hermitian : bool
        Take ``a`` to be Hermitian; left to NumPy.
    rtol : float, optional
        Another name for `rcond`; None is the machine epsilon times max(M, N).

    Returns
    -------
    (..., N, M) ndarray

    Raises
    ------
    numpy.linalg.LinAlgError
        Fewer than two dimensions, nan in `a`, no convergence.
    ValueError
        Both `rcond` and `rtol`.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> er.linalg.pinv(np.array([[3.0, 4.0]])).round(12)
    array([[0.12],
           [0.16]])
    """
    if WATCH.on and to_observe():
        return observe(pinv, (a,), _pinv_options(rcond, hermitian, rtol))
    answer = None
    if type(a) is ndarray:
        answer = _remembered_pinv(a, rcond, hermitian, rtol)
    elif isinstance(a, Factorized):
        cutoff = pinv_cutoff(a.shape, a.dtype, rcond, rtol)
        if type(cutoff) is float and not hermitian:
            tell_factors(SVD.route, EXPLICIT)
            return a.pinv(cutoff)
        a = np.asarray(a)
    elif any_routed((a,)):
        return on_arrays(pinv, (a,), _pinv_options(rcond, hermitian, rtol))
    elif (others := solver(pinv, (a,))) is not None:
        return others(a, **_pinv_options(rcond, hermitian, rtol))
    else:
        leave_to_others("pinv", a)
        if not is_foreign(a):
            answer = _remembered_pinv(np.asarray(a), rcond, hermitian, rtol)
            answer = None if answer is None else wrapper(a)(answer)
    if answer is not None:
        return answer
    if hermitian:
        tell_fallback("hermitian=True is NumPy's own to answer")
    tell_declined(DOUBTFUL)
    options = _pinv_options(rcond, hermitian, rtol)
    try:
        if not current().config.reproducible:
            return numpy_pinv(a, **options)
        with single_threaded_blas():
            return numpy_pinv(a, **options)
    except Exception as error:
        blame("pinv", error, a)


def _pinv_options(rcond: Any, hermitian: bool, rtol: Any) -> dict[str, Any]:
    """The options that were given: other libraries' pinv may not know others."""
    options: dict[str, Any] = {} if rtol is _NO_VALUE else {"rtol": rtol}
    if rcond is not None:
        options["rcond"] = rcond
    if hermitian:
        options["hermitian"] = hermitian
    return options


def pinv_problem(
    a: Array, rcond: Any = None, hermitian: Any = False, *, rtol: Any = _NO_VALUE
) -> Problem | str:
    """What kept factors may answer, or why they may not."""
    cutoff = _pinv_cutoff_or_reason(a, rcond, hermitian, rtol)
    if isinstance(cutoff, str):
        return cutoff
    return Problem(
        SVD, a, a.shape[1], lambda kept: pinv_answer(kept, a, cutoff), lambda kept: kept.rank(cutoff)
    )


def _pinv_cutoff_or_reason(a: Array, rcond: Any, hermitian: Any, rtol: Any) -> float | str:
    """The cutoff with which kept factors may answer, or why they may not."""
    if hermitian:
        return "hermitian=True is NumPy's own to answer"
    fits = a.ndim == 2 and a.dtype.char in SUPPORTED and a.size > 0 and not current().config.reproducible
    cutoff = pinv_cutoff(a.shape, a.dtype, rcond, rtol) if fits else None
    return cutoff if type(cutoff) is float and 0 < cutoff < 1 else NUMPYS_TO_JUDGE


def _remembered_pinv(a: Array, rcond: Any, hermitian: Any, rtol: Any) -> Any:
    """The answer from kept factors, or None."""
    cutoff = _pinv_cutoff_or_reason(a, rcond, hermitian, rtol)
    factors = None if isinstance(cutoff, str) else lookup(SVD, a, a.size)
    return None if factors is None else pinv_answer(factors, a, cutoff)  # type: ignore[arg-type]  # a number


def pinv_cutoff(shape: tuple[int, ...], dtype: Any, rcond: Any, rtol: Any) -> Any:
    """NumPy's reading of the two names of the cutoff."""
    if rcond is not None:
        return rcond if rtol is _NO_VALUE else None
    if rtol is _NO_VALUE:
        return 1e-15
    if rtol is None:
        return float(max(shape) * np.finfo(dtype).eps) if dtype.kind in "fc" else None
    return rtol
