"""The demo's results as a table of plain text and as JSON-ready records."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .runner import Row

HEADER = ("problem", "the usual way", "time", "einroute's route", "time", "ratio", "largest error")
UNITS = (("h", 3600.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6))
RIGHT = (False, False, True, False, True, True, True)  # columns of numbers end at their right edge


def seconds(value: float) -> str:
    """A time in the unit that suits it, to three digits.

    Examples
    --------
    >>> seconds(0.00123), seconds(12.3), seconds(18000.0), seconds(float("inf"))
    ('1.23 ms', '12.3 s', '5 h', '-')
    """
    if not isfinite(value):
        return "-"
    unit, size = next((pair for pair in UNITS if value >= pair[1]), UNITS[-1])
    scaled = value / size
    return f"{scaled:.0f} {unit}" if scaled >= 99.95 else f"{scaled:.3g} {unit}"


def ratio(usual: float, ours: float) -> str:
    """How many times faster ours is."""
    if not (isfinite(usual) and isfinite(ours)) or not ours:
        return "-"
    return f"{usual / ours:,.0f}x" if usual >= 9.95 * ours else f"{usual / ours:.2g}x"


def _routes(row: Row) -> list[str]:
    """The routes in the order of the steps, equal neighbours counted."""
    counted = [(len(list(same)), name) for name, same in groupby(row.routes)]
    return [name if count == 1 else f"{count} x {name}" for count, name in counted]


def _error(row: Row) -> str:
    if row.failure:
        return "FAILED"
    if row.tolerance == 0:
        return "exact"
    return f"{row.error:.1e}"


def _cells(row: Row, notes: list[str]) -> list[tuple[str, ...]]:
    """The lines of one row; a way that ran on a part gets the number of the note which says so."""
    dims = row.size.split()  # three to a line, or the column would push the others off the screen
    left = [row.problem, *("  " + " ".join(dims[at : at + 3]) for at in range(0, len(dims), 3))]
    routes = _routes(row)
    lines: list[tuple[str, ...]] = []
    for at in range(max(len(left), len(row.timings), len(routes))):
        usual = took = times = ""
        if at < len(row.timings):
            timing = row.timings[at]
            usual, took, times = timing.way, seconds(timing.seconds), ratio(timing.seconds, row.seconds)
            if timing.part:
                text = f"timed and checked on {timing.part}, and the time scaled up"
                if text not in notes:
                    notes.append(text)
                usual += f" [{notes.index(text) + 1}]"
        lines.append(
            (
                left[at] if at < len(left) else "",
                usual,
                took,
                routes[at] if at < len(routes) else "",
                seconds(row.seconds) if at == 0 else "",
                times,
                _error(row) if at == 0 else "",
            )
        )
    return lines


def render(rows: Sequence[Row]) -> str:
    """The table: a line for each usual way, the loop last, and notes below.

    Parameters
    ----------
    rows : sequence of Row

    Returns
    -------
    str
        Without a newline at the end.
    """
    notes: list[str] = []
    blocks = [_cells(row, notes) for row in rows]
    widths = [
        max(len(line[at]) for line in (HEADER, *(line for block in blocks for line in block)))
        for at in range(len(HEADER))
    ]

    def text(cells: Iterable[str]) -> str:
        return "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, RIGHT, strict=True)
        ).rstrip()

    out = [text(HEADER), "  ".join("-" * width for width in widths)]
    for block in blocks:
        out += [text(cells) for cells in block]
        out.append("")
    out += [f"[{number}] {note}" for number, note in enumerate(notes, 1)]
    out.append("time: the best of a few runs, taken in turns; ratio: the usual way's time over einroute's;")
    out.append("largest error: against the loop, relative to its largest entry")
    for row in rows:
        if row.failure:
            out.append(f"FAILED {row.problem} ({row.size}): {row.failure}")
    return "\n".join(out)


def records(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows as JSON-ready mappings: numbers that JSON lacks (inf, nan) become None."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        return None if isinstance(value, float) and not isfinite(value) else value

    return [{**plain(asdict(row)), "ok": row.ok} for row in rows]
