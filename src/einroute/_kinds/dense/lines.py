"""Bytes that nested loops move between caches: whole lines, where they do not stay for the next element.

An array lies along one label. Its lines serve that label's turns if all that is touched in between stays in
the core's own caches; else each element brings a line of its own, which memory does not foresee.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from ..._base.facts import LINE
from ..._base.machine import machine

#: How many times the bytes of a line are moved that is not foreseen.
_UNFORESEEN = 2


def moved(loops: str, sizes: Mapping[str, int], arrays: Sequence[Mapping[str, int]], itemsize: int) -> float:
    """Bytes moved by loops, outermost first, over arrays of such strides by label."""
    terms = [{c: abs(s) for c, s in own.items() if s and sizes[c] > 1} for own in arrays]
    along = [min(own, key=lambda c: own[c], default="") for own in terms]
    most = machine().own_bytes / 2
    total = 0.0
    for own, label in zip(terms, along, strict=True):
        size = float(prod(sizes[c] for c in own))
        each = min(max(own.get(label, itemsize), itemsize), max(LINE, itemsize))
        inside = loops[loops.index(label) + 1 :] if label else ""
        if each < LINE and _touched(inside, sizes, terms, along, itemsize) > most:
            each = _UNFORESEEN * LINE
        nbytes, span = size * each, _span(sizes, own, itemsize)
        if span < nbytes and _touched(loops[1:], sizes, terms, along, itemsize) <= most:
            nbytes = span  # windows: what they have in common stays in cache
        total += nbytes
    return total


def _span(sizes: Mapping[str, int], own: Mapping[str, int], itemsize: int) -> float:
    """Bytes from the first to the last element."""
    return float(itemsize + sum((sizes[c] - 1) * s for c, s in own.items()))


def _touched(
    loops: str, sizes: Mapping[str, int], terms: Sequence[Mapping[str, int]], along: Sequence[str], item: int
) -> float:
    """Bytes of the lines that these loops touch."""
    return float(
        sum(
            prod(sizes[c] for c in loops if c in own) * (item if label in loops else LINE)
            for own, label in zip(terms, along, strict=True)
        )
    )
