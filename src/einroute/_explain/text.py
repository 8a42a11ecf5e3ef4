"""Outlines as plain text: a line a step, or all that was weighed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from textwrap import wrap
from typing import TextIO

from .._base.formatting import count, in_bytes, in_time, plural
from .outline import Outline, OutlineSlices, OutlineStep

__all__ = ["condition", "facts", "nearest", "not_taken", "sliced", "text", "width_of", "work"]

#: Columns where no terminal tells how many it has.
COLUMNS = 80
#: Routes not taken that a short explanation names.
NEAREST = 2

Line = tuple[int, str]


def text(outline: Outline, verbose: bool = False, width: int = COLUMNS) -> str:
    """The outline, no line wider than that but for a word that is."""
    return "\n".join(
        piece
        for indent, line in _lines(outline, verbose)
        for piece in wrap(
            line,
            width,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + 4),
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def width_of(stream: TextIO | None = None) -> int:
    """How many columns a stream has: a terminal's own, else 80."""
    stream = sys.stdout if stream is None else stream
    try:
        return os.get_terminal_size(stream.fileno()).columns or COLUMNS
    except (AttributeError, OSError, ValueError):  # no stream, no file, no terminal, closed
        return COLUMNS


def sliced(slices: OutlineSlices) -> str:
    """What is said of slices."""
    done_with = "added up" if slices.summed else "put side by side"
    return (
        f"in {slices.count} slices of {slices.block} along {slices.label}, {done_with}, "
        f"on up to {plural(slices.threads, 'thread')} ({slices.reason})"
    )


def facts(outline: Outline) -> str:
    """The dtype, the order, and how much there is to do."""
    sizes = " ".join(f"{label}={size}" for label, size in outline.sizes.items())
    work_of_all = outline.brief or f"{count(outline.iterations)} products; sizes {sizes or 'none'}"
    return f"{outline.dtype}, order {outline.order}, {work_of_all}"


def condition(step: OutlineStep) -> str:
    """What must hold of the values; nothing for a route that takes all."""
    return f"if {step.guard}; otherwise the next route" if step.guard else ""


def nearest(step: OutlineStep) -> list[tuple[str, float]]:
    """The fastest of the routes not taken."""
    return sorted(step.others, key=lambda other: other[1])[:NEAREST]


def work(step: OutlineStep) -> str:
    """A step's multiply-adds and bytes; nothing where there are none."""
    if not (step.flops or step.bytes):
        return ""
    return f"{count(step.flops)} multiply-adds, {in_bytes(step.bytes)}"


def not_taken(step: OutlineStep) -> Iterator[tuple[str, str]]:
    """The other routes, each with its time or why it was refused."""
    yield from ((route, f"about {in_time(seconds)}") for route, seconds in step.others)
    yield from step.refused


def _lines(outline: Outline, verbose: bool) -> Iterator[Line]:
    """Each line's indentation and text."""
    yield 0, f"{outline.function} {outline.subscripts or _shapes(outline)}".rstrip()
    if outline.dtype:
        yield 2, facts(outline)
    yield from ((2, note) for note in outline.notes)
    for i, op in enumerate(outline.operands):
        if op.note:
            yield 2, f"operand {i}: {op.note}"
    yield from _steps(outline, verbose, 2)
    if outline.dtype and outline.seconds is not None:
        peak = f"; intermediates up to {in_bytes(outline.peak)}" if outline.peak else ""
        yield 2, f"about {in_time(outline.seconds)}{peak}"


def _steps(outline: Outline, verbose: bool, indent: int) -> Iterator[Line]:
    yield from ((indent, sliced(slices)) for slices in outline.slices)
    for number, step in enumerate(outline.steps, 1):
        yield from _step(step, f"step {number}: " if outline.dtype else "", verbose, indent)


def _step(step: OutlineStep, head: str, verbose: bool, indent: int) -> Iterator[Line]:
    told = f"{head}{step.subscripts} by " if head else "by "
    told += step.route
    if step.seconds:
        told += f", about {in_time(step.seconds)}"
    if step.note:
        told += f": {step.note}"
    if not verbose and step.others:
        told += f" ({', '.join(f'{route} {in_time(seconds)}' for route, seconds in nearest(step))})"
    yield indent, told
    if step.guard:
        yield indent + 4, condition(step)
    if verbose:
        if work(step):
            yield indent + 4, work(step)
        yield from ((indent + 4, f"not {route}: {why}") for route, why in not_taken(step))
    for inner in step.inner:
        yield indent + 4, f"hands on {inner.subscripts}"
        yield from _steps(inner, verbose, indent + 4)


def _shapes(outline: Outline) -> str:
    return ", ".join(
        f"{'?' if op.shape is None else op.shape} {op.dtype}".rstrip() for op in outline.operands
    )
