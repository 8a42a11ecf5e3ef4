"""Outlines as tables of rich; imported only to print one where rich is installed."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from .._base.formatting import count, in_bytes, in_time
from .outline import Outline, OutlineStep

__all__ = ["of_outline", "table"]


def table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]], numbers: int = 0) -> Any:
    """A table; the last ``numbers`` columns end at their right edge."""
    made = Table(title=title or None, title_justify="left", pad_edge=False)
    for at, name in enumerate(columns):
        made.add_column(name, justify="right" if at >= len(columns) - numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def of_outline(outline: Outline) -> Any:
    """The outline's header lines, and a table of its steps."""
    operands = ", ".join(
        f"{'?' if op.shape is None else op.shape} {op.dtype}"
        + ("" if op.nnz is None else f" with {count(op.nnz)} entries")
        for op in outline.operands
    )
    head = [Text(f"{outline.function} {outline.subscripts}".rstrip(), style="bold"), Text(operands)]
    head += [Text(note) for note in outline.notes]
    head += [
        Text(f"in {s.count} slices of {s.block} along {s.label}, on up to {s.threads} threads ({s.reason})")
        for s in outline.slices
    ]
    made = Table(pad_edge=False)
    for name, right in (("step", False), ("route", False), ("work", True), ("about", True), ("why", False)):
        made.add_column(name, justify="right" if right else "left", overflow="fold")
    for number, step in enumerate(outline.steps, 1):
        _add(made, str(number), step)
    if outline.seconds is not None:
        made.caption = f"about {in_time(outline.seconds)}; intermediates up to {in_bytes(outline.peak)}"
    return Group(*head, made)


def _add(made: Any, number: str, step: OutlineStep) -> None:
    why = [step.note] if step.note else []
    if step.guard:
        why.append(f"if {step.guard}; else the next")
    why += [f"not {route}: about {in_time(seconds)}" for route, seconds in step.others]
    why += [f"not {route}: {reason}" for route, reason in step.refused]
    work = f"{count(step.flops)} multiply-adds\n{in_bytes(step.bytes)}" if step.flops or step.bytes else ""
    made.add_row(
        Text(f"{number}  {step.subscripts}".rstrip()),
        Text(step.route, style="bold"),
        Text(work),
        Text(in_time(step.seconds or None)),
        Text("\n".join(why)),
    )
    for inner in step.inner:
        for at, within in enumerate(inner.steps, 1):
            _add(made, f"{number}.{at}", within)
