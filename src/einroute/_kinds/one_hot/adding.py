"""Adding rows up by label: histograms and segment sums.

The core's loops compare each label as they use it, and add in an order that follows from the sizes alone.
Without the core they are SciPy's (``scipy.sparse._sparsetools``), which see no index that was not tested:
each block's labels are copied and tested while they are in cache, and used as they were tested.  Rows whose
label is no class are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..._base.threads import cuts, run_blocks
from ..._native import CORE
from .where import Cut, clipped, extents, in_native_order

Array = np.ndarray[Any, Any]

#: Places in one block, and bytes of its rows, at most; a quarter of either for what the loops want besides.
_PLACES, _BYTES = 1 << 16, 1 << 22
#: Nanoseconds that adding a row and each number of it take, and from which threads share the work; groups of
#: blocks for each thread: one that is kept waiting leaves its share to the others.
_ROW, _NUMBER, _SHARED, _GROUPS = 1.0, 0.4, 500e3, 4
_largest = np.maximum.reduce
#: Rows up to which NumPy's weighted count takes less time than what is around that loop.
_FEW = 1 << 12
#: For a loop that wants an index array and reads nothing of it.
_NONE = np.zeros(1, np.int64)
#: Dtypes that the core has loops for.
LOOPS = frozenset("" if CORE is None else "?bBhHiIlLqQfdgFDG")


def _scipy() -> Any:
    from scipy.sparse import _sparsetools  # noqa: PLC0415 - only without the core is it needed

    return _sparsetools


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One index of those that say where a row is added.

    Attributes
    ----------
    labels : ndarray or None
        Of the places' shape; None for the places' own coordinate along ``axis``, which starts at ``start``.
    length : int
        What every label must lie below.
    stride : int
        What it counts in the raveled index.
    """

    labels: Array | None
    length: int
    stride: int
    axis: int = 0
    start: int = 0


def counted(labels: Array, length: int, dtype: np.dtype[Any], threads: int) -> Array:
    """How often each label occurs, shape (length,).

    ``labels`` is a vector of integers of any value, which another thread may change.
    """
    if dtype.char in LOOPS:
        labels = in_native_order(labels)
        counts: Array = CORE.count_at((labels,), (length,), (1,), (), length, dtype.char, threads)
        return counts
    count = len(labels)
    wide = labels.dtype.itemsize == 8 and labels.dtype.isnative
    if count <= _PLACES and length <= count:
        return np.bincount(clipped(labels, length), minlength=length)[:length].astype(dtype, copy=False)

    def add(adder: _Adder, start: int) -> None:
        # What is no class is counted beyond the last one.
        block = labels[start : start + _PLACES]
        index, unsigned = adder.index[: len(block)], adder.unsigned[: len(block)]
        if wide:
            np.minimum(block.view(np.uint64), length, out=unsigned)
        else:
            np.copyto(index, block, casting="unsafe")
            np.minimum(unsigned, length, out=unsigned)
        adder.add(index, None)

    out = np.zeros(length + 1, counting(dtype, length, count))
    _shared(range(0, count, _PLACES), add, out, min(count, _PLACES), count, threads)
    return out[:length].astype(dtype, copy=False)


def counted_together(pairs: Sequence[tuple[Array, int]], dtype: np.dtype[Any], threads: int) -> Array | None:
    """How often labels occur together, an axis each; None where `add_up` does it in less time.

    Each pair is an array of labels, all of one shape, and the length of their axis.
    """
    count, lengths = pairs[0][0].size, [length + 1 for _, length in pairs]
    if count > _PLACES or prod(lengths) > max(count, 256):
        return None
    index: Array | None = None
    for labels, length in pairs:  # what is no class is counted beyond the last one
        own = clipped(labels, length)
        index = own if index is None else index * (length + 1) + own
    assert index is not None
    counts = np.bincount(index.reshape(-1), minlength=prod(lengths)).reshape(lengths)
    return counts[tuple(slice(length) for _, length in pairs)].astype(dtype)


def weighed(labels: Array, length: int, rows: Array) -> Array | None:
    """A sum of float64 a label, shape (length,); None where `add_rows` does it in less time."""
    if rows.dtype != np.float64 or not length <= len(labels) <= _FEW or LOOPS:
        return None
    return np.bincount(clipped(labels, length), weights=rows, minlength=length)[:length]


def counting(dtype: np.dtype[Any], size: int, count: int) -> np.dtype[Any]:
    """The dtype to count in, so that no count is rounded or wraps before it is cast."""
    if size > count and dtype.itemsize >= 8:
        return dtype  # the counts take more memory than the labels: they are not copied
    return np.dtype(np.int64)


def add_rows(labels: Array, length: int, rows: Array, out: Array, threads: int) -> None:
    """Add each row where its label says.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        May be changed by another thread.
    rows : ndarray, shape (n,) or (n, width)
        Cast to the dtype of ``out``.
    out : ndarray, shape (length,) or (length, width)
        In C order; added to.
    """
    if out.dtype.char in LOOPS:
        if rows.dtype == out.dtype and rows.dtype.isnative:
            CORE.add_at((in_native_order(labels),), (length,), (1,), (0,), rows, out, threads)
        else:
            _add_by_core(labels.shape, (Part(labels, length, 1),), rows, out, threads)
        return
    count = len(labels)
    at_once = _at_once(rows, out)

    def add(adder: _Adder, start: int) -> None:
        stop = min(start + at_once, count)
        index, unsigned = adder.index[: stop - start], adder.unsigned[: stop - start]
        np.copyto(index, labels[start:stop], casting="unsafe")
        if int(_largest(unsigned)) < length:
            adder.add(index, rows[start:stop])
        else:
            kept = np.flatnonzero(unsigned < length)
            adder.add(index[kept], rows[start:stop][kept])

    _shared(range(0, count, at_once), add, out, min(count, at_once), count, threads)


def add_up(
    shape: tuple[int, ...], parts: Sequence[Part], rows: Array | None, out: Array, threads: int
) -> None:
    """`add_rows` for places of several axes, and for several labels that say together where a row is added.

    Parameters
    ----------
    shape : tuple of int
        Of the places.
    rows : ndarray, shape (*shape, ...), or None
        None to count.
    out : ndarray, shape (n, width)
    """
    if out.dtype.char in LOOPS and any(part.labels is not None for part in parts):
        _add_by_core(shape, parts, rows, out, threads)
        return
    at_once = _at_once(rows, out)

    def add(adder: _Adder, cut: Cut) -> None:
        index, kept = _raveled(adder.index, parts, cut, shape)
        block = None if rows is None else rows[(*cut, ...)]
        if kept is not None:
            index = index[kept]
            if block is not None:
                block = block.reshape(-1, adder.width)[kept]
        adder.add(index, block)

    count = prod(shape)
    _shared(list(cuts(shape, at_once)), add, out, min(count, at_once), count, threads)


def _add_by_core(
    shape: tuple[int, ...], parts: Sequence[Part], rows: Array | None, out: Array, threads: int
) -> None:
    """`add_up` by the core's loops; some of the parts are labels."""
    steps = [0] * len(shape)
    own = []
    for part in parts:
        if part.labels is None:
            steps[part.axis] += part.stride
            out = out[part.start * part.stride :]
        else:
            own.append(part)
    labels = tuple(
        in_native_order(x if x.shape == shape else np.broadcast_to(x, shape))
        for x in (part.labels for part in own)
        if x is not None
    )
    facts = labels, tuple(part.length for part in own), tuple(part.stride for part in own), tuple(steps)
    if rows is None:
        counts = CORE.count_at(*facts, len(out), out.dtype.char, threads)
        np.add(out, counts.reshape(-1, *(1,) * (out.ndim - 1)), out=out)
        return
    rows = rows.reshape(*shape, *out.shape[1:])
    if rows.dtype == out.dtype and rows.dtype.isnative:
        CORE.add_at(*facts, rows, out, threads)
        return
    length = max(1, _PLACES // max(1, prod(rows.shape[1:])))  # cast a block at a time
    for start in range(0, len(rows) if shape else 0, length):
        part_of = slice(start, start + length)
        first, *others = facts
        after = steps[0] * start
        block = rows[part_of].astype(out.dtype)
        CORE.add_at(tuple(x[part_of] for x in first), *others, block, out[after:], threads)
    if not shape:
        CORE.add_at(*facts, rows.astype(out.dtype), out, threads)


def _at_once(rows: Array | None, out: Array) -> int:
    """Places in one block."""
    width = int(prod(out.shape[1:]))
    if rows is None or width <= 1:
        return _PLACES
    most = _BYTES if rows.dtype == out.dtype and rows.flags.c_contiguous else _BYTES // 4
    return max(256, min(_PLACES // 4, most // (out.itemsize * width)))


def _shared(
    blocks: Sequence[Any], add: Callable[[_Adder, Any], None], out: Array, most: int, count: int, threads: int
) -> None:
    """Add all blocks, in as many groups as there are threads, where sharing pays."""
    groups = min(_GROUPS * threads, len(blocks))
    takes = count * (_ROW + _NUMBER * prod(out.shape[1:]))
    if threads == 1 or takes < _SHARED or 4 * groups * len(out) > count:
        groups = 1  # each group has a total of its own, which is cleared and added
    if groups <= 1:
        adder = _Adder(out, most)
        for block in blocks:
            add(adder, block)
        return
    totals = [out, *(np.zeros_like(out) for _ in range(groups - 1))]

    def work(group: int) -> None:
        first, last = (len(blocks) * g // groups for g in (group, group + 1))
        adder = _Adder(totals[group], most)
        for block in blocks[first:last]:
            add(adder, block)

    run_blocks(groups, work, threads)
    for total in totals[1:]:
        (np.logical_or if out.dtype.kind == "b" else np.add)(out, total, out=out)


class _Adder:
    """Adds blocks of at most ``most`` rows to one total; has space for their index."""

    def __init__(self, out: Array, most: int) -> None:
        self.dtype, self.length = out.dtype, len(out)
        self.width = prod(out.shape[1:])
        self.out = out.reshape(-1)
        self.index = np.empty(most, np.int64)
        self.unsigned = self.index.view(np.uint64)
        if self.width != 1:
            self.numbers, self.ones = np.arange(most, dtype=np.int64), np.ones(most, out.dtype)

    def add(self, at: Array, rows: Array | None) -> None:
        """Add rows, or ones, at the places of ``out`` that ``at`` numbers."""
        count = len(at)
        tools = _scipy()
        if rows is None:
            if self.dtype == np.int64:
                # Without rows and columns of a matrix this counts how often each index occurs, no more.
                tools.csr_column_index1(count, at, 0, 0, _NONE, _NONE, self.out, np.zeros(1, np.int64))
                return
            rows = np.ones(count, self.dtype)
        rows = np.ascontiguousarray(rows, self.dtype).reshape(-1)
        if self.width == 1:
            # One row of a sparse matrix, written out: entries that fall together are added.
            ends = np.array([0, count], np.int64)
            tools.csr_todense(1, self.length, ends, at, rows, self.out)
        else:
            numbers, ones = self.numbers[:count], self.ones[:count]
            tools.coo_matmat_dense(count, self.width, at, numbers, ones, rows, self.out)


def _raveled(
    space: Array, parts: Sequence[Part], cut: Cut, whole: tuple[int, ...]
) -> tuple[Array, Array | None]:
    """Where the rows of a block are added; and which rows, if some have a label that is no class."""
    shape = extents(cut, whole)
    total = space[: prod(shape)].reshape(shape)
    fresh, valid = True, None
    for part in parts:
        if part.labels is None:
            continue
        block = total if fresh else np.empty(shape, np.int64)
        np.copyto(block, part.labels[(*cut, ...)], casting="unsafe")
        unsigned = block.view(np.uint64)
        if block.size and int(_largest(unsigned, axis=None)) >= part.length:
            good = unsigned < part.length
            valid = good if valid is None else valid & good
        if part.stride != 1:
            block *= part.stride
        if not fresh:
            total += block
        fresh = False
    if fresh:
        total[...] = 0
    for part in parts:
        if part.labels is None:
            start, stop, _ = cut[part.axis].indices(whole[part.axis])
            own = np.arange(part.start + start, part.start + stop) * part.stride
            total += own.reshape(-1, *(1,) * (len(shape) - part.axis - 1))
    kept = None if valid is None else np.flatnonzero(valid)
    return total.reshape(-1), kept
