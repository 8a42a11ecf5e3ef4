"""What lstsq, solve, inv and pinv would do: cache hit or miss, the method, the cost.

Nothing is computed and nothing is counted: asking does not make a matrix seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._config import current
from ._cost import GEMM, Cost
from ._factors.cache import FACTORS
from ._factors.factorized import Factorized
from ._factors.recall import INVERSE, LU, SVD, Prospect, Way, prospect
from ._factors.sparse_operand import as_scipy, sparse_key
from ._factors.svd import SVDFactors
from ._least_squares import lstsq, lstsq_fits, pinv, pinv_cutoff, pinv_fits
from ._linalg_call import is_foreign, is_sparse
from ._solve import SMALL, inv, inv_fits, solve, solve_fits

__all__ = ["FACTORED", "FactorExplanation", "Request", "explain_factored", "is_factored"]

#: What LAPACK takes on the smallest matrix, in units of one NumPy call.
LAPACK_CALLS = 25


@dataclass(frozen=True, slots=True)
class FactorExplanation:
    """What a call of `lstsq`, `solve`, `inv` or `pinv` would do.

    Attributes
    ----------
    function : str
    operands : str
        Their shapes and dtypes.
    route : str
        ``factors.svd``, ``factors.lu`` or ``factors.inverse`` where kept factors answer, or are made now;
        else ``numpy.linalg.`` and the function's name.
    cache : str
        "hit", or what kind of miss.
    method : str
    cost : Cost
    """

    function: str
    operands: str
    route: str
    cache: str
    method: str
    cost: Cost

    @property
    def routes(self) -> tuple[str, ...]:
        """The route's name, in a tuple as for einsum."""
        return (self.route,)

    @property
    def seconds(self) -> float:
        """Estimated time; only the ratios of such estimates mean much."""
        return self.cost.seconds

    def __str__(self) -> str:
        return (
            f"{self.function} {self.operands}\n"
            f"  by {self.route}\n"
            f"  cache: {self.cache}\n"
            f"  {self.method}\n"
            f"  {self.cost.flops:.3g} multiply-adds, {self.cost.bytes:.3g} bytes, "
            f"about {self.cost.seconds:.3g} s"
        )


@dataclass(frozen=True, slots=True)
class Request:
    """A call as `recall` would get it: its way, and why it would not get there at all."""

    way: Way
    a: Any
    columns: int
    refused: str
    rank: Callable[[SVDFactors], int | None] | None = None


def _lstsq(a: Any, b: Any, rcond: Any = None) -> Request:
    a, b = _array(a), _array(b)
    fits = lstsq_fits(a, b, rcond)
    return Request(SVD, a, _columns(b), _because(fits), lambda factors: factors.rank(rcond))


def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, **rtol: Any) -> Request:
    a = _array(a)
    cutoff = pinv_cutoff(a.shape, a.dtype, rcond, rtol.get("rtol", np._NoValue))
    fits = not hermitian and pinv_fits(a, cutoff)
    return Request(SVD, a, min(a.shape, default=0), _because(fits), lambda factors: factors.rank(cutoff))


def _solve(a: Any, b: Any) -> Request:
    a, b = _array(a), _array(b)
    return Request(LU, a, _columns(b), _because(solve_fits(a, b), a))


def _inv(a: Any) -> Request:
    a = _array(a)
    return Request(INVERSE, a, len(a) if a.ndim else 0, _because(inv_fits(a), a))


#: The functions that are explained here.
FACTORED: dict[Any, Callable[..., Request]] = {lstsq: _lstsq, pinv: _pinv, solve: _solve, inv: _inv}


def is_factored(function: Any) -> bool:
    """Whether `explain_factored` knows a function."""
    return function in FACTORED or getattr(function, "__module__", "") == "einroute._scipy_linalg"


def explain_factored(function: Any, *args: Any, **kwargs: Any) -> FactorExplanation:
    """What ``function(*args, **kwargs)`` would do; `function` is one that `is_factored`.

    Raises
    ------
    TypeError
        Arguments that the function does not take.
    """
    name = function.__name__
    matrix = kwargs["a"] if not args else args[0]
    shapes = ", ".join(
        f"{tuple(x.shape)} {np.dtype(x.dtype).name}" for x in (*args, *kwargs.values()) if hasattr(x, "dtype")
    )
    if isinstance(matrix, Factorized):
        way = SVD if name in {"lstsq", "pinv"} else LU
        cost = _applying(way, matrix.shape, 1, matrix.nbytes)
        return FactorExplanation(name, shapes, f"factors.{_base(way)}", "not asked", "explicit factors", cost)
    scipys = function not in FACTORED
    numpys = f"{'scipy' if scipys else 'numpy'}.linalg.{name}"
    if any(is_foreign(x) and not hasattr(x, "shape") for x in args):
        return FactorExplanation(
            name, shapes, numpys, "not asked", "the operand's own library answers", Cost()
        )
    if is_sparse(matrix) and function in {lstsq, solve}:
        return _sparse(name, shapes, matrix)
    if scipys:
        from ._explain_scipy import request as scipy_request

        request = scipy_request(function, *args, **kwargs)
    else:
        request = FACTORED[function](*args, **kwargs)
    if request.refused:
        return FactorExplanation(name, shapes, numpys, "not asked", request.refused, _afresh(request))
    if not isinstance(matrix, (np.ndarray, list, tuple)):
        method = "without the matrix's contents nobody can tell; LAPACK answers the first sight"
        return FactorExplanation(name, shapes, numpys, "unknown", method, _afresh(request))
    return _from_cache(name, shapes, numpys, request, prospect(request.way, request.a))


def _sparse(name: str, shapes: str, matrix: Any) -> FactorExplanation:
    """A sparse matrix: factored at its first sight, since answering takes that anyway."""
    sparse = as_scipy(matrix)
    way = "sparse lu" if name == "solve" else "sparse lstsq"
    kept: Any = FACTORS.peek(sparse_key(way, sparse, current().config.reproducible))
    nnz = float(sparse.nnz)
    route = f"factors.{way.replace(' ', '_')}"
    if type(kept) is tuple:
        method = f"{sparse.nnz} non-zeros; factored by this call, and kept"
        return FactorExplanation(name, shapes, route, "miss", method, Cost(100 * nnz, 100 * nnz, 100))
    cost = Cost(float(kept.nbytes) / 8, float(kept.nbytes), 20)
    return FactorExplanation(name, shapes, route, "hit", f"{sparse.nnz} non-zeros; {kept.method}", cost)


def _from_cache(name: str, shapes: str, numpys: str, request: Request, found: Prospect) -> FactorExplanation:
    way, shape = request.way, request.a.shape
    if found.factors is not None:
        factors: Any = found.factors
        rank = request.rank(factors) if request.rank is not None else shape[0]
        if rank is None:
            method = "a singular value is near the cutoff, so that LAPACK's own driver decides the rank"
            return FactorExplanation(name, shapes, numpys, "hit", method, _afresh(request))
        method = {
            "svd": f"singular value decomposition, rank {rank}",
            "lu": getattr(factors, "method", ""),
            "inverse": "a copy of the inverse",
        }[_base(way)]
        cost = _applying(way, shape, request.columns, factors.nbytes)
        return FactorExplanation(name, shapes, f"factors.{_base(way)}", "hit", method, cost)
    if not found.fits:
        method = "factors would not be kept (set_config: cache_bytes, prepare)"
        return FactorExplanation(name, shapes, numpys, "not asked", method, _afresh(request))
    seen = {0: "never seen", 1: "seen once"}.get(found.times, f"seen {found.times} times")
    if found.due:
        price = Cost(way.price(*shape), 2.0 * way.nbytes(*shape), 4, GEMM)
        return FactorExplanation(
            name, shapes, f"factors.{_base(way)}", f"miss, {seen}", "factored by this call, and kept", price
        )
    method = "LAPACK's own driver; the matrix is remembered as seen"
    return FactorExplanation(name, shapes, numpys, f"miss, {seen}", method, _afresh(request))


def _base(way: Way) -> str:
    """The name without the precision and the namespace."""
    return way.name.partition(",")[0]


def _array(x: Any) -> Any:
    """An array, or what stands for one by ``shape`` and ``dtype``."""
    if isinstance(x, (np.ndarray, list, tuple, np.generic, int, float, complex)) or not hasattr(x, "dtype"):
        return np.asarray(x)
    return np.lib.stride_tricks.as_strided(np.empty(1, x.dtype), tuple(x.shape), (0,) * len(x.shape))


def _columns(b: Any) -> int:
    return b.shape[1] if b.ndim > 1 else 1


def _because(fits: bool, a: Any = None) -> str:
    if fits:
        return ""
    if a is not None and a.ndim == 2 and 0 < a.size <= SMALL:
        return "too small to be worth recognising"
    return "shapes, dtypes or options that are NumPy's to judge, or reproducible results were asked for"


def _afresh(request: Request) -> Cost:
    """LAPACK's answer without factors."""
    if request.a.ndim < 2:
        return Cost()
    m, n = request.a.shape[-2:]
    stack = float(np.prod(request.a.shape[:-2]))
    work = stack * request.way.work(m, n, 1, request.columns)
    return Cost(work, 2.0 * request.a.nbytes, LAPACK_CALLS, GEMM)


def _applying(way: Way, shape: tuple[int, int], columns: int, nbytes: int) -> Cost:
    """A hash, and the products with the factors."""
    products = {"svd": 3.0, "lu": 1.0, "inverse": 0.0}[_base(way)]
    return Cost(products * columns * shape[0] * shape[1], 8.0 * shape[0] * shape[1] + nbytes, 10, GEMM)
