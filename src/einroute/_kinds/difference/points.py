"""The points of a difference as floating-point numbers, where that changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.arrays import in_memory_order
from ..._base.facts import DType, Operand
from ..._base.routes import Declined, Refused
from .operand import PairwiseDifference

Array = np.ndarray[Any, Any]

#: Why points of integers are no floating-point numbers.
GUARD = "integer differences do not wrap"


def convertible(op: Operand, dtype: DType) -> Refused | None:
    """Whether the points of a difference may be taken in the dtype that is computed in; None if so."""
    if op.dtype == dtype or (op.dtype.kind in "iu" and dtype.kind == "f"):
        return None
    return Refused(f"the differences are rounded to {op.dtype} before they are {dtype}")


def converted(d: PairwiseDifference, dtype: DType) -> tuple[Array, Array] | Declined:
    """Points whose differences in ``dtype`` are those of `d`, C-ordered; one array twice if they are one set.

    A difference of integers is formed in their own dtype, and may wrap there; where none can, and the points
    are exact in ``dtype``, it is the same to subtract afterwards.
    """
    if d.dtype != dtype and d.x.size and d.y.size:
        low, high = ([int(end(x)) for x in (d.x, d.y)] for end in (np.min, np.max))
        ends = np.iinfo(d.dtype)
        exact = 2 ** (np.finfo(dtype).nmant + 1)
        if low[0] - high[1] < ends.min or high[0] - low[1] > ends.max:
            return Declined("integer differences could wrap")
        if max(*high, *(-x for x in low)) > exact:
            return Declined(f"the points are too large to be exact in {dtype}")
    x = in_memory_order(d.x, dtype)
    return x, x if d.y is d.x else in_memory_order(d.y, dtype)
