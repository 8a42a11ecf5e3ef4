"""What the functions of `einroute.scipy.linalg` would do; imported when one of them is asked about."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import numpy as np

from .._api.scipy_linalg import DRIVERS, inv, lstsq, pinv, plain, solve, way_in, working_dtype
from .._base.errors import shown, suggest
from .._base.linalg import misfit
from .._factors.factorizations import INVERSE, LU, SVD, Factorization
from .._factors.svd import SVDFactors
from .request import Request
from .stand_in import as_array

#: The way in which each function keeps a matrix.
WAYS: dict[Any, Factorization] = {lstsq: SVD, pinv: SVD, solve: LU, inv: INVERSE}


#: Options with which the cache may answer.
_KNOWN = frozenset({"cond", "check_finite", "rtol", "atol", "return_rank"})


def request(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request:
    """The call as the cache would get it.

    Options other than the default may send it to SciPy at every call: ``assume_a``, ``overwrite_*``, a
    negative cutoff, a gelsy or gelss driver with a cutoff out of (0, 1).

    Raises
    ------
    ValueError
        Sizes that differ.
    """
    given = inspect.signature(function).bind(*args, **kwargs).arguments
    way = WAYS[function]
    operands = [as_array(given[name]) for name in ("a", "b") if name in given]
    _check(function, operands, given)
    arrays = plain(*operands)
    if arrays is None:
        reason = "shapes or dtypes that are SciPy's to judge, or reproducible results were asked for"
        return Request(way, operands[0], 1, reason)
    if given.keys() - {"a", "b"} - _KNOWN or (given.get("cond") or 0) < 0:
        return Request(way, arrays[0], 1, "options under which SciPy may have to answer; ask without them")
    working = working_dtype(*arrays)
    columns = arrays[1].shape[1] if len(arrays) > 1 and arrays[1].ndim > 1 else 1
    eps = float(np.finfo(working).eps) * (1 if function is lstsq else max(arrays[0].shape))
    rank = partial(_rank, given, eps) if way is SVD else None
    return Request(way_in(way, working), arrays[0], columns, "", rank)


def _check(function: Any, operands: list[Any], given: dict[str, Any]) -> None:
    """Raise what SciPy would raise for shapes, objects and drivers."""
    name, a = function.__name__, operands[0]
    driver = given.get("lapack_driver")
    if driver is not None and driver not in DRIVERS:
        raise ValueError(f"scipy.linalg.{name}: lapack_driver is {shown(driver)}, {suggest(driver, DRIVERS)}")
    # A matrix of one number divides whatever there is, and stacks are broadcast.
    settled = a.ndim in {1, 2} and not (name == "solve" and a.size == 1) and all(x.ndim < 3 for x in operands)
    found = misfit(name, *operands) if settled else None
    if found is not None and (found[0] is not TypeError or any(x.dtype == object for x in operands)):
        raise ValueError(f"scipy.linalg.{name}: {found[1]}")


def _rank(given: dict[str, Any], default: float, factors: SVDFactors) -> int | None:
    """The rank with the cutoff of a call, as `einroute.scipy.linalg` reads it."""
    cutoff = given.get("cond", given.get("rtol"))
    cutoff = default if cutoff is None else cutoff
    return factors.rank(cutoff + (given.get("atol") or 0.0) / float(factors.s[0]))
