"""lstsq, solve, inv and pinv with scipy.linalg's signatures, from kept factors.

What those cannot answer as SciPy would goes to SciPy's own function at every call.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
from scipy.linalg import (
    inv as scipy_inv,
)  # bound here: replacing SciPy's functions must not make them call us
from scipy.linalg import lstsq as scipy_lstsq
from scipy.linalg import pinv as scipy_pinv
from scipy.linalg import solve as scipy_solve

from .._base.errors import as_numpys, shown, suggest
from .._base.linalg import blame
from .._base.signature import publish
from .._base.threads import single_threaded_blas
from .._base.watch import WATCH, tell_declined, tell_factors, tell_fallback, to_observe
from .._call.factors import EXPLICIT, Problem
from .._call.fallback import leave_to_others
from .._call.observe import observe
from .._call.solving import named, scipys_solver
from .._config.state import current
from .._factors.factorizations import INVERSE, LU, SVD
from .._factors.factorized import Factorized, check_right_side
from .._kinds.registry import solving_kind
from .scipy_lstsq import DRIVERS, lstsq_form
from .scipy_problems import (
    inv_problem,
    lstsq_problem,
    native,
    pinv_problem,
    solve_problem,
    unrouted,
)

__all__ = ["inv", "lstsq", "pinv", "solve"]


def _given(**options: Any) -> dict[str, Any]:
    """The options that differ from their defaults, of which ``check_finite`` alone is true."""
    return {name: x for name, x in options.items() if x is not None and x is not (name == "check_finite")}


def _scipys(
    function: Any, name: str, given: tuple[Any, ...], problem: Problem | str, *args: Any, **kwargs: Any
) -> Any:
    """SciPy's own answer, where kept factors have none; its exceptions say what to mend."""
    operands = tuple(unrouted(x) for x in given)
    others = scipys_solver(function, operands)
    if others is not None:
        return others(*operands, *args, **kwargs)
    if solving_kind(operands) is None:
        leave_to_others(name, *operands)
    if isinstance(problem, str):
        tell_fallback(problem)
    tell_declined("near the cutoff, ill-conditioned or not finite: SciPy's own function answers")
    try:
        with single_threaded_blas() if current().config.reproducible else nullcontext():
            return function(*map(native, operands), *args, **kwargs)
    except Exception as error:
        if solving_kind(operands) is not None:
            message = (
                f"{name} takes arrays alone; einroute.lstsq and einroute.linalg.solve take {named(given)}"
            )
            raise as_numpys(ValueError(message), error) from error
        blame(name, error, *operands)


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
    if isinstance(a, Factorized):
        if driver not in DRIVERS:
            raise ValueError(f"lapack_driver is {shown(driver)}, {suggest(driver, DRIVERS)}")
        b = unrouted(b)
        check_right_side(b, "lstsq")
        _check_finite(b, check_finite)
        tell_factors(SVD.route, EXPLICIT)
        return _scipys_tuple(a, b, cond, driver)
    if type(a) in {list, tuple}:
        a = np.asarray(a)  # SciPy 1.18 asks what its documentation calls array_like for its shape
    problem = lstsq_problem(a, b, cond, overwrite_a, overwrite_b, check_finite, driver)
    answer = None if isinstance(problem, str) else problem.answer()
    if answer is not None:
        return answer  # type: ignore[no-any-return]  # as the problem has it
    return _scipys(  # type: ignore[no-any-return]  # SciPy has no types
        scipy_lstsq, "lstsq", (a, b), problem, cond, overwrite_a, overwrite_b, check_finite, driver
    )


lstsq.default_lapack_driver = "gelsd"  # type: ignore[attr-defined]  # scipy.linalg.lstsq has it, and reads it


def _default_driver() -> Any:
    """What is set on our function; else on SciPy's, which it is set on while ours is in its place."""
    own = lstsq.default_lapack_driver  # type: ignore[attr-defined]  # as above
    return scipy_lstsq.default_lapack_driver if own == "gelsd" else own


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
        b = unrouted(b)
        check_right_side(b, "solve")
        _check_finite(b, check_finite)
        tell_factors(LU.route, EXPLICIT)
        return a.solve(b, transposed=bool(transposed))
    problem = solve_problem(a, b, lower, overwrite_a, overwrite_b, check_finite, assume_a, transposed)
    answer = None if isinstance(problem, str) else problem.answer()
    if answer is not None:
        return answer
    structure = {} if assume_a is None else {"assume_a": assume_a}
    return _scipys(
        scipy_solve, "solve", (a, b), problem, lower, overwrite_a, overwrite_b, check_finite,
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
    problem = inv_problem(a, overwrite_a, check_finite, assume_a=assume_a, lower=lower)
    answer = None if isinstance(problem, str) else problem.answer()
    if answer is not None:
        return answer
    newer = {} if assume_a is None and not lower else {"assume_a": assume_a, "lower": lower}
    return _scipys(scipy_inv, "inv", (a,), problem, overwrite_a, check_finite, **newer)


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
    problem = pinv_problem(a, atol=atol, rtol=rtol, return_rank=return_rank, check_finite=check_finite)
    answer = None if isinstance(problem, str) else problem.answer()
    if answer is not None:
        return answer
    return _scipys(
        scipy_pinv, "pinv", (a,), problem,
        atol=atol, rtol=rtol, return_rank=return_rank, check_finite=check_finite,
    )  # fmt: skip


publish("einroute.scipy.linalg", ("inv", "lstsq", "pinv", "solve"), globals())
