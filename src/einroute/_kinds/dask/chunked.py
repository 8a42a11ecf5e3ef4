"""Facts of operands in chunks: lengths of chunks along each axis, known or not.

Planning reads these and no dask array.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import isnan
from typing import Any, Self

__all__ = ["UNKNOWN", "Chunked", "Lengths", "UnknownSize", "known", "lengths_of", "size_of", "starts"]

Lengths = tuple[int, ...]
"""Lengths of the chunks along an axis."""

#: What an unknown length is taken for where costs are estimated.
UNKNOWN = 1024


class UnknownSize(int):
    """The size of an axis whose chunks have unknown lengths: only so many such chunks equal it."""

    def __new__(cls, count: int) -> Self:
        return super().__new__(cls, count * UNKNOWN)

    @property
    def count(self) -> int:
        """How many chunks there are."""
        return int(self) // UNKNOWN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnknownSize) and int(self) == int(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(("unknown", int(self)))

    def __repr__(self) -> str:
        return (
            f"unknown ({self.count} chunk{'s' * (self.count != 1)}; call compute_chunk_sizes() on the array)"
        )

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return UnknownSize, (self.count,)


@dataclass(frozen=True, slots=True)
class Chunked:
    """What a chunked operand's facts have beside shape and dtype.

    Attributes
    ----------
    chunks : tuple of tuple of int
        Lengths along each axis; unknown ones as `UNKNOWN`.
    unknown : tuple of bool
        Axes whose lengths are not known.
    behind : tuple of tuple of int
        The axes of each array that is read: all of them, but for structured operands.
    held : bool
        It is in this process's memory, and is cut for nothing.
    """

    chunks: tuple[Lengths, ...]
    unknown: tuple[bool, ...]
    behind: tuple[tuple[int, ...], ...]
    held: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is an array."""
        return self.behind == (tuple(range(len(self.chunks))),)


def known(lengths: Iterable[Any]) -> bool:
    """Whether every length is known."""
    return not any(isnan(n) for n in lengths)


def lengths_of(lengths: Sequence[Any]) -> Lengths:
    """Lengths as planning has them."""
    return tuple(UNKNOWN if isnan(n) else int(n) for n in lengths)


def size_of(lengths: Sequence[Any]) -> int:
    """The size of an axis in these chunks."""
    return sum(int(n) for n in lengths) if known(lengths) else UnknownSize(len(lengths))


def starts(lengths: Lengths) -> tuple[int, ...]:
    """Where each chunk begins, and where the last one ends."""
    return (0, *accumulate(lengths))
