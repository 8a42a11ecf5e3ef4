"""Outlines as HTML: one piece, without scripts and without other files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import zip_longest

from .._base.formatting import in_bytes, in_time
from .outline import Outline, OutlineStep
from .picture import svg
from .text import condition, facts, not_taken, sliced, work

__all__ = ["STYLE", "code", "details", "of_outline", "page", "table"]

#: Colours come from the page around, so that it suits a dark notebook as well.
STYLE = (
    "<style>"
    ".einroute{font:13px/1.45 system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"
    "max-width:70rem}"
    ".einroute code{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "background:none;color:inherit;padding:0;overflow-wrap:anywhere}"
    ".einroute .er-side{display:flex;flex-wrap:wrap;gap:1rem;align-items:flex-start;margin-top:.6rem}"
    ".einroute .er-side>*{flex:1 1 20rem;min-width:0}"
    ".einroute .er-side>.er-pic{flex:0 1 380px}"
    ".einroute .er-wide{overflow-x:auto}"
    ".einroute table{border-collapse:collapse;margin:.5rem 0;font-size:12px}"
    ".einroute caption{text-align:left;font-weight:600;padding:.2rem 0}"
    ".einroute th,.einroute td{text-align:left;vertical-align:top;padding:.25rem .7rem .25rem 0;"
    "border-bottom:1px solid rgba(128,128,128,.35);background:none}"
    ".einroute th.er-r,.einroute td.er-r{text-align:right;font-variant-numeric:tabular-nums;"
    "white-space:nowrap}"
    ".einroute .er-q{opacity:.7}"
    ".einroute td code{overflow-wrap:normal}"
    ".einroute .er-bar{height:.8em;margin-top:.25em;background:#3b82c4;border-radius:2px}"
    ".einroute pre{overflow-x:auto;font-size:11.5px}"
    ".einroute summary{cursor:pointer}"
    ".einroute .er-step{margin-top:.5rem}"
    ".einroute ul{margin:.2rem 0 .6rem;padding-left:1.2rem}"
    "</style>"
)


def of_outline(outline: Outline) -> str:
    """An outline: its picture, and beside it the steps with what was refused."""
    title = f"<b>{escape(outline.function)}</b> {code(outline.subscripts)}"
    return (
        f'<div class="einroute">{STYLE}<div>{title}</div>{"".join(_notes(outline))}'
        f'<div class="er-side"><div class="er-pic">{svg(outline, notes=False)}</div>'
        f"<div>{''.join(_steps(outline.steps))}</div></div></div>"
    )


def _notes(outline: Outline) -> Iterator[str]:
    notes = []
    if outline.dtype:
        notes.append(facts(outline))
    if outline.seconds is not None:
        peak = f"; intermediates up to {in_bytes(outline.peak)}" if outline.peak else ""
        notes.append(f"about {in_time(outline.seconds)}{peak}")
    notes += [sliced(slices) for slices in outline.slices]
    for note in (*notes, *outline.notes):
        yield f'<div class="er-q">{escape(note)}</div>'


def _steps(steps: Iterable[OutlineStep], prefix: str = "") -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        name = f"{prefix}{number}"
        yield (
            f'<div class="er-step"><b>{name}</b> {code(step.subscripts)} by <b>{escape(step.route)}</b></div>'
        )
        about = f"{work(step)}, about {in_time(step.seconds)}" if work(step) else ""
        for text in filter(None, (step.note, about, condition(step))):
            yield f'<div class="er-q">{escape(text)}</div>'
        why = list(not_taken(step))
        if why:
            yield details(
                f"not taken: {len(why)} other routes" if len(why) > 1 else "not taken: one other route",
                "<ul>"
                + "".join(f"<li>{escape(route)}: {escape(reason)}</li>" for route, reason in why)
                + "</ul>",
            )
        for inner in step.inner:
            yield from _steps(inner.steps, f"{name}.")


def code(text: str) -> str:
    """Subscripts, which may be broken over lines anywhere but within the arrow."""
    arrow = '<span style="white-space:nowrap">-&gt;</span>'
    return f"<code>{escape(text).replace('-&gt;', arrow)}</code>" if text else ""


def details(summary: str, inside: str) -> str:
    """What is shown when it is asked for."""
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


def table(
    caption: str,
    columns: tuple[str, ...],
    rows: Iterable[tuple[str, ...]],
    numbers: int = 0,
    mono: int | tuple[int, ...] = (),
    bars: Sequence[float] = (),
) -> str:
    """A table of text, which can be scrolled sideways where it is too wide.

    Parameters
    ----------
    numbers : int
        How many of the last columns end at their right edge.
    mono : int or tuple of int
        The columns that hold code.
    bars : sequence of float
        How long the bar at the end of each row is, as a part of the longest; none are drawn if empty.
    """
    codes = (mono,) if isinstance(mono, int) else mono
    first = len(columns) - numbers

    def cell(tag: str, at: int, text: str) -> str:
        side = ' class="er-r"' if at >= first else ""
        inside = code(text) if at in codes and tag == "td" else escape(text)
        return f"<{tag}{side}>{inside}</{tag}>"

    head = "".join(cell("th", at, name) for at, name in enumerate(columns))
    ends = [f'<td><div class="er-bar" style="width:{100 * part:.1f}px"></div></td>' for part in bars]
    body = "".join(
        f"<tr>{''.join(cell('td', at, text) for at, text in enumerate(row))}{end}</tr>"
        for row, end in zip_longest(rows, ends, fillvalue="")
    )
    return (
        f'<div class="er-wide"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}{'<th></th>' if ends else ''}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def page(title: str, body: str) -> str:
    """A document of its own around a piece of HTML."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title>"
        "<style>:root{color-scheme:light dark}body{margin:1rem;max-width:96rem}</style></head>"
        f"<body>{body}</body></html>\n"
    )
