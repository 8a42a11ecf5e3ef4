"""lstsq, solve, inv and pinv with scipy.linalg's signatures, from kept factors.

SciPy computes in the precision of its operands, where NumPy computes in double; so factors in single
precision are kept apart.  What the kept factors cannot answer as SciPy would goes to SciPy's own function at
every call: its warnings about ill-conditioned matrices, matrices whose structure (triangular, tridiagonal)
makes them cheap to solve, the gelsy driver where the rank is in doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import scipy
import scipy.linalg as _scipy
from numpy.typing import NDArray
from scipy.linalg import (
    inv as scipy_inv,
)  # bound here: replacing SciPy's functions must not make them call us
from scipy.linalg import lstsq as scipy_lstsq
from scipy.linalg import pinv as scipy_pinv
from scipy.linalg import solve as scipy_solve

from .._base.errors import as_numpys, shown, suggest
from .._base.linalg import blame
from .._base.routed_operand import RoutedOperand
from .._base.signature import publish
from .._base.threads import single_threaded_blas
from .._base.watch import WATCH, tell_declined, tell_factors, tell_fallback, to_observe
from .._call.factors import EXPLICIT, recall
from .._call.fallback import leave_to_others
from .._call.observe import observe
from .._config.state import current
from .._factors.answer import is_safe
from .._factors.factorizations import INVERSE, LU, SVD, Factorization
from .._factors.factorized import Factorized
from .._factors.lu import Inverse, LUFactors
from .._factors.svd import SVDFactors
from .._kinds.registry import solving_kind
from .scipy_lstsq import lstsq_form

__all__ = ["DRIVERS", "inv", "lstsq", "pinv", "solve"]

Array = NDArray[Any]

#: dtypes whose working precision is plain; SciPy puts narrow integers in single precision, which is its own.
_TAKEN = frozenset("fdFDiIlLqQ")
#: A reciprocal condition number below this many eps is left to SciPy, which warns below one.
_DOUBTFUL = 100.0
#: SciPy before 1.17 solves symmetric systems by LAPACK's sysv, whose last step has no function of its own in
#: SciPy: such matrices it answers every time.
_CHOOSES_BY_SYMMETRY = tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 17)
DRIVERS = ("gelsd", "gelss", "gelsy")
#: gelsy finds the rank from estimates: where singular values are this many times clear of the cutoff, on the
#: upper side, no estimate can be wrong.
_GELSY_CLEAR = 1e3


def _single(a: Array) -> SVDFactors | None:
    return SVDFactors.factor(a)


def working_dtype(*arrays: Array) -> np.dtype[Any]:
    """The dtype that LAPACK is called in."""
    return np.result_type(np.float32, *arrays)


def _sound(a: Array, made: LUFactors | None) -> LUFactors | None:
    """The factors, unless SciPy warns of such a matrix or has a cheaper way with it."""
    below, above = _scipy.bandwidth(a)
    if min(below, above) == 0 or max(below, above) == 1:
        return None  # SciPy solves what is triangular or tridiagonal in n**2 operations or less
    eps = float(np.finfo(a.dtype).eps)
    return made if made is not None and made.rcond > _DOUBTFUL * eps else None


def _as_scipy(working: str) -> Callable[[Array], LUFactors | None]:
    """By the factorization that SciPy chooses for the matrix in its working precision."""

    def factor(a: Array) -> LUFactors | None:
        a = np.asarray(a, working)
        made = LUFactors.factor(a, structured=True)
        if made is not None and made.routine != "getrf" and not _CHOOSES_BY_SYMMETRY:
            return None
        return _sound(a, made)

    return factor


def _as_general(working: str) -> Callable[[Array], LUFactors | None]:
    """By LU, whatever the symmetry."""

    def factor(a: Array) -> LUFactors | None:
        a = np.asarray(a, working)
        return _sound(a, LUFactors.factor(a))

    return factor


def _inverse(working: str) -> Callable[[Array], Inverse | None]:
    general = _as_general(working)

    def factor(a: Array) -> Inverse | None:
        return None if general(a) is None else Inverse(scipy_inv(a))

    return factor


_GENERAL = replace(LU, name="lu, general")
_WAYS = {
    **{(SVD, c): SVD for c in "dD"},
    **{(SVD, c): replace(SVD, name="svd, single", factor=_single) for c in "fF"},
    **{(LU, c): replace(LU, name=f"lu, scipy, {c}", factor=_as_scipy(c)) for c in "fdFD"},
    **{(_GENERAL, c): replace(LU, name=f"lu, general, {c}", factor=_as_general(c)) for c in "fdFD"},
    **{(INVERSE, c): replace(INVERSE, name=f"inverse, scipy, {c}", factor=_inverse(c)) for c in "fdFD"},
}


def way_in(way: Factorization, working: np.dtype[Any]) -> Factorization:
    """SciPy's form of a way, in a working precision."""
    return _WAYS[way, working.char]


def _recall(way: Factorization, a: Array, working: np.dtype[Any], elements: int) -> Any:
    return recall(way_in(way, working), a, elements)


def _given(**options: Any) -> dict[str, Any]:
    """The options that differ from their defaults, of which ``check_finite`` alone is true."""
    return {name: x for name, x in options.items() if x is not None and x is not (name == "check_finite")}


def _unrouted(x: Any) -> Any:
    """A routed operand as the plain array that SciPy takes it for."""
    return x.view(np.ndarray) if isinstance(x, RoutedOperand) else x


def _native(x: Any) -> Any:
    """An array in this machine's byte order: SciPy's inv since 1.17 and pinv since 1.18 misread others."""
    swapped = type(x) is np.ndarray and not x.dtype.isnative
    return x.astype(x.dtype.newbyteorder("=")) if swapped else x


def plain(*operands: Any) -> list[Array] | None:
    """The operands as arrays, where SciPy would take them as such and einroute may remember them."""
    if current().config.reproducible:
        return None
    arrays: list[Array] = []
    for x in operands:
        if type(x) in {list, tuple}:
            x = np.asarray(x)  # noqa: PLW2901 - the operand as an array
        x = _unrouted(x)  # noqa: PLW2901 - likewise
        if type(x) is not np.ndarray or x.dtype.char not in _TAKEN or not x.size:
            return None
        arrays.append(_native(x))
    return arrays if arrays[0].ndim == 2 else None


def _scipys(function: Any, name: str, given: tuple[Any, ...], asked: bool, *args: Any, **kwargs: Any) -> Any:
    """SciPy's own answer, whether or not the cache was asked; its exceptions say what to mend."""
    operands = tuple(_unrouted(x) for x in given)
    leave_to_others(name, *operands)
    if not asked:
        tell_fallback("options, shapes or dtypes that are SciPy's to judge")
    tell_declined("near the cutoff, ill-conditioned or not finite: SciPy's own function answers")
    try:
        with single_threaded_blas() if current().config.reproducible else nullcontext():
            return function(*map(_native, operands), *args, **kwargs)
    except Exception as error:
        if solving_kind(operands) is not None:
            message = (
                f"{name} takes arrays alone; einroute.lstsq and einroute.linalg.solve take {_named(given)}"
            )
            raise as_numpys(ValueError(message), error) from error
        blame(name, error, *operands)


def _named(operands: tuple[Any, ...]) -> str:
    """The classes of operands, for a message."""
    return " beside ".join(f"a {type(x).__name__}" for x in operands)


def lstsq(
    a: Any,
    b: Any,
    cond: Any = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    lapack_driver: str | None = None,
) -> tuple[Any, Any, Any, Any]:
    """Least-squares solution of ``a @ x = b``: `scipy.linalg.lstsq`, which remembers matrices.

    Parameters
    ----------
    a : (M, N) array_like or Factorized
    b : (M,) or (M, K) array_like
    cond : float, optional
        Singular values of at most ``cond`` times the largest count as zero. Default: the machine epsilon of
        the working precision.
    overwrite_a, overwrite_b : bool
        With either SciPy answers, as its own tests hold it to using the permission.
    check_finite : bool
        Raise for nan and infinity.
    lapack_driver : {"gelsd", "gelsy", "gelss"}, optional
        Default: ``lstsq.default_lapack_driver``.

    Returns
    -------
    x : (N,) or (N, K) ndarray
    residuals : (), (K,) or (0,) ndarray
        Empty where M <= N, and for gelsy. Where the rank is below N, nan since SciPy 1.18, empty before.
    rank : int
        In the installed SciPy's type.
    s : (min(M, N),) ndarray or None
        None for gelsy.

    Raises
    ------
    ValueError
        Sizes that differ, an unknown driver, nan or infinity with `check_finite`.
    scipy.linalg.LinAlgError
        No convergence.

    Examples
    --------
    >>> import numpy as np
    >>> from einroute.scipy.linalg import lstsq
    >>> lstsq(np.array([[1.0, 0], [0, 2], [0, 0]]), np.array([1.0, 2, 3]))[0]
    array([1., 1.])
    """
    if WATCH.on and to_observe():
        given = _given(
            cond=cond, overwrite_a=overwrite_a, overwrite_b=overwrite_b, check_finite=check_finite,
            lapack_driver=lapack_driver,
        )  # fmt: skip
        return observe(lstsq, (a, b), given)  # type: ignore[no-any-return]  # lstsq's own
    driver: Any = _default_driver() if lapack_driver is None else lapack_driver
    # A negative cutoff is the machine epsilon to gelsd, and an error to SciPy 1.18.
    plainly = type(cond) in {float, int} and (0 < cond < 1 or (driver == "gelsd" and cond >= 0))
    cutoff = cond is None or plainly
    known = driver in DRIVERS and cutoff
    if isinstance(a, Factorized):
        if driver not in DRIVERS:
            raise ValueError(f"lapack_driver is {shown(driver)}, {suggest(driver, DRIVERS)}")
        b = _unrouted(b)
        _check_finite(b, check_finite)
        tell_factors(SVD.route, EXPLICIT)
        return _scipys_tuple(a, b, cond, driver)
    if type(a) in {list, tuple}:
        a = np.asarray(a)  # SciPy 1.18 asks what its documentation calls array_like for its shape
    arrays = plain(a, b) if known and not (overwrite_a or overwrite_b) else None
    if arrays is not None and arrays[1].ndim in {1, 2} and len(arrays[0]) == len(arrays[1]):
        matrix, vector = arrays
        working = working_dtype(matrix, vector)
        factors = _recall(SVD, matrix, working, vector.size)
        if factors is not None:
            answer = _answer(factors, matrix, vector, working, cond, driver)
            if answer is not None:
                return answer
    return _scipys(  # type: ignore[no-any-return]  # SciPy has no types
        scipy_lstsq, "lstsq", (a, b), arrays is not None, cond, overwrite_a, overwrite_b, check_finite, driver
    )


lstsq.default_lapack_driver = "gelsd"  # type: ignore[attr-defined]  # scipy.linalg.lstsq has it, and reads it


def _default_driver() -> Any:
    """What is set on our function; else on SciPy's, which it is set on while ours is in its place."""
    own = lstsq.default_lapack_driver  # type: ignore[attr-defined]  # as above
    return scipy_lstsq.default_lapack_driver if own == "gelsd" else own


def _answer(
    factors: SVDFactors, a: Array, b: Array, working: np.dtype[Any], cond: float | None, driver: str
) -> tuple[Any, Any, Any, Any] | None:
    """What SciPy returns, from factors in the working precision; None where SciPy is to be asked."""
    cutoff = float(np.finfo(working).eps) if cond is None else cond
    rank = factors.rank(cutoff)
    if driver == "gelsy" and not (
        0 < cutoff < 1 and factors.s[-1] > _GELSY_CLEAR * len(factors.s) * cutoff * factors.s[0]
    ):
        return None
    answer = None if rank is None else factors.lstsq(a, b, rank)
    if rank is None or answer is None:
        return None
    x, form = answer[0].astype(working, copy=False), lstsq_form(scipy_lstsq)
    if driver == "gelsy":
        return x, np.array([], working), form.rank(rank), None
    residuals = form.residuals(answer[1], a.shape, b, rank, working)
    return x, residuals, form.rank(rank), factors.s.copy()


def _check_finite(b: Any, wanted: bool) -> None:
    dtype = np.asarray(b).dtype
    if dtype.kind not in "?biufc":
        raise ValueError(f"b has dtype {dtype}, expected numbers; convert it to float64")
    if wanted and not np.isfinite(b).all():
        raise ValueError("array must not contain infs or NaNs: b does; remove or replace such rows first")


def _scipys_tuple(a: Factorized, b: Any, cond: Any, driver: str) -> tuple[Any, Any, Any, Any]:
    """NumPy's tuple of explicit factors, which are in double precision, as SciPy has it."""
    x, residuals, rank, s = a.lstsq(b, float(np.finfo(np.float64).eps) if cond is None else cond)
    form = lstsq_form(scipy_lstsq)
    if driver == "gelsy":
        return x, np.array([], x.dtype), form.rank(rank), None
    found = residuals if residuals.size else None
    return x, form.residuals(found, a.shape, np.asarray(b), int(rank), x.dtype), form.rank(rank), s


def solve(
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: str | None = None,
    transposed: bool = False,
) -> Any:
    """Solution of the square system ``a @ x = b``: `scipy.linalg.solve`, which remembers matrices.

    Parameters
    ----------
    a : (..., N, N) array_like or Factorized
        Stacks go to SciPy, as do matrices that are triangular or tridiagonal.
    b : (N,) or (..., N, K) array_like
    lower, overwrite_a, overwrite_b, check_finite
        As in SciPy.
    assume_a : str, optional
        The structure of `a`; with any but "gen" and the default, SciPy answers.
    transposed : bool
        Solve ``a.T @ x = b``; for real `a`.

    Returns
    -------
    (N,) or (..., N, K) ndarray

    Raises
    ------
    ValueError
        Sizes that differ, an unknown structure, nan or infinity with `check_finite`.
    scipy.linalg.LinAlgError
        A singular matrix.

    Warns
    -----
    scipy.linalg.LinAlgWarning
        An ill-conditioned matrix, on every call.

    Examples
    --------
    >>> import numpy as np
    >>> from einroute.scipy.linalg import solve
    >>> solve(np.array([[1.0, 2], [3, 5]]), np.array([1.0, 2]))
    array([-1.,  1.])
    """
    if WATCH.on and to_observe():
        given = _given(
            lower=lower, overwrite_a=overwrite_a, overwrite_b=overwrite_b, check_finite=check_finite,
            assume_a=assume_a, transposed=transposed,
        )  # fmt: skip
        return observe(solve, (a, b), given)
    if isinstance(a, Factorized):
        b = _unrouted(b)
        _check_finite(b, check_finite)
        tell_factors(LU.route, EXPLICIT)
        return a.solve(b, transposed=bool(transposed))
    known = assume_a in (None, "gen", "general") and not (lower or overwrite_a or overwrite_b)
    arrays = plain(a, b) if known else None
    if arrays is not None and arrays[1].ndim in {1, 2}:
        matrix, vector = arrays
        working = working_dtype(matrix, vector)
        fits = matrix.shape == (len(vector),) * 2
        fits = fits and not (transposed and working.kind == "c")
        way = LU if assume_a is None else _GENERAL
        factors = _recall(way, matrix, working, vector.size) if fits else None
        if factors is not None:
            x = factors.solve(vector, bool(transposed)).astype(working, copy=False)
            if is_safe(x):
                return x
    structure = {} if assume_a is None else {"assume_a": assume_a}
    return _scipys(
        scipy_solve, "solve", (a, b), arrays is not None, lower, overwrite_a, overwrite_b, check_finite,
        transposed=transposed, **structure,
    )  # fmt: skip


def inv(
    a: Any,
    overwrite_a: bool = False,
    check_finite: bool = True,
    *,
    assume_a: str | None = None,
    lower: bool = False,
) -> Any:
    """Inverse of a square matrix: `scipy.linalg.inv`, which remembers it.

    Parameters
    ----------
    a : (..., N, N) array_like or Factorized
        Stacks go to SciPy.
    overwrite_a, check_finite, assume_a, lower
        As in SciPy.

    Returns
    -------
    (..., N, N) ndarray

    Raises
    ------
    ValueError
        Not square, nan or infinity with `check_finite`.
    scipy.linalg.LinAlgError
        A singular matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from einroute.scipy.linalg import inv
    >>> inv(np.array([[2.0, 1], [1, 1]]))
    array([[ 1., -1.],
           [-1.,  2.]])
    """
    if WATCH.on and to_observe():
        given = _given(overwrite_a=overwrite_a, check_finite=check_finite, assume_a=assume_a, lower=lower)
        return observe(inv, (a,), given)
    if isinstance(a, Factorized):
        tell_factors(INVERSE.route, EXPLICIT)
        return a.inv()
    arrays = plain(a) if assume_a is None and not lower and not overwrite_a else None
    if arrays is not None and arrays[0].shape[0] == arrays[0].shape[1]:
        kept = _recall(INVERSE, arrays[0], working_dtype(arrays[0]), arrays[0].size)
        if kept is not None:
            return kept.value.copy()
    newer = {} if assume_a is None and not lower else {"assume_a": assume_a, "lower": lower}
    return _scipys(scipy_inv, "inv", (a,), arrays is not None, overwrite_a, check_finite, **newer)


def pinv(
    a: Any, *, atol: Any = None, rtol: Any = None, return_rank: bool = False, check_finite: bool = True
) -> Any:
    """Pseudo-inverse of a matrix: `scipy.linalg.pinv`, from the factors that `lstsq` keeps.

    Parameters
    ----------
    a : (..., M, N) array_like or Factorized
        Stacks go to SciPy.
    atol, rtol : float, optional
        Singular values of at most ``atol + rtol * s[0]`` count as zero. Default: 0 and the machine epsilon
        times max(M, N).
    return_rank : bool
        Give the rank too.
    check_finite : bool
        Raise for nan and infinity.

    Returns
    -------
    B : (..., N, M) ndarray
    rank : int
        Only with `return_rank`.

    Raises
    ------
    ValueError
        Negative `atol` or `rtol`, nan or infinity with `check_finite`.

    Examples
    --------
    >>> import numpy as np
    >>> from einroute.scipy.linalg import pinv
    >>> pinv(np.array([[3.0, 4.0]])).round(12)
    array([[0.12],
           [0.16]])
    """
    if WATCH.on and to_observe():
        given = _given(atol=atol, rtol=rtol, return_rank=return_rank, check_finite=check_finite)
        return observe(pinv, (a,), given)
    if isinstance(a, Factorized):
        a = a.__array__()
    arrays = plain(a) if all(x is None or type(x) in {float, int} for x in (atol, rtol)) else None
    if arrays is not None:
        matrix = arrays[0]
        working = working_dtype(matrix)
        factors = _recall(SVD, matrix, working, matrix.size)
        if factors is not None:
            given = max(matrix.shape) * float(np.finfo(working).eps) if rtol is None else rtol
            cutoff = given + (0.0 if atol is None else atol) / float(factors.s[0])
            rank = factors.rank(cutoff) if 0 < cutoff < 1 and (atol or 0) >= 0 and given >= 0 else None
            if rank is not None:
                inverse = factors.pinv(rank)
                return (inverse, np.int64(rank)) if return_rank else inverse
    return _scipys(
        scipy_pinv, "pinv", (a,), arrays is not None,
        atol=atol, rtol=rtol, return_rank=return_rank, check_finite=check_finite,
    )  # fmt: skip


publish("einroute.scipy.linalg", ("inv", "lstsq", "pinv", "solve"), globals())
