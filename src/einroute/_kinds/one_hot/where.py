"""Where the labels of one-hot operands point: read once, tested, and used as they were tested.

A label array may change while a call runs.  So what is used as an index without a test of its own is a copy
that was tested; what is used as it lies goes to ``numpy.take`` with ``mode="clip"``, which tests each index
as it reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .operand import OneHot
from .selection import Taken

Array = np.ndarray[Any, Any]
Cut = tuple[Any, ...]
"""One slice for each axis of the places."""

_UNSIGNED: dict[int, np.dtype[Any]] = {n: np.dtype(f"u{n}") for n in (1, 2, 4, 8)}


def private(labels: Array) -> Array:
    """A copy as int64, in C order; unsigned labels beyond that become negative, which no class is."""
    return np.array(labels, np.int64, order="C", ndmin=0)


def in_native_order(labels: Array) -> Array:
    """Labels as the core reads them: as they lie, but not with bytes in another order."""
    return labels if labels.dtype.isnative else private(labels)


def within(labels: Array, depth: int) -> bool:
    """Whether every label is a class, in one pass."""
    if not labels.dtype.isnative:
        labels = private(labels)
    if not labels.size:
        return True
    # As unsigned integers negative labels are the largest; a narrow dtype's are those beyond its own range.
    own = 1 << (8 * labels.itemsize - (labels.dtype.kind == "i"))
    largest = int(np.maximum.reduce(labels.view(_UNSIGNED[labels.itemsize]), axis=None))
    return bool(largest < min(depth, own))


def are_classes(labels: Array, depth: int) -> Array:
    """Which labels are classes."""
    if not labels.dtype.isnative:
        labels = private(labels)
    own = 1 << (8 * labels.itemsize - (labels.dtype.kind == "i"))
    found: Array = labels.view(_UNSIGNED[labels.itemsize]) < min(depth, own)
    return found


def clipped(labels: Array, depth: int) -> Array:
    """Labels as new indices; those that are no class become ``depth``."""
    if labels.itemsize == 8 and labels.dtype.isnative:
        return np.minimum(labels.view(np.uint64), np.uint64(depth)).view(np.int64)
    index = labels.astype(np.int64)
    unsigned = index.view(np.uint64)
    np.minimum(unsigned, np.uint64(depth), out=unsigned)
    return index


@dataclass(frozen=True, slots=True, eq=False)
class Where:
    """The places whose labels are all classes, and those labels.

    Attributes
    ----------
    shape : tuple of int
        Of the places: that of the label arrays, or their number where some places are left out.
    chosen : ndarray of int or None
        The places that are left, raveled in C order; None for all.
    coordinates : dict
        For each label of the places the coordinates of those that are left; empty if all are.
    classes : dict
        For each class label the labels themselves, of shape ``shape``.  Where all places are left they may be
        the operand's own, which another thread may change.
    """

    shape: tuple[int, ...]
    chosen: Array | None
    coordinates: dict[str, Array]
    classes: dict[str, Array]


def untested(taken: Taken, operands: tuple[Any, ...], sizes: Mapping[str, int]) -> Where:
    """All places with whatever labels they have, for what tests each label itself."""
    shape = tuple(sizes[c] for c in taken.places)
    labels = aligned(taken, [operands[i].labels for i in taken.positions], shape)
    return Where(shape, None, {}, dict(zip(taken.classes, labels, strict=True)))


def find(taken: Taken, operands: tuple[Any, ...], sizes: Mapping[str, int]) -> Where:
    """Where the one-hots that are taken have their ones."""
    hots: list[OneHot] = [operands[i] for i in taken.positions]
    if not taken.repeats and all(within(x.labels, x.depth) for x in hots):
        return untested(taken, operands, sizes)
    shape = tuple(sizes[c] for c in taken.places)
    copies = [private(x.labels) for x in hots]
    valid: Array | None = None
    classes: dict[str, Array] = {}
    for c, x, copy, part in zip(taken.classes, hots, copies, aligned(taken, copies, shape), strict=True):
        tests = [] if within(copy, x.depth) else [part.view(np.uint64) < x.depth]
        if c in classes:
            tests.append(classes[c] == part)
        classes.setdefault(c, part)
        for test in tests:
            valid = test if valid is None else valid & test
    if valid is None or valid.all():
        return Where(shape, None, {}, classes)
    chosen = np.flatnonzero(valid)
    coords = np.unravel_index(chosen, shape) if shape else ()
    return Where(
        (len(chosen),),
        chosen,
        dict(zip(taken.places, coords, strict=True)),
        {c: part.reshape(-1)[chosen] for c, part in classes.items()},
    )


def aligned(taken: Taken, arrays: list[Array], shape: tuple[int, ...]) -> list[Array]:
    """Label arrays with the axes of the places, broadcast along those that an array lacks."""
    found = []
    for array, labels in zip(arrays, taken.inputs, strict=True):
        if labels == taken.places:
            found.append(array)
            continue
        axes = [labels.index(c) for c in taken.places if c in labels]
        index: Cut = tuple(slice(None) if c in labels else None for c in taken.places)
        found.append(np.broadcast_to(array.transpose(axes)[(*index, ...)], shape))
    return found


def extents(cut: Cut, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a block."""
    return tuple(len(range(*s.indices(n))) for s, n in zip(cut, shape, strict=True))
