"""The parts of an operand that the core has checked, as `Entries`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._entries.entries import Compressed, Entries

Array = np.ndarray[Any, Any]


def as_entries(
    shape: tuple[int, ...], data: Array, first: Any, indices: Array | None = None, axis: int = -1
) -> Entries:
    """Entries by coordinates, one array an axis, or by pointers and indices."""
    if indices is None:
        return Entries(shape, data, first)
    return Entries(shape, data, None, Compressed(first, indices, axis))
