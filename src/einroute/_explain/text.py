"""Outlines as plain text."""

from __future__ import annotations

from collections.abc import Iterator

from .._base.formatting import in_time
from .outline import Outline, OutlineSlices, OutlineStep

__all__ = ["lines"]


def lines(outline: Outline) -> Iterator[str]:
    """The text line by line."""
    yield f"{outline.function} {outline.subscripts or _shapes(outline)}".rstrip()
    if outline.dtype:
        sizes = " ".join(f"{label}={size}" for label, size in outline.sizes.items())
        yield (
            f"  {outline.dtype}, order {outline.order}, {outline.iterations:.3g} products; "
            f"sizes {sizes or 'none'}"
        )
    yield from (f"  {note}" for note in outline.notes)
    for i, op in enumerate(outline.operands):
        if op.note:
            yield f"  operand {i}: {op.note}"
    yield from (f"  {_sliced(slices)}" for slices in outline.slices)
    for number, step in enumerate(outline.steps, 1):
        yield from _step(step, f"step {number}: ", outline)
    if outline.dtype and outline.seconds is not None:
        yield f"  about {in_time(outline.seconds)}; intermediates up to {outline.peak:.3g} bytes"


def _sliced(slices: OutlineSlices) -> str:
    done_with = "added up" if slices.summed else "put side by side"
    return (
        f"in {slices.count} slices of {slices.block} along {slices.label}, {done_with}, "
        f"on up to {slices.threads} threads ({slices.reason})"
    )


def _step(step: OutlineStep, head: str, outline: Outline) -> Iterator[str]:
    planned = bool(outline.dtype)
    subscripts = f"{step.subscripts}  " if planned else ""
    yield f"  {head if planned else ''}{subscripts}by {step.route}"
    work = ""
    if step.flops or step.bytes or planned:
        work = f"{step.flops:.3g} multiply-adds, {step.bytes:.3g} bytes, about {in_time(step.seconds)}"
    told = "; ".join(filter(None, (step.note, work)))
    if told:
        yield f"      {told}"
    if step.guard:
        yield f"      if {step.guard}; else the next"
    for route, seconds in step.others:
        yield f"      not {route}: about {in_time(seconds)}"
    for route, reason in step.refused:
        yield f"      not {route}: {reason}"
    for inner in step.inner:
        yield f"      hands on {inner.subscripts}"
        yield from (f"      {_sliced(slices)}" for slices in inner.slices)
        for number, within in enumerate(inner.steps, 1):
            yield from (f"    {line}" for line in _step(within, f"step {number}: ", inner))


def _shapes(outline: Outline) -> str:
    return ", ".join(
        f"{'?' if op.shape is None else op.shape} {op.dtype}".rstrip() for op in outline.operands
    )
