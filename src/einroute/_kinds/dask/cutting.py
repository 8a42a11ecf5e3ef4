"""Where a label may be cut: chunks put together, taken as they are, or cut further."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, prod

from .chunked import Chunked, Lengths, starts

__all__ = ["Cut", "Part", "cuts_of", "merged", "split"]

#: Cuts of one label beyond which none are looked for.
_MOST = 4096


@dataclass(frozen=True, slots=True)
class Part:
    """An operand of a step as its cuts depend on it.

    Attributes
    ----------
    labels : str
        A label may repeat.
    facts : Chunked
    itemsize : int
    """

    labels: str
    facts: Chunked
    itemsize: int

    def lengths(self, label: str) -> Lengths:
        """The chunks along a label."""
        return self.facts.chunks[self.labels.index(label)]

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays behind it."""
        sizes = [sum(lengths) for lengths in self.facts.chunks]
        return self.itemsize * sum(prod(sizes[axis] for axis in axes) for axes in self.facts.behind)


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """What a cut of a label reads along one axis of an operand.

    Attributes
    ----------
    reach : int
        How far the chunks reach that are read, at most.
    exact : bool
        Each part is one whole chunk.
    chunk : int
        The longest chunk.
    pieces : int
        Of the axis, were it rechunked to the cut.
    """

    reach: int
    exact: bool
    chunk: int
    pieces: int


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """One way to cut a label, with what costs need of it.

    Attributes
    ----------
    lengths : tuple of int
    count, longest : int
    reaches : dict of (int, int) to Reach
        By the number of the operand and the axis.
    """

    lengths: Lengths
    count: int
    longest: int
    reaches: dict[tuple[int, int], Reach]


def merged(lengths: Lengths, count: int) -> Lengths:
    """Neighbours put together, so that at most ``count`` are left, of about one size."""
    if count >= len(lengths):
        return lengths
    bounds, ends = starts(lengths), [0]
    for number in range(1, count):
        wanted = bounds[-1] * number / count
        at = bisect_left(bounds, wanted)
        if at and wanted - bounds[at - 1] < bounds[at] - wanted:
            at -= 1
        ends.append(min(max(at, ends[-1] + 1), len(lengths) - (count - number)))
    ends.append(len(lengths))
    return tuple(bounds[high] - bounds[low] for low, high in pairwise(ends))


def split(lengths: Lengths, longest: int) -> Lengths:
    """Each cut evenly into parts of ``longest`` at most."""
    found: list[int] = []
    for length in lengths:
        parts = max(1, ceil(length / max(1, longest)))
        found += [length // parts + (i < length % parts) for i in range(parts)]
    return tuple(found)


def cuts_of(parts: Sequence[Part], label: str, *, unknown: bool) -> tuple[Cut, ...]:
    """Ways to cut a label; first the chunks of the largest operand that has it and is in chunks at all.

    Parameters
    ----------
    unknown : bool
        Lengths are not known: chunks are put together, and never cut.
    """
    having = [part for part in parts if label in part.labels]
    firm = [part for part in having if not part.facts.held] or having
    base = max(firm, key=lambda part: part.nbytes).lengths(label)
    others = [part.lengths(label) for part in firm]
    found = dict.fromkeys(_ways(base, [] if unknown else others, unknown=unknown))
    return tuple(_cut(parts, label, lengths) for lengths in found)


def _ways(base: Lengths, others: Sequence[Lengths], *, unknown: bool) -> Iterator[Lengths]:
    yield base
    count = len(base)
    while count > 1:
        count = (count + 1) // 2
        yield merged(base, count)
    if unknown:
        return
    yield from others
    whole = sum(base)
    for start in ((whole,), base):
        length = max(start)
        while length > 1:
            length = ceil(length / 2)
            if ceil(whole / length) > _MOST:
                break
            yield split(start, length)


def _cut(parts: Sequence[Part], label: str, lengths: Lengths) -> Cut:
    reaches = {
        (number, axis): _reach(part.facts.chunks[axis], lengths)
        for number, part in enumerate(parts)
        for axis, own in enumerate(part.labels)
        if own == label
    }
    return Cut(lengths, len(lengths), max(lengths, default=0), reaches)


def _reach(own: Lengths, cut: Lengths) -> Reach:
    length, chunk = max(cut, default=0), max(own, default=0)
    if own == cut:
        return Reach(length, True, chunk, len(cut))
    aligned = len(own) % max(1, len(cut)) == 0 or (chunk > 0 and length % chunk == 0)
    count = ceil(length / max(1, chunk)) + (0 if aligned else 1)
    return Reach(min(sum(own), count * chunk), False, chunk, len(own) + len(cut) - 1)
