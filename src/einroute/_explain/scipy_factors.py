"""What the functions of `einroute.scipy.linalg` would do; imported when one of them is asked about."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._factors.recall import INVERSE, LU, SVD, Way
from .._scipy_linalg import inv, lstsq, pinv, plain, solve, way_in, working_dtype
from .factors import Request

#: The way in which each function keeps a matrix.
WAYS: dict[Any, Way] = {lstsq: SVD, pinv: SVD, solve: LU, inv: INVERSE}


def request(function: Any, a: Any, b: Any = None, *rest: Any, **options: Any) -> Request:
    """The call as the cache would get it.

    Options other than the default may send it to SciPy at every call: ``assume_a``, ``overwrite_*``, a gelsy
    or gelss driver with a cutoff out of (0, 1).
    """
    way = WAYS[function]
    arrays = plain(a) if b is None else plain(a, b)
    if arrays is None or (way is not SVD and arrays[0].shape[0] != arrays[0].shape[1]):
        reason = "shapes or dtypes that are SciPy's to judge, or reproducible results were asked for"
        return Request(way, np.asarray(a), 1, reason)
    if rest or set(options) - {"cond", "check_finite", "rtol", "atol", "return_rank"}:
        return Request(way, arrays[0], 1, "options under which SciPy may have to answer; ask without them")
    working = working_dtype(*arrays)
    eps = float(np.finfo(working).eps)
    longest = 1 if function is lstsq else max(arrays[0].shape)
    cutoff = options.get("cond", options.get("rtol"))
    cutoff = eps * longest if cutoff is None else cutoff
    columns = 1 if b is None or arrays[1].ndim == 1 else arrays[1].shape[1]
    rank = (lambda factors: factors.rank(cutoff)) if way is SVD else None
    return Request(way_in(way, working), arrays[0], columns, "", rank)
