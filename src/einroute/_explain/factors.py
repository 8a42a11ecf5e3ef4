"""What lstsq, solve, inv and pinv would do: cache hit or miss, the method, the cost.

Nothing is computed and nothing is counted: asking does not make a matrix seen.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._api.functions import is_scipys, routed
from .._api.lstsq import lstsq, lstsq_problem, pinv, pinv_problem
from .._api.scipy_lstsq import DRIVERS
from .._api.solve import inv, inv_problem, solve, solve_problem
from .._api.stacked_lstsq import check_stack
from .._base.cost import GEMM, Cost
from .._base.errors import as_numpys, shown, suggest
from .._base.linalg import is_foreign, misfit
from .._call.factors import EXPLICIT, Problem, Prospect, prospect
from .._call.fallback import foreign_reason
from .._call.solving import explained, named
from .._config.state import check_strict, current
from .._factors.factorizations import INVERSE, LU, SVD, Factorization
from .._factors.factorized import Factorized
from .._kinds.registry import solving_kind
from .._kinds.structured import Structured
from .explanation import Explanation
from .outline import OutlineOperand
from .outlining import in_one_step, operand_of
from .stand_in import as_array

__all__ = ["estimate", "explain_factored", "is_factored"]

#: What LAPACK takes on the smallest matrix, in units of one NumPy call.
LAPACK_CALLS = 25


def _refuse_misfit(function: str, a: Any, b: Any = None) -> None:
    """Raise what the function would raise for dtypes and shapes."""
    found = misfit(function, a, b)
    if found is not None:
        error, message = found
        raise error(f"{function}: {message}")


@dataclass(frozen=True, slots=True)
class _Solves:
    """What a function of linear algebra is explained by.

    Attributes
    ----------
    way : Factorization
        How it keeps a matrix.
    problem : callable
        From the call's arguments to what kept factors may answer, or why they may not.
    check : callable
        Raises what the function raises for dtypes and shapes.
    """

    way: Factorization
    problem: Callable[..., Problem | str]
    check: Callable[..., None]


def _check(function: str) -> Callable[..., None]:
    def check(a: Any, b: Any = None, *_options: Any, **_named: Any) -> None:
        _refuse_misfit(function, a, b if function in TWO else None)

    return check


def _check_lstsq(a: Any, b: Any, *_rcond: Any) -> None:
    if a.ndim > 2:
        check_stack(a, b)
    else:
        _refuse_misfit("lstsq", a, b)


def _check_pinv(a: Any, rcond: Any = None, *_hermitian: Any, rtol: Any = np._NoValue, **_named: Any) -> None:
    _refuse_misfit("pinv", a)
    if rcond is not None and rtol is not np._NoValue:
        raise ValueError("pinv: rcond and rtol are two names of one option; give one of them")
    if rtol is None and a.dtype.kind in "biu":
        raise ValueError(f"pinv: a has dtype {a.dtype}, and rtol=None takes the precision of a's own dtype")


def _check_scipys(function: str) -> Callable[..., None]:
    """What SciPy raises for shapes, objects and drivers."""

    def check(a: Any, b: Any = None, *options: Any, **named: Any) -> None:
        driver = named.get("lapack_driver", options[4] if function == "lstsq" and len(options) > 4 else None)
        if driver is not None and driver not in DRIVERS:
            raise ValueError(
                f"scipy.linalg.{function}: lapack_driver is {shown(driver)}, {suggest(driver, DRIVERS)}"
            )
        for name in ("atol", "rtol"):
            if isinstance(named.get(name), (int, float)) and named[name] < 0:
                raise ValueError(f"scipy.linalg.{function}: {name} is {named[name]!r}, expected 0 or more")
        operands = [a, b] if function in TWO else [a]
        # A matrix of one number divides whatever there is, and stacks are broadcast.
        if function == "solve":
            settled = a.ndim in {1, 2} and a.size != 1 and b.ndim < 3
        else:
            settled = a.ndim < 2 or (a.ndim == 2 and all(x.ndim < 3 for x in operands))
        found = misfit(function, *operands) if settled else None
        if found is not None and (found[0] is not TypeError or any(x.dtype == object for x in operands)):
            raise ValueError(f"scipy.linalg.{function}: {found[1]}")

    return check


#: Functions with a right-hand side.
TWO = frozenset({"lstsq", "solve"})
FACTORED: dict[Any, _Solves] = {
    lstsq: _Solves(SVD, lstsq_problem, _check_lstsq),
    pinv: _Solves(SVD, pinv_problem, _check_pinv),
    solve: _Solves(LU, solve_problem, _check("solve")),
    inv: _Solves(INVERSE, inv_problem, _check("inv")),
}


def _solves(function: Any) -> _Solves:
    """How a function that `is_factored` is explained."""
    if not is_scipys(function):
        return FACTORED[function]
    name = function.__name__
    problems = importlib.import_module("einroute._api.scipy_problems")
    way = SVD if name in {"lstsq", "pinv"} else LU if name == "solve" else INVERSE
    return _Solves(way, getattr(problems, f"{name}_problem"), _check_scipys(name))


def is_factored(function: Any) -> bool:
    """Whether `explain_factored` knows a function."""
    return function in FACTORED or is_scipys(function)


@dataclass(frozen=True, slots=True)
class _Request:
    """A call with its operands as arrays: what kept factors may answer of it, or why they may not."""

    way: Factorization
    a: Any
    columns: int
    problem: Problem | str

    @classmethod
    def of(cls, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Request:
        """From a call's arguments.

        Raises
        ------
        TypeError, ValueError, numpy.linalg.LinAlgError
            Operands that the function does not take.
        """
        solves = _solves(function)
        takes = 2 if function.__name__ in TWO else 1
        operands = [as_array(x) for x in args[:takes]]
        solves.check(*operands, *args[takes:], **kwargs)
        problem = solves.problem(*operands, *args[takes:], **kwargs)
        a = operands[0]
        columns = _columns(operands[1]) if takes > 1 else min(a.shape, default=1)
        if isinstance(problem, str):
            return cls(solves.way, a, columns, problem)
        return cls(problem.way, problem.a, columns, problem)


def explain_factored(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Explanation:
    """What ``function(*args, **kwargs)`` would do; `function` is one that `is_factored`.

    Parameters
    ----------
    function : callable
    args, kwargs
        Bound to its signature: whatever can stand by position does.

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        Operands that the function does not take.
    NoRoute
        The configuration leaves no way.
    """
    if is_scipys(function) and function.__name__ == "pinv" and isinstance(args[0], Factorized):
        args = (np.asarray(args[0]), *args[1:])  # as that does
    asked = _Asked.of(function, args)
    matrix = asked.matrix
    if isinstance(matrix, Factorized):
        _refuse_misfit(function.__name__, matrix, *map(as_array, asked.operands[1:]))
        way = _explicit_way(function)
        cost = _applying(way, matrix.shape, 1, matrix.nbytes)
        return asked.answer(way.route, EXPLICIT, "the factors that are given", cost)
    others = None if is_scipys(function) else explained(function, asked.operands)
    if others is not None:
        told = others(*args, **kwargs)
        return asked.answer(told.route, told.cache, told.method, told.cost)
    _refuse_kinds(asked)
    reason = foreign_reason(asked.operands)
    if reason:
        check_strict(current(), asked.name, reason)
        _refuse_written_out(function, asked.operands, args[len(asked.operands) :], kwargs)
        return asked.answer(asked.own, "not asked", reason, Cost())
    request = _Request.of(function, args, kwargs)
    problem = request.problem
    if isinstance(problem, str):
        return asked.answer(asked.own, "not asked", problem, _afresh(request))
    if current().policy.forbids(request.way.route):
        reason = f"{request.way.route} is forbidden by config(allow=, forbid=)"
        return asked.answer(asked.own, "not asked", reason, _afresh(request))
    if not isinstance(matrix, (np.ndarray, list, tuple)):
        method = "LAPACK's own driver, as for a matrix not seen before: its contents would tell"
        return asked.answer(asked.own, "unknown", method, _afresh(request))
    return _from_cache(asked, request, problem, prospect(request.way, request.a))


def _refuse_written_out(
    function: Any, operands: tuple[Any, ...], options: tuple[Any, ...], named: dict[str, Any]
) -> None:
    """Raise what the function raises for structured operands, which are written out for it."""
    if any(is_foreign(x) and not isinstance(x, Structured) for x in operands):
        return
    arrays = map(as_array, operands)
    if is_scipys(function):
        _check_scipys(function.__name__)(*arrays, *options, **named)
    else:
        _refuse_misfit(function.__name__, *arrays)


def estimate(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], route: str, cache: str
) -> float | None:
    """The estimated time of a call of which the route is known, without a look into the cache."""
    asked = _Asked.of(function, args)
    if isinstance(asked.matrix, Factorized):
        way = _explicit_way(function)
        return _applying(way, asked.matrix.shape, 1, asked.matrix.nbytes).seconds
    if solving_kind(asked.operands) is not None:
        return None
    request = _Request.of(function, args, kwargs)
    if route != request.way.route:
        return _afresh(request).seconds
    m, n = request.a.shape
    applied = _applying(request.way, (m, n), request.columns, request.way.nbytes(m, n))
    return applied.seconds if cache == "hit" else (_making(request) + applied).seconds


@dataclass(frozen=True, slots=True)
class _Asked:
    """The call that is asked about, by names and operands."""

    name: str
    own: str
    operands: tuple[Any, ...]

    @classmethod
    def of(cls, function: Any, args: tuple[Any, ...]) -> _Asked:
        """From a call's positional arguments; ``b`` counts only where the function has one."""
        names = routed(function)
        assert names is not None
        takes = 2 if function.__name__ in TWO else 1
        return cls(names.name, names.own, args[:takes])

    @property
    def matrix(self) -> Any:
        return self.operands[0]

    def answer(self, route: str, cache: str, method: str, cost: Cost) -> Explanation:
        """One step, by this route."""
        told = [operand_of(x) for x in self.operands]
        shape = _result_shape(told)
        result = OutlineOperand("dense", shape, "")
        outline = in_one_step(self.name, route, told, method, cost, result=result, notes=(f"cache: {cache}",))
        return Explanation(outline, cache=cache, method=method)


def _result_shape(operands: list[OutlineOperand]) -> tuple[int, ...] | None:
    shapes = [op.shape for op in operands]
    a = shapes[0]
    if a is None or len(a) < 2 or None in shapes:
        return None
    if len(shapes) == 1:
        return (*a[:-2], a[-1], a[-2])
    b = shapes[1] or ()
    return (*a[:-2], a[-1], *(b[-1:] if len(b) > 1 else ()))


def _explicit_way(function: Any) -> Factorization:
    name = function.__name__
    return SVD if name in {"lstsq", "pinv"} else LU if name == "solve" else INVERSE


def _from_cache(asked: _Asked, request: _Request, problem: Problem, found: Prospect) -> Explanation:
    way, shape = request.way, request.a.shape
    if found.factors is not None:
        factors: Any = found.factors
        rank = problem.rank(factors) if problem.rank is not None else shape[0]
        if rank is None:
            method = "a singular value is near the cutoff, so that LAPACK's own driver decides the rank"
            return asked.answer(asked.own, "hit", method, _afresh(request))
        method = {
            SVD.route: f"singular value decomposition, rank {rank}",
            LU.route: getattr(factors, "method", ""),
            INVERSE.route: "a copy of the inverse",
        }[way.route]
        return asked.answer(way.route, "hit", method, _applying(way, shape, request.columns, factors.nbytes))
    if not found.fits:
        method = "factors would not be kept (set_config: cache_bytes, prepare)"
        return asked.answer(asked.own, "not asked", method, _afresh(request))
    if found.due:
        return asked.answer(way.route, found.cache, "factored by this call, and kept", _making(request))
    method = "LAPACK's own driver; the matrix is remembered as seen"
    return asked.answer(asked.own, found.cache, method, _afresh(request))


def _refuse_kinds(asked: _Asked) -> None:
    """Raise for operands that NumPy's functions take by solvers of their kind, and SciPy's do not."""
    if solving_kind(asked.operands) is None:
        return
    ours = ValueError(
        f"{asked.name} takes arrays alone; einroute.lstsq and einroute.linalg.solve take "
        f"{named(asked.operands)}"
    )
    try:
        for x in asked.operands:
            np.asarray(x)  # which is what SciPy does first
    except Exception as theirs:
        raise as_numpys(ours, theirs) from theirs
    raise ours


def _columns(b: Any) -> int:
    return b.shape[1] if b.ndim > 1 else 1


def _afresh(request: _Request) -> Cost:
    """LAPACK's answer without factors."""
    if request.a.ndim < 2:
        return Cost()
    m, n = request.a.shape[-2:]
    stack = float(np.prod(request.a.shape[:-2]))
    work = stack * request.way.work(m, n, 1, request.columns)
    return Cost(work, 2.0 * request.a.nbytes, LAPACK_CALLS, GEMM)


def _making(request: _Request) -> Cost:
    """A factorization."""
    m, n = request.a.shape
    return Cost(request.way.price(m, n), 2.0 * request.way.nbytes(m, n), 4, GEMM)


def _applying(way: Factorization, shape: tuple[int, ...], columns: int, nbytes: float) -> Cost:
    """A hash, and the products with the factors."""
    products = {SVD.route: 3.0, LU.route: 1.0, INVERSE.route: 0.0}[way.route]
    return Cost(products * columns * shape[0] * shape[1], 8.0 * shape[0] * shape[1] + nbytes, 10, GEMM)
