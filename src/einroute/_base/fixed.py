"""Arrays whose facts stay what they are while a call is planned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["fixed"]


def fixed(operands: Iterable[Any]) -> tuple[Any, ...]:
    """Plain arrays as views of their own, other operands as they are; one object stays one.

    Another thread, or code that a call runs, may set the shape, strides or dtype of an array in place. What
    is planned of one layout must not be kept for another.
    """
    views: dict[int, Any] = {}
    kept = []
    for x in operands:
        if type(x) is np.ndarray:
            view = views.get(id(x))
            if view is None:
                view = views[id(x)] = x.view()
            kept.append(view)
        else:
            kept.append(x)
    return tuple(kept)
