"""What is committed of ``docs/results/bench.json`` and ``regret.json``: pictures, and tables as Markdown.

Both are committed, to be read where the README is. ``python docs/draw_measured.py`` writes them.
"""

from __future__ import annotations

from pathlib import Path

from einroute._base.formatting import in_times
from einroute._bench.cases import GROUPS
from einroute._bench.machine import sentence
from einroute._bench.race import geometric_mean
from einroute._bench.report import head, markdown

from . import regrets
from .chart import seconds
from .ratios import Bench, strips
from .results import OURS

DOCS = Path(__file__).parents[1]
PICTURE, TABLES = DOCS / "_static" / "measured.svg", DOCS / "results" / "measured.md"
REGRET, REGRETS = DOCS / "_static" / "regret.svg", DOCS / "results" / "regret.md"

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


def files(bench: Bench, random: regrets.Regrets) -> dict[Path, str]:
    """What is to stand in each file."""
    return {
        PICTURE: picture(bench),
        TABLES: tables(bench),
        REGRET: regrets.picture(random, STYLE),
        REGRETS: regrets.table(random),
    }
