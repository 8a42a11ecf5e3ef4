"""Whether all numbers of an array are finite, without a temporary where they are."""

from __future__ import annotations

from cmath import isfinite
from typing import Any

import numpy as np

#: Numbers of a sum of squares that BLAS keeps in the calling thread, and up to how many such pieces that is
#: faster than to wake its threads.
_PIECE, _PIECES = 8192, 8
#: The real numbers that complex ones are made of.
_PARTS = {"F": np.dtype("f4"), "D": np.dtype("f8")}


def finite(x: np.ndarray[Any, Any]) -> bool:
    """Whether all entries of an array of floats or complex numbers are finite.

    Floating-point flags are to be ignored by the caller.
    """
    flat, char = x.ravel(order="K"), x.dtype.char
    # A sum of squares is finite only if all terms are; it can overflow when none is infinite.
    if char in "fdFD" and x.dtype.isnative:
        if char in _PARTS and flat.size > _PIECE // 2:  # a product of reals is half the work
            flat = flat.view(_PARTS[char])
        if _PIECE < flat.size <= _PIECES * _PIECE:
            parts = [flat[i : i + _PIECE] for i in range(0, flat.size, _PIECE)]
            if all(isfinite(part.dot(part)) for part in parts):
                return True
        elif isfinite(flat.dot(flat)):
            return True
    return bool(np.isfinite(flat).all())
