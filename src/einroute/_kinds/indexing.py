"""Basic indexing of operands that are not written out: which part of each axis an index needs."""

from __future__ import annotations

from operator import index as as_int
from typing import Any

import numpy as np

__all__ = ["covered", "shifted"]

_NO_INDEX = "index of type {}, expected integers, slices, an ellipsis, None or arrays of integers or booleans"
Bounds = tuple[tuple[int, int], ...]


def _items(index: Any) -> tuple[Any, ...] | None:
    """The items of a basic index: ints, slices, an Ellipsis, None; None if it is another."""
    items = index if type(index) is tuple else (index,)
    found: list[Any] = []
    for item in items:
        if item is None or item is Ellipsis or isinstance(item, slice):
            found.append(item)
        elif isinstance(item, (bool, np.bool, np.ndarray)):
            return None
        else:
            try:
                found.append(as_int(item))
            except TypeError:
                if isinstance(item, (list, tuple)):
                    return None
                raise IndexError(_NO_INDEX.format(type(item).__name__)) from None
    return tuple(found)


def _spread(items: tuple[Any, ...], ndim: int) -> list[Any]:
    """The item of each axis, all of it where none is given."""
    own = [item for item in items if item is not None]
    dots = [n for n, item in enumerate(own) if item is Ellipsis]
    if len(dots) > 1:
        raise IndexError("index has more than one ellipsis, expected one at most")
    if len(own) - len(dots) > ndim:
        raise IndexError(f"index has {len(own) - len(dots)} items for an operand of {ndim} axes")
    at = dots[0] if dots else len(own)
    missing = ndim - len(own) + len(dots)
    return [*own[:at], *[slice(None)] * missing, *own[at + len(dots) :]]


def covered(index: Any, shape: tuple[int, ...]) -> Bounds | None:
    """From where to where each axis is needed; None of an index with arrays, which may need everything.

    Raises
    ------
    IndexError
        A basic index that does not fit.
    """
    items = _items(index)
    if items is None:
        return None
    bounds = []
    for axis, (item, n) in enumerate(zip(_spread(items, len(shape)), shape, strict=True)):
        if isinstance(item, slice):
            own = range(n)[item]
            low, high = (min(own[0], own[-1]), max(own[0], own[-1]) + 1) if len(own) else (0, 0)
        elif -n <= item < n:
            low, high = item % n, item % n + 1
        else:
            raise IndexError(f"index {item} is out of bounds for axis {axis} with size {n}")
        bounds.append((low, high))
    return tuple(bounds)


def shifted(index: Any, shape: tuple[int, ...], bounds: Bounds) -> tuple[Any, ...]:
    """A basic index of a tensor, as one of the part of it within bounds."""
    items = _items(index)
    assert items is not None
    count = len(shape) - sum(item is not None and item is not Ellipsis for item in items)
    found: list[Any] = []
    axis = 0
    for item in items:
        if item is None or item is Ellipsis:
            found.append(item)
            axis += count if item is Ellipsis else 0
        else:
            low = bounds[axis][0]
            found.append(_moved(item, shape[axis], low))
            axis += 1
    return tuple(found)


def _moved(item: Any, n: int, low: int) -> Any:
    if not isinstance(item, slice):
        return item % n - low
    own = range(n)[item]
    if not len(own):
        return slice(0, 0)
    stop = own.stop - low
    return slice(own.start - low, None if stop < 0 else stop, own.step)
