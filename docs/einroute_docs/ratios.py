"""What ``python -m einroute bench --json`` measured: a dot for each case, means, and who is behind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import log10
from pathlib import Path

from einroute._base.formatting import in_times
from einroute._bench.cases import GROUPS
from einroute._bench.machine import sentence
from einroute._bench.race import geometric_mean
from einroute._bench.report import head

from .chart import seconds
from .results import OURS

WIDTH, ROW, TOP, BOTTOM, SIDE = 460, 40, 8, 44, 8
#: The ends of the axis; dots beyond stand there.
LEAST, MOST = 0.1, 100.0


@dataclass(frozen=True)
class Case:
    """One case: seconds by implementation, how many times faster ours is, and whether it is behind.

    Who has prepared beforehand what others do in the call is no rival.
    """

    label: str
    group: str
    seconds: Mapping[str, float]
    faster: Mapping[str, float]
    slow: bool
    prepared: tuple[str, ...] = ()

    @property
    def best(self) -> float:
        """How many times faster than the fastest of the rivals ours is."""
        rivals = [time for name, time in self.seconds.items() if name not in {OURS, *self.prepared}]
        return min(rivals) / self.seconds[OURS]


@dataclass(frozen=True)
class Bench:
    """All cases of one run, and the machine in general terms."""

    machine: Mapping[str, str]
    cases: tuple[Case, ...]

    @property
    def groups(self) -> dict[str, list[Case]]:
        """The cases by their group, in the order of the table of cases."""
        found = {group: [case for case in self.cases if case.group == group] for group in GROUPS}
        return {group: own for group, own in found.items() if own}

    @property
    def peers(self) -> list[str]:
        """Everybody einroute was compared with."""
        return list(dict.fromkeys(peer for case in self.cases for peer in case.faster))


def read(path: Path) -> Bench:
    """The figures of a file that the command wrote; cases that only einroute ran are left out."""
    given = json.loads(path.read_text(encoding="utf-8"))
    cases = (
        Case(
            one["label"],
            one["group"],
            one["seconds"],
            {peer: values[0] for peer, values in one["times_faster"].items()},
            one["slow"],
            tuple(one["prepared"]),
        )
        for one in given["cases"]
        if one["seconds"].keys() - {OURS, *one["prepared"]}
    )
    return Bench(given["machine"], tuple(cases))


def page(bench: Bench) -> str:
    """The HTML of all of it."""
    caption = (
        "A dot is a case: how many times faster einroute is than the fastest of the others. The upright "
        "mark is the geometric mean of the group."
    )
    return (
        f'<p class="machine">Measured on {escape(sentence(dict(bench.machine)))}.</p>'
        f'<figure class="timings">{strips(bench)}<figcaption>{caption}</figcaption></figure>'
        f"{_means(bench)}{_behind(bench)}"
    )


def strips(bench: Bench) -> str:
    """The picture: a line of dots for each group."""
    groups = bench.groups
    height = TOP + ROW * len(groups) + BOTTOM
    bottom = height - BOTTOM
    title = "how many times faster einroute is than the fastest of the others, case by case"
    box = f'viewBox="0 0 {WIDTH} {height}"'
    parts = [f'<svg class="timings strips" {box} role="img" aria-label="{title}">']
    for value in (0.1, 1.0, 10.0, 100.0):
        x = _x(value)
        kind = "edge" if value == 1 else "grid"
        anchor = "start" if value == LEAST else "end" if value == MOST else "middle"
        parts.append(f'<line class="{kind}" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="{anchor}">{value:g}</text>')
    parts.append(f'<text class="axis" x="{_x(1) - 8:.1f}" y="{height - 8}" text-anchor="end">slower</text>')
    parts.append(f'<text class="axis" x="{_x(1) + 8:.1f}" y="{height - 8}">faster</text>')
    for number, (group, cases) in enumerate(groups.items()):
        parts += _strip(group, cases, TOP + ROW * number)
    return "".join([*parts, "</svg>"])


def _x(value: float) -> float:
    value = min(max(value, LEAST), MOST)
    share = (log10(value) - log10(LEAST)) / (log10(MOST) - log10(LEAST))
    return SIDE + share * (WIDTH - 2 * SIDE)


def _strip(group: str, cases: Sequence[Case], y: float) -> list[str]:
    mean = _x(geometric_mean(case.best for case in cases))
    dots = []
    for case in cases:
        title = f"<title>{escape(case.label)}: {in_times(case.best)} times faster</title>"
        dots.append(f'<circle cx="{_x(case.best):.1f}" cy="{y + 28}" r="3.2">{title}</circle>')
    return [
        f'<text class="axis" x="{SIDE}" y="{y + 15}">{escape(group)} ({len(cases)})</text>',
        *dots,
        f'<line class="mean" x1="{mean:.1f}" y1="{y + 20}" x2="{mean:.1f}" y2="{y + 36}"/>',
    ]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An HTML table of cells that are HTML."""
    top = "".join(f"<th>{cell}</th>" for cell in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    inside = f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="table-wrapper"><table class="docutils ratios">{inside}</table></div>'


def _mean(cases: Sequence[Case], peer: str) -> float:
    return geometric_mean(case.faster[peer] for case in cases if peer in case.faster)


def _means(bench: Bench) -> str:
    heads = ["cases", "the fastest", *map(head, bench.peers), "behind"]
    rows = []
    for group, cases in bench.groups.items():
        best = geometric_mean(case.best for case in cases)
        means = [_mean(cases, peer) for peer in bench.peers]
        name = f"{escape(group)}: {escape(GROUPS[group])} ({len(cases)})"
        rows.append([name, in_times(best), *map(in_times, means), str(sum(case.slow for case in cases))])
    return _table(heads, rows)


def _behind(bench: Bench) -> str:
    slow = sorted((case for case in bench.cases if case.slow), key=lambda case: case.best)
    rows = []
    for case in slow:
        gap = case.seconds[OURS] * (1 - case.best)
        rows.append([f"<code>{escape(case.label)}</code>", in_times(case.best), seconds(gap)])
    return (
        f"<details><summary>The {len(slow)} cases that are behind</summary>"
        f"{_table(['case', 'times faster', 'behind by'], rows)}</details>"
    )
