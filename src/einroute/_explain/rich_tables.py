"""Outlines as tables of rich; imported only to print one where rich is installed."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from .._base.formatting import count, in_bytes, in_time
from .outline import Outline, OutlineStep
from .text import condition, facts, nearest, not_taken, sliced, work

__all__ = ["of_outline", "table"]


def table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]], numbers: int = 0) -> Any:
    """A table; the last ``numbers`` columns end at their right edge."""
    made = Table(title=title or None, title_justify="left", pad_edge=False)
    for at, name in enumerate(columns):
        made.add_column(name, justify="right" if at >= len(columns) - numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def of_outline(outline: Outline, verbose: bool = False) -> Any:
    """The outline's header lines, and a table of its steps; what was refused where that is asked for."""
    operands = ", ".join(
        f"{'?' if op.shape is None else op.shape} {op.dtype}"
        + ("" if op.nnz is None else f" with {count(op.nnz)} entries")
        for op in outline.operands
    )
    head = [Text(f"{outline.function} {outline.subscripts}".rstrip(), style="bold"), Text(operands)]
    head += [Text(facts(outline))] if outline.dtype else []
    head += [Text(note) for note in outline.notes]
    head += [Text(sliced(slices)) for slices in outline.slices]
    made = Table(pad_edge=False)
    for name, right in (("step", False), ("route", False), ("work", True), ("about", True), ("why", False)):
        made.add_column(name, justify="right" if right else "left", overflow="fold")
    for number, step in enumerate(outline.steps, 1):
        _add(made, str(number), step, verbose)
    if outline.seconds is not None:
        made.caption = f"about {in_time(outline.seconds)}; intermediates up to {in_bytes(outline.peak)}"
    return Group(*head, made)


def _add(made: Any, number: str, step: OutlineStep, verbose: bool) -> None:
    why = [step.note] if step.note else []
    if step.guard:
        why.append(condition(step))
    others = not_taken(step) if verbose else ((route, f"about {in_time(s)}") for route, s in nearest(step))
    why += [f"not {route}: {reason}" for route, reason in others]
    made.add_row(
        Text(f"{number}  {step.subscripts}".rstrip()),
        Text(step.route, style="bold"),
        Text(work(step).replace(", ", "\n")),
        Text(in_time(step.seconds or None)),
        Text("\n".join(why)),
    )
    for inner in step.inner:
        for at, within in enumerate(inner.steps, 1):
            _add(made, f"{number}.{at}", within, verbose)
