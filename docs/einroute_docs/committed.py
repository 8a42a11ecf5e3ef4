"""What is committed of ``docs/results``: pictures, tables as Markdown, and the home page's figures.

``python docs/draw_measured.py`` writes them, and so does ``python docs/measure.py``.
"""

from __future__ import annotations

import re
from html import escape
from math import log10
from pathlib import Path

from einroute._base.formatting import in_times
from einroute._bench.cases import GROUPS
from einroute._bench.machine import sentence
from einroute._bench.race import geometric_mean
from einroute._bench.report import head, markdown

from . import ratios, regrets, results
from .chart import seconds
from .ratios import Bench, strips
from .results import OURS, Results

DOCS = Path(__file__).parents[1]
PICTURE, TABLES = DOCS / "_static" / "measured.svg", DOCS / "results" / "measured.md"
REGRET, REGRETS = DOCS / "_static" / "regret.svg", DOCS / "results" / "regret.md"
HOME, BARS = DOCS / "index.md", DOCS / "_static" / "faster.svg"
#: Rows of the home page's table that are means: the group, and beside whom.
MEANS = {
    "calls of 3-vectors and 3x3 matrices": ("tiny-functions", "numpy"),
    "contractions of three and more arrays": ("networks", "numpy"),
    "the same, with `optimize=True`": ("networks", "numpy_optimize"),
    "networks of 20 to 2000 small tensors": ("tensor-networks", "opt_einsum"),
    "products of integers": ("integers", "numpy"),
}
#: What the row is about that is a range: einroute beside one who keeps the factors.
KEPT = "`pinv`"
#: A row about a problem that has a page.
LINKED = re.compile(r"\[.*\]\(problems/([\w-]+)\.md\)")
#: Width of the bars' picture, where its names end, and the height of a row.
BARS_WIDTH, NAMES, BAR = 720, 272, 26
BARS_TITLE = "times faster than as usually written"

#: The picture stands by itself, on a light page or a dark one.
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #555 }
.axis { fill: #111 } .grid { stroke: #ddd } .edge { stroke: #666 }
circle { fill: #0b61c4; fill-opacity: .35 } .mean { stroke: #c4420b; stroke-width: 3 }
@media (prefers-color-scheme: dark) {
text { fill: #aaa } .axis { fill: #eee } .grid { stroke: #444 } .edge { stroke: #999 }
circle { fill: #5eb0ff } .mean { stroke: #ff8a52 }
}
</style>"""

BAR_STYLE = """<style>
text { font: 14px system-ui, sans-serif; fill: #1f2328 } .head { font-size: 13px; fill: #555 }
.value { font-weight: 600 } .faster { fill: #0b61c4 } .slower { fill: #c4420b } .edge { stroke: #666 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .head { fill: #aaa }
.faster { fill: #5eb0ff } .slower { fill: #ff8a52 } .edge { stroke: #999 }
}
</style>"""

TEXT = """# What was measured

On {machine}.
Written by `python docs/draw_measured.py` from `docs/results/bench.json`.

![A dot for each case: times faster than the fastest of the others](../_static/measured.svg)

All figures say how many times faster einroute is, as geometric means over the cases that were written so;
below 1 it is slower. A case is behind if it takes more than 1.1 times as long as the fastest of the others
and is more than 0.7 microseconds behind it.

{means}

## The {number} cases that are behind

{behind}
"""


def picture(bench: Bench) -> str:
    """The strips of dots as a file of their own."""
    start, _, rest = strips(bench).partition(">")
    return f'{start} xmlns="http://www.w3.org/2000/svg">{STYLE}{rest}\n'


def tables(bench: Bench) -> str:
    """The means of each group and the cases that are behind, as Markdown."""
    means = [["cases", "the fastest of the others", *map(head, bench.peers), "behind"]]
    for group, cases in bench.groups.items():
        row = [f"{group}: {GROUPS[group]} ({len(cases)})", in_times(geometric_mean(x.best for x in cases))]
        for peer in bench.peers:
            with_peer = [case.faster[peer] for case in cases if peer in case.faster]
            row.append(in_times(geometric_mean(with_peer)) if with_peer else "-")
        means.append([*row, str(sum(case.slow for case in cases))])
    behind = [["case", "einroute", "times faster than the fastest of the others"]]
    for case in sorted((case for case in bench.cases if case.slow), key=lambda case: case.best):
        label = case.label.replace("|", "\\|")
        behind.append([f"`{label}`", seconds(case.seconds[OURS]), in_times(case.best)])
    return TEXT.format(
        machine=sentence(dict(bench.machine)),
        means=markdown(means),
        number=len(behind) - 1,
        behind=markdown(behind),
    )


def home(text: str, bench: Bench, problems: Results) -> str:
    """The home page with what was measured in the second column of its table."""
    lines = []
    for line in text.splitlines():
        cells = line.split(" | ")
        row = cells[0].removeprefix("| ")
        known = len(cells) == 4 and _is_measured(row)
        found = _said(measured(row, bench, problems)) if known else ""
        lines.append(" | ".join((cells[0], found, *cells[2:])) if known else line)
    return "\n".join(lines) + "\n"


def rows(text: str) -> list[str]:
    """The first cells of the home page's table, of those rows that are measured."""
    cells = (line.split(" | ") for line in text.splitlines() if line.startswith("| "))
    found = (cell[0].removeprefix("| ") for cell in cells if len(cell) == 4)
    return [row for row in found if _is_measured(row)]


def _is_measured(row: str) -> bool:
    return row in MEANS or LINKED.fullmatch(row) is not None


def measured(row: str, bench: Bench, problems: Results) -> list[float]:
    """How many times faster einroute is in what a row tells of: a figure, or a range; none if unmeasured."""
    if row in MEANS:
        group, peer = MEANS[row]
        found = _faster(bench, group, peer)
        return [geometric_mean(found)] if found else []
    linked = LINKED.fullmatch(row)
    assert linked is not None
    if KEPT in row:
        found = _faster(bench, "lstsq", "by_hand")
        return [min(found), max(found)] if found else []
    name = linked[1]
    times = problems.curve("many-calls" if name == "many-rhs" else name).points[-1].times
    ours, usual, *_ = (time.seconds for time in times.values())
    return [usual / ours]


def _said(found: list[float]) -> str:
    if len(found) == 2:
        return f"{found[0]:.1f} to {found[1]:.1f} times: keep yours"
    return f"{found[0]:.0f} times" if found and found[0] >= 9.5 else f"{found[0]:.1f} times" if found else "-"


def bars(text: str, bench: Bench, problems: Results) -> str:
    """The same as a picture of bars, on a logarithmic axis, to the right of 1 where einroute is faster."""
    given = [(row, measured(row, bench, problems)) for row in rows(text)]
    drawn = [(row, geometric_mean(found)) for row, found in given if found]
    height = BAR * len(drawn) + 34
    most = log10(max(value for _, value in drawn)) * 1.02
    least = min(0.0, log10(min(value for _, value in drawn)))
    unit = (BARS_WIDTH - NAMES - 56) / (most - least)
    one = NAMES - least * unit + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {BARS_WIDTH} {height}" role="img">{BAR_STYLE}',
        f'<title>{BARS_TITLE}</title><text class="head" x="{one:.0f}" y="16">{BARS_TITLE}</text>',
    ]
    for at, (row, value) in enumerate(drawn):
        y = 28 + BAR * at
        end = one + log10(value) * unit
        x, width, kind = min(one, end), abs(end - one), "faster" if value >= 1 else "slower"
        name = re.sub(r"\[(.*)\]\(.*\)|`", lambda found: (found[1] or "").replace("`", ""), row)
        parts.append(
            f'<text class="name" x="{NAMES}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR - 8}" rx="2"/>'
            f'<text class="value" x="{max(one, end) + 6:.1f}" y="{y + 14}">{in_times(value)}</text>'
        )
    parts.append(f'<line class="edge" x1="{one:.1f}" y1="24" x2="{one:.1f}" y2="{height - 8}"/>')
    return "".join(parts) + "</svg>\n"


def _faster(bench: Bench, group: str, peer: str) -> list[float]:
    return [case.faster[peer] for case in bench.groups.get(group, []) if peer in case.faster]


def files(bench: Bench, problems: Results, random: regrets.Regrets) -> dict[Path, str]:
    """What is to stand in each file."""
    text = HOME.read_text(encoding="utf-8")
    return {
        PICTURE: picture(bench),
        TABLES: tables(bench),
        HOME: home(text, bench, problems),
        BARS: bars(text, bench, problems),
        REGRET: regrets.picture(random, STYLE),
        REGRETS: regrets.table(random),
    }


def all_files() -> dict[Path, str]:
    """The same, of what ``docs/results`` holds."""
    folder = results.FOLDER
    bench, random = ratios.read(folder / "bench.json"), regrets.read(folder / "regret.json")
    return files(bench, results.read(folder / "problems.json"), random)


def write() -> None:
    """Put it there."""
    for path, text in all_files().items():
        path.write_text(text, encoding="utf-8")
