"""How many times faster, with the spread, as a bar chart in SVG, which needs no library and stays sharp.

The axis is logarithmic, and bars begin at 1: to the right einroute is faster, to the left slower, and half
the time looks as far from 1 as twice the time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from .cases import GROUPS
from .race import Outcome, geometric_mean, middle
from .report import head

#: Of Okabe and Ito, which people tell apart who do not see all colours.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999", "#000000", "#f0e442")
WIDTH, BAR, GAP, TOP, RIGHT = 960, 8, 10, 96, 24
TITLE = "how many times faster einroute is"
BLACK, GREY = "#222222", "#555555"
FONT = 'font-family="sans-serif" font-size="11"'
LETTER = 6.3  # the width of a letter at 11 pixels, roughly
#: The axis ends here, at either end; bars beyond are cut and say so.
LEAST, MOST = 1e-2, 1e3
#: More cases than this are drawn a row for each group.
MOST_ROWS = 48


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the chart: by implementation how many times faster ours is, and between what that lay."""

    label: str
    faster: dict[str, tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """Factors between two ends, placed on a logarithmic scale between two pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a factor stands."""
        share = (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round factors between the ends: powers of ten, and halves and doubles where there is room."""
        steps = (1, 2, 5) if self.high / self.low < 200 else (1,)
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found = [step * 10.0**power for power in powers for step in steps]
        return [value for value in found if self.low * 0.999 <= value <= self.high * 1.001]


def draw(outcomes: Sequence[Outcome], peers: Sequence[str], conditions: str) -> str:
    """The chart.

    Parameters
    ----------
    outcomes : sequence of Outcome
        What to show: each case, or where there are many the geometric mean of each group.
    peers : sequence of str
        The implementations to compare with, a bar each.
    conditions : str
        What stands below the title: machine and versions.

    Returns
    -------
    str
        An SVG document.
    """
    many = len(outcomes) > MOST_ROWS
    rows = by_group(outcomes, peers) if many else by_case(outcomes, peers)
    peers = [peer for peer in peers if any(peer in row.faster for row in rows)]
    left = 20 + LETTER * max((len(row.label) for row in rows), default=0)
    axis = _axis(rows, left)
    heights = [max(1, len(row.faster)) * BAR + GAP for row in rows]
    bottom = TOP + sum(heights)
    height = bottom + 44
    what = "means by group; lines: half of its cases" if many else "lines: half of the rounds"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" {FONT}>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="20" y="24" font-size="15" font-weight="bold">{escape(TITLE)}</text>',
        text(20, 42, conditions),
        *_legend(peers),
        *_grid(axis, bottom),
        text(20, bottom + 36, f"logarithmic; bars begin at 1; {what}"),
    ]
    y = float(TOP)
    for number, (row, space) in enumerate(zip(rows, heights, strict=True)):
        if number % 2:
            parts.insert(2, bar(0, y, WIDTH, space, "#f6f6f6"))
        parts += _bars(row, peers, axis, left, y + GAP / 2)
        y += space
    return "\n".join([*parts, "</svg>", ""])


def text(x: float, y: float, words: str, anchor: str = "start", colour: str = GREY) -> str:
    """Words at a place, which is their begin, middle or end."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str = BLACK, width: float = 1.0) -> str:
    """A straight line."""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def bar(x: float, y: float, width: float, height: float, colour: str, title: str = "") -> str:
    """A filled rectangle, with words that show where a pointer rests on it."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}"'
    return f'<rect {place} fill="{colour}">{f"<title>{escape(title)}</title>" if title else ""}</rect>'


def by_case(outcomes: Sequence[Outcome], peers: Sequence[str]) -> list[Row]:
    """A row for each case; between what it lay over the rounds."""
    rows = []
    for outcome in outcomes:
        found = {}
        for peer in peers:
            value = outcome.faster(peer)
            if math.isfinite(value):
                spread = outcome.spread.get(outcome.fastest(peer), (value, value))
                found[peer] = (value, *spread)
        rows.append(Row(outcome.label, found))
    return rows


def by_group(outcomes: Sequence[Outcome], peers: Sequence[str]) -> list[Row]:
    """A row for each group: geometric means, and between what its cases lay."""
    rows = []
    for group in GROUPS:
        own = [outcome for outcome in outcomes if outcome.group == group]
        found = {}
        for peer in peers:
            values = [value for outcome in own if math.isfinite(value := outcome.faster(peer))]
            if values:
                found[peer] = (geometric_mean(values), *middle(values))
        if own:
            rows.append(Row(f"{group} ({len(own)})", found))
    return rows


def _axis(rows: Sequence[Row], left: float) -> Axis:
    values = [value for row in rows for triple in row.faster.values() for value in triple]
    low = max(LEAST, min([0.5, *values]) / 1.15)
    high = min(MOST, max([2.0, *values]) * 1.15)
    return Axis(low, high, left, WIDTH - RIGHT)


def _legend(peers: Sequence[str]) -> Iterator[str]:
    x = 20.0
    yield text(x, 66, "against")
    x += 52
    for peer, colour in zip(peers, COLOURS, strict=False):
        yield bar(x, 57, 10, 10, colour)
        yield text(x + 14, 66, head(peer), colour=BLACK)
        x += 34 + LETTER * len(head(peer))


def _grid(axis: Axis, bottom: float) -> Iterator[str]:
    for value in axis.ticks():
        x = axis(value)
        yield line(x, TOP - 4, x, bottom, colour="#ddd")
        yield text(x, TOP - 9, f"{value:g}", "middle")
    one = axis(1.0)
    yield line(one, TOP - 4, one, bottom + 6, width=1.5)
    yield text(one - 8, bottom + 20, "slower", "end")
    yield text(one + 8, bottom + 20, "einroute faster")


def _bars(row: Row, peers: Sequence[str], axis: Axis, left: float, y: float) -> Iterator[str]:
    height = max(1, len(row.faster)) * BAR
    yield text(left - 8, y + height / 2 + 3, row.label, "end", BLACK)
    for peer, colour in zip(peers, COLOURS, strict=False):
        if peer not in row.faster:
            continue
        value, low, high = row.faster[peer]
        start, end = sorted((axis(1.0), axis(value)))
        title = f"{row.label}: {value:.3g} times faster than {head(peer)} ({low:.3g} to {high:.3g})"
        yield bar(start, y, max(1.0, end - start), BAR - 1, colour, title)
        middle_y = y + (BAR - 1) / 2
        yield line(axis(low), middle_y, axis(high), middle_y)
        y += BAR
