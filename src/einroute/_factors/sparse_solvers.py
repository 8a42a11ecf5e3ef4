"""lstsq and solve for sparse matrices: scipy.sparse of every format, and 2-D pydata/sparse.

Answering one call takes a factorization, so nothing has to be earned: it is kept from the first call on.
Never is a sparse matrix written out as a dense one; inv and pinv, whose results would be dense, refuse it.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import NDArray

from .._base.cost import Cost
from .._base.errors import shown
from .._base.linalg import SUPPORTED, wrapper
from .._base.solvers import Solving, Told
from .._base.threads import single_threaded_blas
from .._base.watch import tell_factors
from .._kinds.registry import is_sparse
from .answer import result_dtype
from .cache import FACTORS
from .sparse_factorized import SparseFactorized
from .sparse_operand import as_scipy, canonical, check_indices, sparse_key

if TYPE_CHECKING:
    from .sparse_direct import SparseLeastSquares, SparseLU

__all__ = [
    "explain_inv",
    "explain_lstsq",
    "explain_pinv",
    "explain_solve",
    "factorize",
    "inv",
    "lstsq",
    "pinv",
    "solve",
]

Array = NDArray[Any]

#: What the factors of each function are kept as.
_NAMES = {"lstsq": "sparse lstsq", "solve": "sparse lu"}


def lstsq(given: Solving, a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
    """`einroute.lstsq` for a sparse ``a`` (m, n) and a dense ``b`` (m,) or (m, K).

    Returns
    -------
    x, residuals, rank, s
        ``rank`` and ``s`` are None where they cannot be had without a dense decomposition; see the guide.

    Raises
    ------
    numpy.linalg.LinAlgError
        Sizes that differ, nan or infinity in `a`.
    TypeError
        A sparse `b`, a dtype that LAPACK does not take, an `rcond` that is no number.
    """
    matrix, columns = _operands("lstsq", a, b)
    _check_rcond(rcond)
    factors: SparseLeastSquares = _factors(given, matrix)
    solution = factors.lstsq(columns, rcond)
    result = result_dtype(matrix, columns)
    real = np.empty(0, result).real.dtype
    wrap = wrapper(b)
    s = None if solution.s is None else np.array(solution.s, real)
    return (
        wrap(solution.x.astype(result, copy=False)),
        wrap(solution.residuals.astype(real, copy=False)),
        solution.rank,
        s,
    )


def solve(given: Solving, a: Any, b: Any) -> Any:
    """`einroute.linalg.solve` for a sparse ``a`` (n, n) and a dense ``b`` (n,) or (n, K).

    With nan or infinity in ``a`` all of the answer is nan, as it is for nan with
    `scipy.sparse.linalg.spsolve`; numpy.linalg.solve leaves numbers in some places, which ones depends on the
    order of elimination.

    Raises
    ------
    numpy.linalg.LinAlgError
        `a` singular or not square.
    ValueError
        Sizes that differ, index arrays of `a` that are not sound.
    TypeError
        A sparse `b`, a dtype that LAPACK does not take.
    """
    matrix, columns = _operands("solve", a, b)
    factors: SparseLU = _factors(given, matrix)
    return wrapper(b)(factors.solve(columns).astype(result_dtype(matrix, columns), copy=False))


def _operands(function: str, a: Any, b: Any) -> tuple[Any, Array]:
    """The matrix in one of scipy.sparse's formats, and the right-hand sides as an array.

    Raises
    ------
    numpy.linalg.LinAlgError, ValueError, TypeError
        As `lstsq` and `solve`, of which ``function`` names one.
    """
    columns, matrix = _dense(function, b), as_scipy(a)
    if function == "solve" and matrix.shape[0] != matrix.shape[1]:
        raise LinAlgError(f"a has shape {matrix.shape}, expected a square matrix; lstsq takes any shape")
    if columns.ndim not in {1, 2} or len(columns) != matrix.shape[0]:
        error = LinAlgError if function == "lstsq" else ValueError
        raise error(
            f"a has shape {matrix.shape} and b has shape {columns.shape}, expected (M,) or (M, K) "
            f"with M = {matrix.shape[0]}"
        )
    return matrix, columns


def _check_rcond(rcond: Any) -> None:
    """Raise for a cutoff that is no number.

    Raises
    ------
    TypeError
    """
    if rcond is not None and (np.ndim(rcond) or np.asarray(rcond).dtype.kind not in "biuf"):
        raise TypeError(f"rcond is {shown(rcond)}, expected a real number or None beside a sparse a")


def inv(given: Solving, a: Any) -> NoReturn:
    """Refuse a sparse ``a``, whose inverse would be dense.

    Raises
    ------
    TypeError
    """
    raise TypeError(
        f"a is a sparse {type(a).__name__}, whose {given.function} would be dense; use solve or lstsq, "
        "or write it out with a.toarray() or a.todense()"
    )


def pinv(given: Solving, a: Any, **_options: Any) -> NoReturn:
    """Refuse a sparse ``a``, as `inv`."""
    inv(given, a)


explain_inv, explain_pinv = inv, pinv


def factorize(_given: Solving, a: Any) -> SparseFactorized:
    """`einroute.factorize` of a sparse ``a``."""
    return SparseFactorized(a)


def explain_lstsq(given: Solving, a: Any, b: Any, rcond: Any = None) -> Told:
    """What `lstsq` would do."""
    _check_rcond(rcond)
    return _told(given, a, b)


def explain_solve(given: Solving, a: Any, b: Any) -> Told:
    """What `solve` would do."""
    return _told(given, a, b)


def _told(given: Solving, a: Any, b: Any) -> Told:
    matrix, _ = _operands(given.function, a, b)
    route = _route(given)
    kept: Any = FACTORS.peek(sparse_key(_NAMES[given.function], matrix, given.reproducible))
    nnz = float(matrix.nnz)
    if type(kept) is tuple:
        method = f"{matrix.nnz} non-zeros; factored by this call, and kept"
        return Told(route, "miss", method, Cost(100 * nnz, 100 * nnz, 100))
    cost = Cost(float(kept.nbytes) / 8, float(kept.nbytes), 20)
    return Told(route, "hit", f"{matrix.nnz} non-zeros; {kept.method}", cost)


def _route(given: Solving) -> str:
    """The name of a solver's route.

    Raises
    ------
    NoRoute
        The configuration forbids it.
    """
    route = f"factors.{_NAMES[given.function].replace(' ', '_')}"
    given.check(route, "a sparse a")
    return route


def _factors(given: Solving, matrix: Any) -> Any:
    """The kept factors of ``matrix``, or those made now."""
    name, reproducible = _NAMES[given.function], given.reproducible
    key = sparse_key(name, matrix, reproducible)
    route = _route(given)
    kept = FACTORS.find(key)
    tell_factors(route, "miss, factored" if kept is None else "hit")
    if kept is not None:
        return kept

    def make() -> tuple[Any, Any]:
        from . import sparse_direct  # noqa: PLC0415 - it needs scipy.sparse, which dense calls do not

        check_indices(matrix)
        own = matrix.copy()
        way: Any = sparse_direct.SparseLU if given.function == "solve" else sparse_direct.SparseLeastSquares
        with single_threaded_blas() if reproducible else nullcontext():
            return sparse_key(name, own, reproducible), way.factor(canonical(own))

    if FACTORS.limit == 0 or FACTORS.prepare == "never":
        return make()[1]
    FACTORS.miss()
    made = FACTORS.obtain(key, make)
    return make()[1] if made is None else made  # None: the one we waited for failed; it is for us to fail too


def _dense(function: str, b: Any) -> Array:
    if is_sparse(b):
        raise TypeError(
            f"b is a sparse {type(b).__name__}, and {function} takes dense right-hand sides; "
            "write it out with b.toarray() or b.todense()"
        )
    columns = np.asarray(b)
    if columns.dtype.char not in SUPPORTED:
        raise TypeError(f"b has dtype {columns.dtype}, which {function} does not take; convert it to float64")
    return columns
