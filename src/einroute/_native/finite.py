"""Whether all numbers of an array are finite, without a temporary where they are.

Of a few the core looks at each, in a tenth of the time that BLAS takes.

The thread that asks reads them alone.  What another core has read takes ten times as long to write, and the
memory of a result that was looked at is that of the next one.
"""

from __future__ import annotations

from cmath import isfinite
from typing import Any

import numpy as np

from . import CORE

#: Numbers of a sum of squares that BLAS keeps in the calling thread.
_PIECE = 8192
#: The real numbers that complex ones are made of.
_PARTS = {"F": np.dtype("f4"), "D": np.dtype("f8")}


def finite(x: np.ndarray[Any, Any]) -> bool:
    """Whether all entries of an array of floats or complex numbers are finite.

    Floating-point flags are to be ignored by the caller.
    """
    found: bool | None = None if CORE is None else CORE.few_finite(x)
    if found is not None:
        return found
    if 0 in x.strides and x.size:  # what stands still in memory is looked at once
        x = x[tuple(slice(None) if stride else 0 for stride in x.strides)]
    flat, char = x.ravel(order="K"), x.dtype.char
    if char in "fdFD" and x.dtype.isnative:
        if flat.size <= _PIECE // 2:  # a sum of squares is finite only if all terms are
            if isfinite(flat.dot(flat)):
                return True
        elif CORE is not None and type(flat) is np.ndarray and _is_plain(flat):
            return bool(CORE.finite(flat))
        elif _sums_are(flat.view(_PARTS[char]) if char in _PARTS else flat):  # of reals: half the work
            return True
    return bool(np.isfinite(flat).all())  # a sum can overflow when none is infinite


def _is_plain(flat: np.ndarray[Any, Any]) -> bool:
    return flat.flags.aligned and flat.flags.c_contiguous and flat.ndim == 1


def _sums_are(flat: np.ndarray[Any, Any]) -> bool:
    pieces = (flat[i : i + _PIECE] for i in range(0, flat.size, _PIECE))
    return all(isfinite(piece.dot(piece)) for piece in pieces)
