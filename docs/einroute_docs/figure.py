"""A curve as a figure of the page: the picture, which line is which, and the numbers in a table."""

from __future__ import annotations

from html import escape

from einroute._base.formatting import in_times
from einroute._bench.machine import sentence

from . import chart
from .results import OURS, Curve, Point, Results


def figure(results: Results, name: str, title: str) -> str:
    """The HTML of a figure.

    Parameters
    ----------
    results : Results
    name : str
        Which of its curves.
    title : str
        What is shown, in a line.
    """
    curve = results.curve(name)
    return (
        f'<figure class="timings">{chart.svg(curve, title)}{_legend(curve)}'
        f"<figcaption>{escape(title)}</figcaption>{_table(curve)}</figure>"
    )


def machine_line(results: Results) -> str:
    """Where it was measured, in a sentence of HTML."""
    where = f"Measured on {escape(sentence(dict(results.machine)))}."
    return f'<p class="machine">{where} Made by <code>{escape(results.command)}</code>.</p>'


def _way(name: str) -> str:
    return f"<strong>{name}</strong>" if name == OURS else f"<code>{escape(name)}</code>"


def _legend(curve: Curve) -> str:
    items = "".join(f"<li>{chart.key(i)}<span>{_way(name)}</span></li>" for i, name in enumerate(curve.ways))
    return f'<ul class="ways">{items}</ul>'


def _table(curve: Curve) -> str:
    """The numbers: a row for each size, a column for each way, and how many times faster ours is there."""
    head = "".join(f"<th>{_way(name)}</th>" for name in curve.ways)
    rows = "".join(_row(curve, point) for point in curve.points)
    every = [(way, time) for point in curve.points for way, time in point.times.items()]
    parts = sorted({f"{way}: {time.part}" for way, time in every if time.part})
    note = (
        f"<p>≈ stands where a part was timed and the time of the whole computed from it: "
        f"{escape('; '.join(parts))}.</p>"
        if parts
        else ""
    )
    less = "faster" if curve.unit == "s" else "less"
    return (
        f"<details><summary>The numbers, and how many times {less} einroute is (×)</summary>"
        f'<div class="table-wrapper"><table class="docutils"><thead><tr><th>size</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{note}</details>"
    )


def _row(curve: Curve, point: Point) -> str:
    ours = point.times[OURS].seconds
    cells = [f"<td>{escape(point.label)}</td>"]
    for way in curve.ways:
        time = point.times.get(way)
        if time is None:
            cells.append("<td></td>")
            continue
        text = ("≈ " if time.part else "") + chart.amount(time.seconds, curve.unit)
        faster = "" if way == OURS else f" <small>{_multiple(time.seconds / ours)}</small>"
        cells.append(f"<td>{text}{faster}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _multiple(factor: float) -> str:
    return f"{in_times(factor)}×"
