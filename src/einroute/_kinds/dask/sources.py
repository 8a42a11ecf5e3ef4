"""Operands of a step as tasks read them: which chunks of which arrays a cut of the step needs.

A dask array is read by windows on its chunks.  Structured operands are made inside the task, of what is read
of the arrays behind them: a rolled one of chunks with a halo, a one-hot one of chunks of labels, differences
of a pair of chunks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from itertools import product as cartesian
from math import isnan
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import TaskRef
from dask.array.utils import meta_from_array

from .chunked import Chunked, Lengths, known, lengths_of, starts
from .parts import Differences, Halo, Labels, Reader, Window

__all__ = ["DifferenceSource", "LabelsSource", "RolledSource", "Source", "array_facts"]

Index = tuple[int, ...]
Span = tuple[Index, int, int, bool]
"""Numbers of chunks, where a part begins and ends in them put together, and whether it is all of them."""
Read = tuple[Reader, tuple[TaskRef, ...]]


def array_facts(x: da.Array) -> Chunked:
    """What planning knows of a dask array's chunks."""
    unknown = tuple(not known(lengths) for lengths in x.chunks)
    chunks = tuple(lengths_of(lengths) for lengths in x.chunks)
    return Chunked(chunks, unknown, (tuple(range(x.ndim)),))


@dataclass(slots=True)
class _Blocks:
    """Windows on one dask array."""

    array: da.Array
    refs: dict[Index, TaskRef] = field(default_factory=dict)
    spans: list[list[Span]] = field(default_factory=list)

    def window(self, at: Index) -> tuple[Window, tuple[TaskRef, ...]]:
        """The window on one cut along each axis."""
        spans = [own[i] for own, i in zip(self.spans, at, strict=True)]
        grid = tuple(len(numbers) for numbers, *_ in spans)
        whole = all(span[3] for span in spans)
        cut = None if whole else tuple((low, high) for _, low, high, _ in spans)
        shape = tuple(
            None if isnan(own[0]) else sum(own[i] for i in numbers)
            for own, (numbers, *_) in zip(self.array.chunks, spans, strict=True)
        )
        return Window(grid, cut, shape), tuple(
            self.ref(index) for index in cartesian(*(span[0] for span in spans))
        )

    def ref(self, index: Index) -> TaskRef:
        """One chunk."""
        found = self.refs.get(index)
        if found is None:
            found = self.refs[index] = TaskRef((self.array.name, *index))
        return found


def straight(own: Lengths, cuts: Lengths) -> list[Span]:
    """For each cut the chunks that it reads."""
    bounds = starts(own)
    filled = [i for i, n in enumerate(own) if n] or [0]
    begins = [bounds[i] for i in filled]
    at, found = 0, []
    for length in cuts:
        low, high = at, at + length
        first = filled[max(0, bisect_right(begins, low) - 1)]
        last = first + 1
        while bounds[last] < high:
            last += 1
        whole = low == bounds[first] and high == bounds[last]
        found.append((tuple(range(first, last)), low - bounds[first], high - bounds[first], whole))
        at = high
    return found


def around(own: Lengths, first: int, count: int) -> Span:
    """The chunks of so many elements from some place on, going around at the end; no more than once."""
    bounds, size = starts(own), sum(own)
    number = max(i for i, n in enumerate(own) if n and bounds[i] <= first)
    begin, numbers, reached = bounds[number], [], 0
    while reached < first - begin + count:
        if own[number]:
            numbers.append(number)
            reached += own[number]
        number = (number + 1) % len(own)
    assert count <= size
    return tuple(numbers), first - begin, first - begin + count, False


@dataclass(slots=True)
class Source:
    """An operand of a step.

    Attributes
    ----------
    labels : str
        A label may repeat.
    arrays : tuple of dask.array.Array
        What its parts are made of.
    dtype : dtype
    """

    labels: str
    arrays: tuple[da.Array, ...]
    dtype: np.dtype[Any]
    _blocks: list[_Blocks] = field(default_factory=list)
    _reads: dict[Index, Read] = field(default_factory=dict)

    @classmethod
    def of(cls, labels: str, array: da.Array) -> Source:
        """A dask array."""
        return Source(labels, (array,), np.dtype(array.dtype))

    @property
    def array(self) -> da.Array:
        return self.arrays[0]

    @property
    def plain(self) -> bool:
        """Whether it is a dask array."""
        return True

    def token(self) -> tuple[Any, ...]:
        """What the keys of tasks depend on."""
        return ("array", self.labels, *(x.name for x in self.arrays))

    def chunks(self) -> tuple[tuple[Any, ...], ...]:
        """Chunks along the axes of its labels."""
        found: tuple[tuple[Any, ...], ...] = self.array.chunks
        return found

    def meta(self) -> Any:
        """An empty array of the class of its chunks."""
        return meta_from_array(self.array, ndim=len(self.labels))

    def whole(self, lengths: Mapping[str, Lengths]) -> bool:
        """Whether every cut is one whole chunk of an array."""
        return (
            self.plain
            and len(set(self.labels)) == len(self.labels)
            and all(
                lengths_of(own) == lengths[label]
                for label, own in zip(self.labels, self.chunks(), strict=True)
            )
        )

    def cut(self, lengths: Mapping[str, Lengths]) -> None:
        """Find, for every cut along every axis, the chunks that it reads."""
        self._reads = {}
        self._blocks = self._find(lengths)

    def _find(self, lengths: Mapping[str, Lengths]) -> list[_Blocks]:
        return [_along(self.array, self.labels, lengths)]

    def read(self, at: Index) -> Read:
        """What a task reads, by the number of the cut along each axis."""
        found = self._reads.get(at)
        if found is None:
            found = self._reads[at] = self._read(at)
        return found

    def _read(self, at: Index) -> Read:
        return self._blocks[0].window(at)


def _along(array: da.Array, labels: str, lengths: Mapping[str, Lengths]) -> _Blocks:
    spans = [straight(lengths_of(own), lengths[c]) for own, c in zip(array.chunks, labels, strict=True)]
    return _Blocks(array, spans=spans)


@dataclass(slots=True)
class LabelsSource(Source):
    """A one-hot operand: chunks of labels."""

    depth: int = 0
    _classes: list[tuple[int, int]] = field(default_factory=list)

    @property
    def plain(self) -> bool:
        return False

    def token(self) -> tuple[Any, ...]:
        return ("one_hot", self.labels, self.array.name, self.depth, str(self.dtype))

    def chunks(self) -> tuple[tuple[Any, ...], ...]:
        return (*self.array.chunks, (self.depth,))

    def meta(self) -> Any:
        return np.empty((0,) * len(self.labels), self.dtype)

    def _find(self, lengths: Mapping[str, Lengths]) -> list[_Blocks]:
        bounds = starts(lengths[self.labels[-1]])
        self._classes = list(pairwise(bounds))
        return [_along(self.array, self.labels[:-1], lengths)]

    def _read(self, at: Index) -> Read:
        window, refs = self._blocks[0].window(at[:-1])
        low, high = self._classes[at[-1]]
        return Labels(window, self.depth, self.dtype.str, low, high), refs


@dataclass(slots=True)
class DifferenceSource(Source):
    """Differences of all pairs of points: a chunk of each."""

    @property
    def plain(self) -> bool:
        return False

    def token(self) -> tuple[Any, ...]:
        return ("pairwise_difference", self.labels, *(x.name for x in self.arrays))

    def chunks(self) -> tuple[tuple[Any, ...], ...]:
        x, y = self.arrays
        return (x.chunks[0], y.chunks[0], x.chunks[1])

    def meta(self) -> Any:
        return np.empty((0, 0, 0), self.dtype)

    def _find(self, lengths: Mapping[str, Lengths]) -> list[_Blocks]:
        d = self.labels[2]
        return [_along(x, c + d, lengths) for x, c in zip(self.arrays, self.labels[:2], strict=True)]

    def _read(self, at: Index) -> Read:
        first, of_x = self._blocks[0].window((at[0], at[2]))
        second, of_y = self._blocks[1].window((at[1], at[2]))
        return Differences(first, second), of_x + of_y


@dataclass(slots=True)
class RolledSource(Source):
    """A rolled operand: chunks along the rolled axis with what lies around them."""

    k: int = 1
    axis: int = 0
    step: int = 1
    _rows: list[tuple[int, int]] = field(default_factory=list)
    _turns: list[tuple[int, int]] = field(default_factory=list)

    @property
    def plain(self) -> bool:
        return False

    def token(self) -> tuple[Any, ...]:
        return ("rolled", self.labels, self.array.name, self.k, self.axis, self.step)

    def chunks(self) -> tuple[tuple[Any, ...], ...]:
        own, axis = self.array.chunks, self.axis
        return (*own[: axis + 1], (self.k,), *own[axis + 1 :])

    def meta(self) -> Any:
        return np.empty((0,) * len(self.labels), self.dtype)

    def _find(self, lengths: Mapping[str, Lengths]) -> list[_Blocks]:
        axis = self.axis
        rows, turns = starts(lengths[self.labels[axis]]), starts(lengths[self.labels[axis + 1]])
        self._rows = list(pairwise(rows))
        self._turns = list(pairwise(turns))
        return [_along(self.array, self.labels[: axis + 1] + self.labels[axis + 2 :], lengths)]

    def _read(self, at: Index) -> Read:
        axis, blocks = self.axis, self._blocks[0]
        own = lengths_of(self.array.chunks[axis])
        size = sum(own)
        (low, high), (first, last) = self._rows[at[axis]], self._turns[at[axis + 1]]
        others = at[: axis + 1] + at[axis + 2 :]
        kept = blocks.spans[axis]
        count, turns = high - low, last - first
        shift = _shortest(self.step, size)
        reach = abs(shift) * (turns - 1)
        begin = low + min(shift * first, shift * (last - 1)) if size else 0
        length = min(count + reach, size)
        if count and turns:
            span = (
                (tuple(range(len(own))), 0, size, True)
                if length == size
                else around(own, begin % size, length)
            )
            blocks.spans[axis] = [span] * len(kept)
        window, refs = blocks.window(others)
        blocks.spans[axis] = kept
        origin = low + shift * first - (0 if length == size else begin)
        return Halo(window, axis, count, turns, shift, origin, around=length == size), refs


def _shortest(step: int, size: int) -> int:
    """The step of least size that rolls an axis as another does."""
    if size < 2:
        return 0
    step %= size
    return step if 2 * step <= size else step - size
