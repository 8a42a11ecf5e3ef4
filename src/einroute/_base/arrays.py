"""Arrays as compiled loops read them."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["in_memory_order"]


def in_memory_order(x: Any, dtype: Any = None) -> np.ndarray[Any, Any]:
    """`x` C-ordered and aligned, of ``dtype`` if that is given; itself if it is.

    ``numpy.ascontiguousarray`` leaves an array as it is whose elements lie across the bounds of their size.
    """
    made = np.ascontiguousarray(x, dtype)
    return made if made.flags.aligned else made.copy()
