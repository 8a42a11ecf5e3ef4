"""Work cut along one label: results of the blocks put side by side, or added up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from math import prod
from typing import Any

import numpy as np

from ..._base.facts import DType
from ..._base.threads import run_blocks, single_threaded_blas
from ..._entries.entries import Entries
from ..._entries.validate import BROKEN, unusable
from ..._kinds.registry import kind_of
from ..structured import Structured

Array = np.ndarray[Any, Any]

#: Partial sums that are formed side by side, at most, and the bytes that they may take together.
_LANES, _LANE_BYTES = 8, 1 << 24


def put_together(
    label: str, size: int, length: int, part: Callable[[int, int], Any], output: str, shape: tuple[int, ...],
    dtype: DType, threads: int,
) -> Array:  # fmt: skip
    """The whole of what ``part(low, high)`` gives for each block of a label.

    Sums are made in an order that does not depend on how many threads take part.

    Parameters
    ----------
    label : str
        What is cut; its blocks are put side by side if ``output`` has it, and added up if not.
    size, length : int
        Of the label, and of a block.
    part : callable
        Gives an array with the axes of ``output``.
    output : labels
    shape : tuple of int
        Of the whole.
    """
    marks = [(low, min(low + length, size)) for low in range(0, size, length)]
    guard = single_threaded_blas() if threads > 1 and len(marks) > 1 else nullcontext()
    if label in output:
        head = (slice(None),) * output.index(label)
        whole = np.empty(shape, dtype)

        def put(index: int) -> None:
            low, high = marks[index]
            whole[(*head, slice(low, high))] = part(low, high)

        with guard:
            run_blocks(len(marks), put, threads)
        return whole
    add = np.logical_or if dtype.kind == "b" else np.add
    lanes = max(1, min(_LANES, len(marks), _LANE_BYTES // max(1, prod(shape) * dtype.itemsize)))
    cuts = [len(marks) * lane // lanes for lane in range(lanes + 1)]
    sums = np.zeros((lanes, *shape), dtype)

    def add_up(lane: int) -> None:
        own = sums[lane, ...]
        for low, high in marks[cuts[lane] : cuts[lane + 1]]:
            add(own, part(low, high), out=own, casting="unsafe")

    with guard:
        run_blocks(lanes, add_up, threads)
    return add.reduce(sums, axis=0, dtype=dtype) if lanes > 1 else sums[0]  # type: ignore[no-any-return]


def slicer(labels: str, operand: Any, label: str, size: int) -> Callable[[int, int], Any]:
    """What gives the part of an operand that lies in a block of ``label``.

    Raises
    ------
    ValueError
        A sparse operand is not sound.
    """
    axes = [i for i, c in enumerate(labels) if c == label and operand.shape[i] == size]
    if not axes:
        return lambda *_: operand
    if isinstance(operand, np.ndarray):
        return lambda low, high: operand[_index(axes, operand.ndim, slice(low, high))]
    if isinstance(operand, Structured):
        return lambda low, high: operand.part(axes, low, high)
    entries = entries_of(operand).distinct()
    place = entries.coordinate(axes[0])
    order = np.argsort(place, kind="stable")
    coords = tuple(x[order] for x in entries.coordinates())
    data, place = entries.data[order], place[order]

    def cut(low: int, high: int) -> Entries:
        first, last = np.searchsorted(place, (low, high))
        own = slice(first, last)
        shape = tuple(high - low if i in axes else n for i, n in enumerate(entries.shape))
        kept = data[own], [x[own] - low if i in axes else x[own] for i, x in enumerate(coords)]
        inside = np.ones(last - first, np.bool)
        for i in axes[1:]:  # the label repeats: only what lies on the diagonal counts
            inside &= (kept[1][i] >= 0) & (kept[1][i] < high - low)
        return Entries(shape, kept[0][inside], tuple(x[inside] for x in kept[1]))

    return cut


def _index(axes: list[int], ndim: int, own: slice) -> tuple[slice, ...]:
    return tuple(own if i in axes else slice(None) for i in range(ndim))


def entries_of(operand: Any) -> Entries:
    """A sparse operand's entries.

    Raises
    ------
    ValueError
        It is not sound.
    """
    kind: Any = kind_of(operand)
    try:
        entries: Entries = kind.adopt(operand)
    except BROKEN as error:
        raise unusable("a sparse operand", operand, kind, error) from error
    return entries
