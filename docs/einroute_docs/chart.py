"""Times, bytes or tasks against size as SVG: both axes logarithmic, colours and fonts of the style sheet.

It stands within the page and not in an image file, so that it follows the page's light and dark colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10

from einroute._base.formatting import in_bytes

from .results import Curve

WIDTH, HEIGHT = 460, 310
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 12, 48
#: Half the size of a marker.
MARK = 4.2
#: Space at either end of an axis, as a share of its length.
PAD = 0.05

#: Steps between powers of ten where these are too far apart.
FINE = (1, 1.5, 2, 3, 4, 5, 7)

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def seconds(value: float) -> str:
    """A time with its unit, to two digits.

    >>> seconds(0.0123), seconds(1.0), seconds(2.5e-6), seconds(0.1234)
    ('12 ms', '1.0 s', '2.5 µs', '120 ms')
    """
    scale, unit = next(((s, u) for s, u in UNITS if value >= 0.995 * s), UNITS[-1])
    number = value / scale
    return f"{number:.1f} {unit}" if number < 9.95 else f"{float(f'{number:.2g}'):.0f} {unit}"


def number(value: float) -> str:
    """A size in few letters.

    >>> number(500), number(2000), number(1_000_000)
    ('500', '2000', '1M')
    """
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 1e4 else f"{value:g}"


def amount(value: float, unit: str) -> str:
    """What was measured, with its unit.

    >>> amount(0.25, "s"), amount(3 * 2**20, "B"), amount(12345, "tasks"), amount(0.52, "tasks")
    ('250 ms', '3 MiB', '12k', '0.52')
    """
    if unit == "s":
        return seconds(value)
    if unit == "B":
        return in_bytes(value)
    return number(float(f"{value:.2g}"))


class Axis:
    """Values on a logarithmic scale, placed between two ends in the units of the picture."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = log10(min(values)), log10(max(values))
        pad = PAD * (high - low) or 0.1
        self.low, self.high = low - pad, high + pad
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        """Where a value stands."""
        return self.start + (log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, unit: str = "") -> list[float]:
        """Round values: powers of ten, of bytes those of two, with steps between where these are too few."""
        if unit == "B":
            return self._of_bytes()
        span = self.high - self.low
        steps = (1,) if span > 2.2 else (1, 3) if span > 1.2 else (1, 2, 5)
        tens = range(floor(self.low), ceil(self.high) + 1)
        every = max(1, round(span / 6))
        found = self._within([step * 10.0**ten for ten in tens if ten % every == 0 for step in steps])
        return found if len(found) > 1 else self._within([step * 10.0**ten for ten in tens for step in FINE])

    def _within(self, values: Sequence[float]) -> list[float]:
        return [value for value in values if self.low <= log10(value) <= self.high]

    def _of_bytes(self) -> list[float]:
        low, high = self.low / log10(2), self.high / log10(2)
        if high - low < 2:
            steps: tuple[float, ...] = (
                tuple(1 + k / 8 for k in range(8)) if high - low < 1 else (1, 1.25, 1.5, 1.75)
            )
        else:
            steps = (1, 1.5) if high - low < 4 else (1,)
        return self._within([step * 2.0**two for two in range(floor(low), ceil(high) + 1) for step in steps])


def mark(shape: int, x: float, y: float) -> str:
    """A marker: each curve has its own, so that colours are not all that tells them apart."""
    r = MARK
    points: tuple[tuple[float, float], ...]
    match shape % 5:
        case 0:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>'
        case 1:
            points = ((-r, -r), (r, -r), (r, r), (-r, r))
        case 2:
            points = ((0, -1.25 * r), (1.2 * r, r), (-1.2 * r, r))
        case 3:
            points = ((0, -1.4 * r), (1.4 * r, 0), (0, 1.4 * r), (-1.4 * r, 0))
        case _:
            points = ((0, 1.25 * r), (1.2 * r, -r), (-1.2 * r, -r))
    return f'<polygon points="{" ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in points)}"/>'


def key(shape: int) -> str:
    """A marker with a bit of its line, for the list of curves."""
    line = '<line x1="1" y1="7" x2="25" y2="7"/>'
    inside = line + mark(shape, 13, 7)
    return f'<svg class="key way-{shape}" viewBox="0 0 26 14" aria-hidden="true">{inside}</svg>'


def svg(curve: Curve, title: str) -> str:
    """The picture of a curve of each way.

    Parameters
    ----------
    curve : Curve
    title : str
        Read out in place of the picture.
    """
    sizes = [point.x for point in curve.points]
    times = [time.seconds for point in curve.points for time in point.times.values()]
    across = Axis(sizes, LEFT, WIDTH - RIGHT)
    up = Axis(times, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg class="timings" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        *_frame(curve, across, up),
        *(_way(curve, index, across, up) for index in reversed(range(len(curve.ways)))),
        "</svg>",
    ]
    return "".join(parts)


def _frame(curve: Curve, across: Axis, up: Axis) -> list[str]:
    """Grid, numbers at the ticks, and what the lower axis shows."""
    left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for value in up.ticks(curve.unit):
        y = up(value)
        parts.append(f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        label = amount(value, curve.unit).replace(".0 ", " ")
        parts.append(f'<text class="tick" x="{left - 7}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for point in curve.points:
        x = across(point.x)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{number(point.x)}</text>'
        )
    parts.append(f'<line class="edge" x1="{left}" y1="{bottom}" x2="{right}" y2="{bottom}"/>')
    middle = (left + right) / 2
    parts.append(
        f'<text class="axis" x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(curve.axis)}</text>'
    )
    return parts


def _way(curve: Curve, index: int, across: Axis, up: Axis) -> str:
    """Line and markers of one way."""
    name = curve.ways[index]
    places = [
        (across(point.x), up(point.times[name].seconds)) for point in curve.points if name in point.times
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    marks = "".join(mark(index, x, y) for x, y in places)
    return f'<g class="way-{index}"><polyline points="{line}"/>{marks}</g>'
