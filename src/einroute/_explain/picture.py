"""The contraction tree as SVG: one row for each operand and each step, in the order of the work.

Lines run down from what a step takes to the step, as in a drawing of a version history.  So ten operands take
no more width than two, and the text can be read on a telephone.  It needs no script, font or other file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import log10, prod
from textwrap import wrap
from xml.sax.saxutils import escape

from .._base.formatting import count, in_bytes, in_time
from .outline import Outline, OutlineOperand, OutlineStep

__all__ = ["svg"]

#: Width of the picture, of the way between two lines, and of the margin, in pixels.
WIDTH, LANE, MARGIN = 380, 15, 12
#: Height of a line of text, and of the space between two rows.
LINE, GAP = 16, 12
#: About the width of a character of each font.
MONO, SANS = 6.9, 6.5
#: Lines of subscripts that are shown; the rest can be read by pointing at them.
MOST_LINES = 4
#: Lanes beyond which lines run over each other, so that text keeps its place.
MOST_LANES = 10

#: Colours by the first part of a route's name: of its node, and behind its text.
_COLOURS = {
    "dense": ("#1f6feb", "#eaf2ff"),
    "sparse": ("#1a7f37", "#e8f6ec"),
    "factors": ("#8250df", "#f3edfd"),
    "numpy": ("#57606a", "#f0f2f4"),
    "scipy": ("#57606a", "#f0f2f4"),
}
_STRUCTURED = ("#bc4c00", "#fdf1e7")

_STYLE = (
    ".er-t{font:12px system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:#1f2328}"
    ".er-m{font:11.5px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2328}"
    ".er-b{font-weight:600}.er-s{fill:#59636e}.er-n{font-weight:700;fill:#fff;text-anchor:middle}"
)


@dataclass(frozen=True, slots=True)
class _Text:
    """One line of text: its words, CSS classes, and a colour of its own."""

    words: str
    classes: str = "er-t"
    colour: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    """One operand or step.

    Attributes
    ----------
    made : int
        Its number: operands first, then the results of steps.
    takes : tuple of int
        Rows that its lines come from.
    texts : tuple of _Text
    colour, behind : str
        Empty for operands.
    mark : str
        What stands in the node.
    title : str
        What pointing at it shows.
    width : float
        Of the line that leads on from it.
    """

    made: int
    takes: tuple[int, ...]
    texts: tuple[_Text, ...]
    colour: str
    behind: str
    mark: str
    title: str
    width: float


def svg(outline: Outline, *, notes: bool = True) -> str:
    """The picture of an outline, as an SVG document; with its notes, unless they stand beside it."""
    lanes = _lanes(outline)
    used = min(MOST_LANES, 1 + max(lanes.values(), default=0))
    left = MARGIN + used * LANE + 8
    rows = _rows(outline, WIDTH - left - MARGIN)
    head = list(_head(outline, outline.notes if notes else ()))
    top = MARGIN + LINE * len(head) + GAP
    tops: dict[int, float] = {}
    height = float(top)
    for row in rows:
        tops[row.made] = height
        height += _height(row) + GAP
    foot = "a wider line is a larger array; times are estimates"
    parts = [
        *_lines(_texts(head, MARGIN, MARGIN)),
        *_edges(rows, tops, lanes),
        *(part for row in rows for part in _drawn(row, tops[row.made], lanes[row.made], left)),
        *_lines(_texts([_Text(foot, "er-t er-s")], MARGIN, height - 2)),
    ]
    height += LINE + MARGIN - 4
    name = _clean(f"{outline.function} {outline.subscripts}".strip())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img" style="max-width:100%;height:auto">'
        f"<title>{escape(name)}</title><style>{_STYLE}</style>"
        f'<rect width="{WIDTH}" height="{height:.0f}" rx="8" fill="#fff" stroke="#d1d9e0"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _head(outline: Outline, notes: tuple[str, ...]) -> Iterator[_Text]:
    total = f", about {in_time(outline.seconds)}" if outline.seconds is not None else ""
    yield _Text(f"{outline.function}{total}", "er-t er-b")
    across = int((WIDTH - 2 * MARGIN) / MONO)
    yield from (_Text(line, "er-m") for line in _wrapped(outline.subscripts, across))
    told = []
    for slices in outline.slices:
        how = "added up" if slices.summed else "side by side"
        told.append(
            f"in {slices.count} slices of {slices.block} along {slices.label}, {how}, on up to "
            f"{slices.threads} threads"
        )
    across = int((WIDTH - 2 * MARGIN) / SANS)
    for note in (*told, *notes):
        yield from (_Text(line, "er-t er-s") for line in wrap(note, across))


def _rows(outline: Outline, across: float) -> list[_Row]:
    """Each step after those of its operands that were not there yet."""
    rows: list[_Row] = []
    shown: set[int] = set()
    first = len(outline.operands)
    for number, step in enumerate(outline.steps):
        for taken in step.takes:
            if taken < first and taken not in shown:
                shown.add(taken)
                rows.append(_operand_row(taken, outline.operands[taken], across))
        last = number == len(outline.steps) - 1
        rows.append(_step_row(first + number, number + 1, step, across, last=last))
    return rows


def _operand_row(position: int, op: OutlineOperand, across: float) -> _Row:
    facts = _facts(op)
    texts = [_Text(f"operand {position}", "er-t er-b")]
    texts += [_Text(line, "er-m") for line in _wrapped(op.labels, int(across / MONO))]
    told = ", ".join(filter(None, (facts, op.note)))
    texts += [_Text(line, "er-t er-s") for line in wrap(told, int(across / SANS))]
    title = f"operand {position} {op.labels}: {facts}"
    return _Row(position, (), tuple(texts), "", "", "", title, _width(op))


def _step_row(made: int, number: int, step: OutlineStep, across: float, *, last: bool) -> _Row:
    colour, behind = _COLOURS.get(step.route.partition(".")[0], _STRUCTURED)
    texts = [_Text(line, "er-m") for line in _wrapped(step.subscripts, int(across / MONO))]
    texts.append(_Text(step.route, "er-t er-b", colour))
    for inner in step.inner:
        texts += [_Text(f"then {route}", "er-t er-b", colour) for route in inner.routes]
    work = f"{count(step.flops)} multiply-adds, {in_bytes(step.bytes)}" if step.flops or step.bytes else ""
    about = f"about {in_time(step.seconds)}" if step.seconds else ""
    told = [step.note, ", ".join(filter(None, (work, about)))]
    if step.result.shape is not None:
        told.append(f"{'the result:' if last else 'gives'} {_facts(step.result)}")
    texts += [_Text(line, "er-t er-s") for text in told for line in wrap(text, int(across / SANS))]
    why = [f"not {route}: about {in_time(s)}" for route, s in step.others]
    why += [f"not {route}: {reason}" for route, reason in step.refused]
    title = "\n".join(filter(None, (f"step {number}: {step.subscripts} by {step.route}", *why)))
    return _Row(made, step.takes, tuple(texts), colour, behind, str(number), title, _width(step.result))


def _facts(op: OutlineOperand) -> str:
    """Shape, dtype, kind and entries in words."""
    told = [f"{'?' if op.shape is None else op.shape} {op.dtype}".rstrip()]
    if op.kind != "dense":
        told.append(op.kind)
    if op.nnz is not None:
        told.append(f"{count(op.nnz)} non-zeros")
    return ", ".join(told)


def _width(op: OutlineOperand) -> float:
    """Of a line: it grows with the logarithm of what is stored."""
    if op.shape is None:
        return 1.5
    stored = prod(op.shape) if op.nnz is None else op.nnz
    return min(6.0, 1.5 + 0.5 * max(0.0, log10(max(stored, 1)) - 1))


def _wrapped(labels: str, across: int) -> list[str]:
    """Subscripts over several lines, broken after commas where there are some."""
    if not labels:
        return []
    pieces = wrap(labels.replace(",", ", ").replace("->", " ->"), max(8, across), break_on_hyphens=False)
    lines = [piece.replace(", ", ",").replace(" ->", "->") for piece in pieces]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], lines[MOST_LINES - 1][: max(1, across - 1)] + "…"]
    return [line.replace("->", "→") for line in lines]


def _lanes(outline: Outline) -> dict[int, int]:
    """The lane of each row: a step takes the leftmost of those that it ends."""
    lanes: dict[int, int] = {}
    taken: set[int] = set()
    first = len(outline.operands)
    for number, step in enumerate(outline.steps):
        for operand in step.takes:
            if operand not in lanes:
                lanes[operand] = next(i for i in range(len(taken) + 1) if i not in taken)
                taken.add(lanes[operand])
        ended = {lanes[i] for i in step.takes}
        lanes[first + number] = min(ended, default=0)
        taken = (taken - ended) | {lanes[first + number]}
    return lanes


def _height(row: _Row) -> float:
    return LINE * len(row.texts) + (12 if row.colour else 0)


def _across(lane: int) -> float:
    return MARGIN + LANE * (min(lane, MOST_LANES - 1) + 0.5)


def _node(row: _Row, top: float) -> float:
    """How far down the node of a row is."""
    return top + (LINE + (12 if row.colour else 0)) / 2


def _edges(rows: list[_Row], tops: dict[int, float], lanes: dict[int, int]) -> Iterator[str]:
    """Lines from what a step takes down to it; they turn aside in the last of their way."""
    there = {row.made: row for row in rows}
    for row in rows:
        x, y = _across(lanes[row.made]), _node(row, tops[row.made])
        for taken in row.takes:
            source = there[taken]
            x0, y0 = _across(lanes[taken]), _node(source, tops[taken])
            turn = max(y0, y - 26)
            yield (
                f'<path d="M{x0:.1f} {y0:.1f}V{turn:.1f}'
                f'C{x0:.1f} {y:.1f} {x:.1f} {turn:.1f} {x:.1f} {y:.1f}" '
                f'fill="none" stroke="#8c959f" stroke-width="{source.width:.1f}" stroke-linecap="round"/>'
            )


def _drawn(row: _Row, top: float, lane: int, left: float) -> Iterator[str]:
    x, y = _across(lane), _node(row, top)
    yield f"<g><title>{escape(_clean(row.title))}</title>"
    if row.colour:
        yield (
            f'<rect x="{left - 6:.1f}" y="{top:.1f}" width="{WIDTH - left - MARGIN + 8:.1f}" '
            f'height="{_height(row):.1f}" rx="6" fill="{row.behind}"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="{row.colour}"/>'
            f'<text x="{x:.1f}" y="{y + 4:.1f}" class="er-t er-n" style="font-size:10px">{row.mark}</text>'
        )
    else:
        yield (
            f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" rx="2" fill="#fff" '
            f'stroke="#59636e" stroke-width="1.5"/>'
        )
    yield from _lines(_texts(row.texts, left + 2, top + (6 if row.colour else 0)))
    yield "</g>"


def _texts(texts: Iterable[_Text], x: float, top: float) -> Iterator[tuple[_Text, float, float]]:
    for at, text in enumerate(texts):
        yield text, x, top + LINE * at + LINE - 4


def _lines(placed: Iterable[tuple[_Text, float, float]]) -> Iterator[str]:
    for text, x, y in placed:
        style = f' style="fill:{text.colour}"' if text.colour else ""
        words = escape(_clean(text.words))
        yield f'<text x="{x:.1f}" y="{y:.1f}" class="{text.classes}"{style}>{words}</text>'


def _clean(text: str) -> str:
    """Without what XML cannot hold: control characters and lone surrogates."""
    return "".join(c if _in_xml(ord(c)) else "?" for c in text)


def _in_xml(code: int) -> bool:
    if code < 0x20:
        return code in {0x9, 0xA}
    return code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF
