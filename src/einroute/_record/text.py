"""A recording as text, and as tables of rich."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._base.formatting import in_time, plural, shortened
from .._explain.text import COLUMNS
from .outlines import TINY

if TYPE_CHECKING:
    from .entry import Record
    from .gathered import Gathered
    from .sums import SiteSum

__all__ = [
    "CALLS",
    "ROUTES",
    "SITES",
    "as_rich",
    "as_text",
    "below",
    "call_rows",
    "columns",
    "counted",
    "fitted",
    "headline",
    "place",
    "route_rows",
    "site_rows",
]

ROUTES = ("route", "calls", "steps", "gave up", "estimated", "measured")
SITES = ("where", "function", "routes", "calls", "measured")
CALLS = ("#", "where", "call", "operands", "routes", "cache", "estimated", "measured")
#: Lines of single calls that are shown; `records` holds the others.
SHOWN = 40
#: Characters of a cell of a table of text, and how few they may become to keep a table in its width.
WIDE, NARROW = 36, 8

Row = tuple[str, ...]


def headline(recording: Gathered) -> str:
    """How much there was."""
    dropped = f", records of the first {recording.calls - recording.dropped:,}" if recording.dropped else ""
    return f"{plural(recording.calls, 'call')}, {in_time(recording.seconds)} together{dropped}"


def route_rows(recording: Gathered) -> list[Row]:
    """A row for each route."""
    rows = []
    for found in recording.by_route():
        counts = (f"{number:,}" for number in (found.calls, found.steps, found.gave_up))
        times = (in_time(found.estimated or None), in_time(found.seconds if found.calls else None))
        rows.append((found.route, *counts, *times))
    return rows


def site_rows(sites: Iterable[SiteSum]) -> list[Row]:
    """A row for each place."""
    return [
        (
            place(site.file, site.line),
            site.function,
            counted(site.routes) or "raised",
            f"{site.calls:,}",
            in_time(site.seconds),
        )
        for site in sites
    ]


def call_rows(recording: Gathered, most: int = SHOWN) -> list[Row]:
    """A row for each call, equal ones that follow each other in one."""
    rows: list[Row] = []
    for _, same in groupby(recording.records, key=_looks):
        records = list(same)
        first = records[0]
        times = f" x{len(records)}" if len(records) > 1 else ""
        rows.append(
            (
                f"{first.number}{times}",
                place(first.file, first.line),
                f"{first.function} {first.outline.subscripts}".rstrip(),
                _operands(first),
                _routes(first),
                first.cache,
                in_time(first.estimated),
                in_time(sum(made.seconds for made in records)),
            )
        )
        if len(rows) > most:
            rows[-1] = ("...", "", "", "", "", "", "", "")
            break
    return rows


def _looks(made: Record) -> tuple[Any, ...]:
    outline = made.outline
    return (
        made.file,
        made.line,
        outline.function,
        outline.subscripts,
        _operands(made),
        _routes(made),
        made.cache,
    )


def _operands(made: Record) -> str:
    told = []
    for op in made.outline.operands:
        shape = "?" if op.shape is None else "x".join(map(str, op.shape)) or "()"
        told.append(" ".join(filter(None, (shape, _code(op.dtype), op.kind if op.kind != "dense" else ""))))
    return ", ".join(told)


@lru_cache(maxsize=256)
def _code(dtype: str) -> str:
    """NumPy's short name of a dtype, such as f8."""
    if not dtype:
        return ""
    try:
        return np.dtype(dtype).str.lstrip("<|=")
    except TypeError:
        return dtype


def _routes(made: Record) -> str:
    if made.error:
        return f"raised {made.error}"
    return counted(Counter(made.routes)) + (", tiny" if made.reason == TINY else "")


def counted(routes: dict[str, int]) -> str:
    """Names, each with how often it stands there if that is more than once."""
    return ", ".join(name if times == 1 else f"{times:,} x {name}" for name, times in routes.items())


def place(file: str, line: int) -> str:
    """A file from here, and the line."""
    if not line:
        return file
    try:
        shown = os.path.relpath(file) if Path(file).is_absolute() else file
    except (ValueError, OSError):  # another drive, or the folder that this is run in is gone
        shown = file
    return f"{file if shown.startswith('..') else shown}:{line}"


def columns(header: Row, rows: Iterable[Row], numbers: int, wide: int = WIDE) -> Iterator[str]:
    """Lines of a table of text, whose last ``numbers`` columns end at their right edge.

    Cells of more than ``wide`` characters are cut.
    """
    cells = [header, *(tuple(_clipped(at, cell, wide) for at, cell in enumerate(row)) for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(header))]
    first = len(header) - numbers
    for number, row in enumerate(cells):
        padded = (
            cell.rjust(width) if at >= first else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(padded).rstrip()
        if number == 0:
            yield "  ".join("-" * width for width in widths)


def _clipped(at: int, cell: str, wide: int) -> str:
    """Short enough for a column; of a place the end, since that tells more."""
    if at <= 1 and ":" in cell and len(cell) > wide:
        return "…" + cell[1 - wide :]
    return shortened(cell.replace("\n", " "), wide)


def as_text(recording: Gathered) -> str:
    """Tables of routes and of calls."""
    lines = [headline(recording)]
    if recording.calls:
        lines += ["", *columns(ROUTES, route_rows(recording), 5)]
        lines += ["", *_calls(call_rows(recording))]
    return "\n".join(lines)


def fitted(header: Row, rows: Sequence[Row], numbers: int) -> list[str]:
    """The lines of :func:`columns`, cells cut until they take 80 columns."""
    for wide in range(WIDE, NARROW - 1, -1):
        lines = list(columns(header, rows, numbers, wide))
        if max(map(len, lines)) <= COLUMNS:
            break
    return lines


def below(indent: int, *told: str) -> Iterator[str]:
    """A line under a row of a table: what is told and not empty, in 80 columns."""
    if any(told):
        yield " " * indent + shortened("  ".join(filter(None, told)), COLUMNS - indent)


def _calls(rows: Sequence[Row]) -> Iterator[str]:
    """The table of calls in 80 columns; below each where it stands, what the cache held, and its operands."""
    upper = [(number, call, routes, *times) for number, _, call, _, routes, _, *times in rows]
    head, line, *table = fitted(("#", "call", "routes", *CALLS[-2:]), upper, 2)
    yield from (head, line)
    for row, (_, where, _, operands, _, cache, *_) in zip(table, rows, strict=True):
        yield row
        if where:
            yield from below(line.index(" ") + 2, where, f"cache: {cache}" if cache else "", operands)


def as_rich(recording: Gathered) -> Any:
    """The same tables, which fold their cells."""
    from rich.console import Group

    from .._explain.rich_tables import table

    parts: list[Any] = [headline(recording)]
    if recording.calls:
        parts.append(table("by route", ROUTES, route_rows(recording), 5))
        parts.append(table("calls", CALLS, call_rows(recording), 2))
    return Group(*parts)
