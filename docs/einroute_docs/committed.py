"""What is committed of ``docs/results``: pictures, tables as Markdown beside them, and the home page's figures.

``python docs/draw_measured.py`` writes them, and so does ``python docs/measure.py``.
"""

from __future__ import annotations

import re
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
HOME = DOCS / "index.md"
#: Rows of the home page's table that are means: the group, and beside whom.
MEANS = {
    "calls of 3-vectors and 3x3 matrices": ("tiny-functions", "numpy"),
    "contractions of three and more arrays": ("networks", "numpy"),
    "the same, with `optimize=True`": ("networks", "numpy_optimize"),
    "networks of 20 to 2000 small tensors": ("tensor-networks", "opt_einsum"),
    "products of integers": ("integers", "numpy"),
}
#: The row that is a range: einroute beside one who keeps the factors.
KEPT = ("lstsq", "by_hand")

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


def home(text: str, bench: Bench, problems: Results) -> str:
    """The home page with what was measured in the second column of its table."""
    lines = []
    for line in text.splitlines():
        cells = line.split(" | ")
        found = _said(cells[0].removeprefix("| "), bench, problems) if len(cells) == 4 else ""
        lines.append(" | ".join((cells[0], found, *cells[2:])) if found else line)
    return "\n".join(lines) + "\n"


def _said(row: str, bench: Bench, problems: Results) -> str:
    """What the home page says of a row; empty where that is not of what was measured."""
    if row in MEANS:
        group, peer = MEANS[row]
        found = _faster(bench, group, peer)
        if not found:
            return "-"
        mean = geometric_mean(found)
        return f"{mean:.1f} times" if mean < 10 else f"{in_times(mean)} times"
    if row.startswith("[a `pinv`"):
        all_kept = _faster(bench, *KEPT)
        return f"{min(all_kept):.1f} to {max(all_kept):.1f} times: keep yours"
    linked = re.fullmatch(r"\[.*\]\(problems/([\w-]+)\.md\)", row)
    if linked is None:
        return ""
    name = linked[1]
    times = problems.curve("many-calls" if name == "many-rhs" else name).points[-1].times
    ours, usual, *_ = (time.seconds for time in times.values())
    return f"{usual / ours:.0f} times"


def _faster(bench: Bench, group: str, peer: str) -> list[float]:
    return [case.faster[peer] for case in bench.groups.get(group, []) if peer in case.faster]


def files(bench: Bench, problems: Results, random: regrets.Regrets) -> dict[Path, str]:
    """What is to stand in each file."""
    text = HOME.read_text(encoding="utf-8")
    return {
        PICTURE: picture(bench),
        TABLES: tables(bench),
        HOME: home(text, bench, problems),
        REGRET: regrets.picture(random, STYLE),
        REGRETS: regrets.table(random),
    }


def measured() -> dict[Path, str]:
    """The same, of what ``docs/results`` holds."""
    folder = results.FOLDER
    bench, random = ratios.read(folder / "bench.json"), regrets.read(folder / "regret.json")
    return files(bench, results.read(folder / "problems.json"), random)


def write() -> None:
    """Put it there."""
    for path, text in measured().items():
        path.write_text(text, encoding="utf-8")
