"""lstsq, solve, inv and pinv as SciPy means them: what kept factors may answer, and how.

SciPy computes in the precision of its operands, where NumPy computes in double; so factors in single
precision are kept apart.  What the kept factors cannot answer as SciPy would goes to SciPy's own function at
every call: its warnings about ill-conditioned matrices, matrices whose structure (triangular, tridiagonal)
makes them cheap to solve, the gelsy driver where the rank is in doubt.
"""

# ruff: noqa: ARG001 - the problems have the functions' signatures; `check_finite` changes nothing, since what is
# not finite has no factors and its answer is not safe

from __future__ import annotations

from collections.abc import Callable
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

from .._base.routed_operand import RoutedOperand
from .._call.factors import Problem
from .._config.state import current
from .._factors.answer import is_safe
from .._factors.factorizations import INVERSE, LU, SVD
from .._factors.lu import Inverse, LUFactors
from .._factors.svd import SVDFactors
from .scipy_lstsq import DRIVERS, lstsq_form

__all__ = ["inv_problem", "lstsq_problem", "native", "pinv_problem", "solve_problem", "unrouted"]

Array = NDArray[Any]

_DOUBLE = np.dtype(np.float64)
#: Why SciPy's own function is asked.
SCIPYS_TO_JUDGE = (
    "options, shapes or dtypes that are SciPy's to judge, or reproducible results were asked for"
)

#: dtypes whose working precision is plain; SciPy puts narrow integers in single precision, which is its own.
_TAKEN = frozenset("fdFDiIlLqQ")
#: A reciprocal condition number below this many eps is left to SciPy, which warns below one.
_DOUBTFUL = 100.0
#: SciPy before 1.17 solves symmetric systems by LAPACK's sysv, whose last step has no function of its own in
#: SciPy: such matrices it answers every time.
_CHOOSES_BY_SYMMETRY = tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 17)
#: gelsy finds the rank from estimates: where singular values are this many times clear of the cutoff, on the
#: upper side, no estimate can be wrong.
_GELSY_CLEAR = 1e3


def _single(a: Array) -> SVDFactors | None:
    return SVDFactors.factor(a)


def _working_dtype(*arrays: Array) -> np.dtype[Any]:
    """The dtype that LAPACK is called in."""
    first: np.dtype[Any] = arrays[0].dtype
    if first is _DOUBLE and arrays[-1].dtype is _DOUBLE:
        return first  # what result_type finds in 0.5 us
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


def unrouted(x: Any) -> Any:
    """A routed operand as the plain array that SciPy takes it for."""
    return x.view(np.ndarray) if isinstance(x, RoutedOperand) else x


def native(x: Any) -> Any:
    """An array in this machine's byte order: SciPy's inv since 1.17 and pinv since 1.18 misread others."""
    swapped = type(x) is np.ndarray and not x.dtype.isnative
    return x.astype(x.dtype.newbyteorder("=")) if swapped else x


def _plain(*operands: Any) -> list[Array] | None:
    """The operands as arrays, where SciPy would take them as such and einroute may remember them."""
    if current().config.reproducible:
        return None
    arrays: list[Array] = []
    for x in operands:
        if type(x) is not np.ndarray:
            x = np.asarray(x) if type(x) in {list, tuple} else unrouted(x)  # noqa: PLW2901 - the operand as an array
        if type(x) is not np.ndarray or x.dtype.char not in _TAKEN or not x.size:
            return None
        arrays.append(native(x))
    return arrays if arrays[0].ndim == 2 else None


def lstsq_problem(
    a: Any,
    b: Any,
    cond: Any = None,
    overwrite_a: Any = False,
    overwrite_b: Any = False,
    check_finite: Any = True,
    lapack_driver: Any = None,
) -> Problem | str:
    """What kept factors may answer of `scipy.linalg.lstsq`, or why they may not."""
    driver = DRIVERS[0] if lapack_driver is None else lapack_driver
    # A negative cutoff is the machine epsilon to gelsd, and an error to SciPy 1.18.
    plain = type(cond) in {float, int} and (0 < cond < 1 or (driver == "gelsd" and cond >= 0))
    if driver not in DRIVERS or not (cond is None or plain) or overwrite_a or overwrite_b:
        return SCIPYS_TO_JUDGE
    arrays = _plain(a, b)
    if arrays is None or arrays[1].ndim not in {1, 2} or len(arrays[0]) != len(arrays[1]):
        return SCIPYS_TO_JUDGE
    matrix, vector = arrays
    working = _working_dtype(matrix, vector)
    cutoff = float(np.finfo(working).eps) if cond is None else cond
    return Problem(
        _WAYS[SVD, working.char],
        matrix,
        vector.shape[1] if vector.ndim > 1 else 1,
        lambda kept: _lstsq_answer(kept, matrix, vector, working, cutoff, driver),
        lambda kept: kept.rank(cutoff),
    )


def _lstsq_answer(
    factors: SVDFactors, a: Array, b: Array, working: np.dtype[Any], cutoff: float, driver: str
) -> tuple[Any, Any, Any, Any] | None:
    """What SciPy returns, from factors in the working precision; None where SciPy is to be asked."""
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


def solve_problem(
    a: Any,
    b: Any,
    lower: Any = False,
    overwrite_a: Any = False,
    overwrite_b: Any = False,
    check_finite: Any = True,
    assume_a: Any = None,
    transposed: Any = False,
) -> Problem | str:
    """What kept factors may answer of `scipy.linalg.solve`, or why they may not."""
    known = assume_a in (None, "gen", "general") and not (lower or overwrite_a or overwrite_b)
    arrays = _plain(a, b) if known else None
    if arrays is None or arrays[1].ndim not in {1, 2} or arrays[0].shape != (len(arrays[1]),) * 2:
        return SCIPYS_TO_JUDGE
    matrix, vector = arrays
    working = _working_dtype(matrix, vector)
    if transposed and working.kind == "c":
        return SCIPYS_TO_JUDGE

    def apply(kept: LUFactors) -> Array | None:
        x = kept.solve(vector, bool(transposed)).astype(working, copy=False)
        return x if is_safe(x) else None

    way = LU if assume_a is None else _GENERAL
    return Problem(_WAYS[way, working.char], matrix, vector.shape[1] if vector.ndim > 1 else 1, apply)


def inv_problem(
    a: Any, overwrite_a: Any = False, check_finite: Any = True, *, assume_a: Any = None, lower: Any = False
) -> Problem | str:
    """What a kept inverse may answer of `scipy.linalg.inv`, or why it may not."""
    arrays = _plain(a) if assume_a is None and not lower and not overwrite_a else None
    if arrays is None or arrays[0].shape[0] != arrays[0].shape[1]:
        return SCIPYS_TO_JUDGE
    matrix = arrays[0]
    way = _WAYS[INVERSE, _working_dtype(matrix).char]
    return Problem(way, matrix, len(matrix), lambda kept: kept.value.copy())


def pinv_problem(
    a: Any, *, atol: Any = None, rtol: Any = None, return_rank: Any = False, check_finite: Any = True
) -> Problem | str:
    """What kept factors may answer of `scipy.linalg.pinv`, or why they may not."""
    arrays = _plain(a) if all(x is None or type(x) in {float, int} for x in (atol, rtol)) else None
    if arrays is None:
        return SCIPYS_TO_JUDGE
    matrix = arrays[0]
    working = _working_dtype(matrix)
    relative = max(matrix.shape) * float(np.finfo(working).eps) if rtol is None else rtol
    absolute = 0.0 if atol is None else atol
    if absolute < 0 or relative < 0:
        return SCIPYS_TO_JUDGE

    def rank(kept: SVDFactors) -> int | None:
        cutoff = relative + absolute / float(kept.s[0])
        return kept.rank(cutoff) if 0 < cutoff < 1 else None

    def apply(kept: SVDFactors) -> Any:
        found = rank(kept)
        if found is None:
            return None
        inverse = kept.pinv(found)
        return (inverse, np.int64(found)) if return_rank else inverse

    return Problem(_WAYS[SVD, working.char], matrix, matrix.shape[1], apply, rank)
