"""Whether the index arrays of a sparse array are sound: no loop may read or write outside its arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._base.arrays import in_memory_order

Array = np.ndarray[Any, Any]

_UNSIGNED: dict[int, np.dtype[Any]] = {4: np.dtype(np.uint32), 8: np.dtype(np.uint64)}


#: What goes wrong where an operand's own parts are not what its class says.
BROKEN = (ValueError, TypeError, AttributeError, LookupError, OverflowError)


class Unsound(ValueError):
    """Index arrays that do not describe a sparse array; the message is the second half of a sentence."""


def faulty_part(operand: Any, parts: Sequence[str], expected: type = np.ndarray) -> str:
    """What is wrong with the first attribute that is missing or of another type; mostly nothing."""
    for name in parts:
        try:
            part = getattr(operand, name)
        except AttributeError:
            return f"it has no {name}"
        if not isinstance(part, expected):
            return f"its {name} is of type {type(part).__name__}, expected {expected.__name__}"
    return ""


def unusable(name: str, operand: Any, kind: Any, error: Exception) -> ValueError:
    """What to raise where ``error`` shows that a sparse operand is broken.

    Parameters
    ----------
    name : str
        What the caller calls the operand.
    kind : module
        The adapter of its library.
    """
    reason = str(error)
    if not isinstance(error, Unsound) and hasattr(kind, "fault"):
        reason = kind.fault(operand) or reason
    try:
        what = f"{type(operand).__name__} of shape {tuple(operand.shape)}"
    except BROKEN:
        what = type(operand).__name__
    return ValueError(f"{name} ({what}) cannot be used: {reason}")


def index_array(given: Any, name: str) -> Array:
    """``given`` as a contiguous vector of native 32- or 64-bit signed integers, as it is where it is one."""
    x: Array = np.asarray(given)
    if x.ndim != 1:
        raise Unsound(f"its {name} have {x.ndim} dimensions, expected one")
    flags = x.flags
    straight = flags.c_contiguous and flags.aligned and x.dtype.isnative
    if straight and x.dtype.char in "ilq" and x.itemsize in _UNSIGNED:
        return x
    if x.dtype.kind not in "iu":
        raise Unsound(f"its {name} are of dtype {x.dtype}, expected integers")
    if x.dtype.kind == "u" and x.itemsize == 8 and x.size and x.max() > np.iinfo(np.int64).max:
        raise Unsound(f"its {name} hold an index that is out of range")
    return in_memory_order(x, np.int32 if x.itemsize < 4 else np.int64)


def check_within(indices: Array, length: int, name: str) -> None:
    """Every index lies in ``[0, length)``."""
    # As unsigned integers the negative ones are the largest: one pass finds both.
    if len(indices) and int(np.maximum.reduce(indices.view(_UNSIGNED[indices.itemsize]))) >= length:
        low, high = int(indices.min()), int(indices.max())
        worst = low if low < 0 else high
        raise Unsound(f"its {name} hold the index {worst}, out of range for an axis of length {length}")


def check_pointers(indptr: Array, rows: int, count: int) -> int:
    """``indptr`` cuts at most ``count`` entries into ``rows`` rows; returns how many entries it takes."""
    if len(indptr) != rows + 1:
        raise Unsound(f"its indptr has length {len(indptr)}, expected {rows + 1}")
    end: int = indptr.item(-1)
    if indptr[0] != 0 or np.count_nonzero(indptr[1:] < indptr[:-1]):  # `any` takes half a microsecond longer
        raise Unsound("its indptr does not start at 0, or decreases")
    if end > count:
        raise Unsound(f"its indptr ends at {end}, but there are {count} indices")
    return end


def check_lengths(data: Array, indices: Sequence[Array], names: str) -> None:
    """There are as many values as indices, in a vector."""
    if data.ndim != 1:
        raise Unsound(f"its data has shape {data.shape}, expected one dimension")
    for x in indices:
        if len(x) != len(data):
            raise Unsound(f"its data has length {len(data)}, but its {names} have length {len(x)}")


def check_lists(rows: Any, data: Any, count: int) -> None:
    """Both are vectors of ``count`` lists, those of one row of one length."""
    for name, lists in (("rows", rows), ("data", data)):
        if lists.shape != (count,) or not all(type(x) is list for x in lists):
            raise Unsound(f"its {name} has shape {lists.shape}, expected {count} lists")
    if any(len(r) != len(d) for r, d in zip(rows, data, strict=True)):
        raise Unsound("a row of its data is not as long as that of its rows")


def keyed(values: Mapping[Any, Any], ndim: int, dtype: np.dtype[Any]) -> tuple[tuple[Array, ...], Array]:
    """Coordinates and values of entries that are kept by their indices."""
    count = len(values)
    if not count:
        return (np.zeros(0, np.int64),) * ndim, np.zeros(0, dtype)
    try:
        keys = np.array(list(values))
    except ValueError:  # not all of one length
        keys = np.zeros(0)
    if keys.dtype.kind not in "iu" or keys.shape not in (
        {(count, ndim), (count,)} if ndim == 1 else {(count, ndim)}
    ):
        raise Unsound(f"it has a key that is not {ndim} integers")
    coords = keys.reshape(count, ndim).T.astype(np.int64)
    return tuple(np.ascontiguousarray(x) for x in coords), np.fromiter(values.values(), dtype, count)
