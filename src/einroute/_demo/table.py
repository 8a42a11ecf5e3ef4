"""The demo's results as a table of plain text, a block for each row, and as JSON-ready records."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from itertools import groupby
from math import isfinite
from typing import TYPE_CHECKING, Any

from einroute._base.formatting import in_times

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .problem import Problem, Size
    from .runner import Row, Timing

HEADER = ("size", "the usual way", "time", "einroute's route", "time", "times faster", "largest error")
UNITS = (("h", 3600.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6))
RIGHT = (False, False, True, False, True, True, True)  # columns of numbers end at their right edge
#: Characters of the longest route and time, which are not known before the rows are.
ROUTE, TIME = 23, 7
#: Characters of a line of words.
WIDE = 110
FOOT = (
    "time: the median of a few turns, which the ways take one after the other",
    "times faster: the usual way's time over einroute's; larger is better, and below 1 einroute is slower",
    "largest error: against the last line of each block, the plain loop, relative to its largest entry",
)


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


def faster(usual: float, ours: float) -> str:
    """How many times faster ours is."""
    return in_times(usual / ours) if isfinite(usual) and isfinite(ours) and ours else "-"


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


def _sizes(label: str) -> list[str]:
    """A size's label, three dimensions to a line, or the column would push the others off the screen."""
    dims = label.split()
    return [" ".join(dims[at : at + 3]) for at in range(0, len(dims), 3)]


def _remarks(timing: Timing) -> list[str]:
    """What is to be known of a time."""
    part = timing.part and f"timed and checked on {timing.part}, and the time scaled up"
    return [text for text in (part, timing.note) if text]


class Table:
    """The table, whose columns are as wide as it takes before the first row is there.

    Parameters
    ----------
    sizes : iterable of str
        The labels of all sizes.
    ways : iterable of str
        All usual ways, as one writes them.
    """

    def __init__(self, sizes: Iterable[str], ways: Iterable[str]) -> None:
        size = max((len(line) for label in sizes for line in _sizes(label)), default=0)
        way = max(map(len, ways), default=0) + len(" [1] [2]")
        least = (size + 2, way, TIME, ROUTE, TIME, 0, 0)
        self.widths = [max(len(head), width) for head, width in zip(HEADER, least, strict=True)]
        self._problem = ""

    @classmethod
    def of(cls, todo: Iterable[tuple[Problem[Any], Size]]) -> Table:
        """The table of what is going to be run."""
        todo = list(todo)
        ways = (way.text for problem, _ in todo for way in (*problem.usual, problem.loop))
        return cls((size.label for _, size in todo), ways)

    def head(self) -> str:
        """What stands above the columns."""
        return f"{self._line(HEADER)}\n{'  '.join('-' * width for width in self.widths)}"

    def block(self, row: Row) -> str:
        """A row: a line for each usual way, the loop last, then what is to be known; a blank line ends it.

        The first row of a problem has a line above that says what the problem is.
        """
        lines = [] if row.problem == self._problem else [f"{row.problem}: {row.title}"]
        self._problem = row.problem
        remarks = dict.fromkeys(text for timing in row.timings for text in _remarks(timing))
        notes = {text: number for number, text in enumerate(remarks, 1)}
        lines += [self._line(cells) for cells in _cells(row, notes)]
        for note, number in notes.items():
            lines += textwrap.wrap(f"[{number}] {note}", WIDE, initial_indent="  ", subsequent_indent=" " * 6)
        if row.failure:
            lines.append(f"FAILED {row.problem} ({row.size}): {row.failure}")
        return "\n".join([*lines, ""])

    def _line(self, cells: Iterable[str]) -> str:
        return "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, self.widths, RIGHT, strict=True)
        ).rstrip()


def _cells(row: Row, notes: dict[str, int]) -> list[tuple[str, ...]]:
    left = [f"  {line}" for line in _sizes(row.size)]
    routes = _routes(row)
    lines: list[tuple[str, ...]] = []
    for at in range(max(len(left), len(row.timings), len(routes))):
        usual = took = times = ""
        if at < len(row.timings):
            timing = row.timings[at]
            took, times = seconds(timing.seconds), faster(timing.seconds, row.seconds)
            usual = timing.way + "".join(f" [{notes[text]}]" for text in _remarks(timing))
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
    """The whole table of rows that are there.

    Parameters
    ----------
    rows : sequence of Row

    Returns
    -------
    str
        Without a newline at the end.
    """
    table = Table((row.size for row in rows), (timing.way for row in rows for timing in row.timings))
    return "\n".join([table.head(), *map(table.block, rows), *FOOT])


def records(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows as JSON-ready mappings: numbers that JSON lacks (inf, nan) become None."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        return None if isinstance(value, float) and not isfinite(value) else value

    return [{**plain(asdict(row)), "ok": row.ok} for row in rows]
