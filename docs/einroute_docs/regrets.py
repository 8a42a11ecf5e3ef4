"""How good the choices of random calls are: the picture and the table of ``docs/results/regret.json``.

``python -m einroute bench --regret all --after sight trials free --json docs/results/regret.json`` measures
it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import log2
from pathlib import Path
from typing import Any

from einroute._base.formatting import in_times
from einroute._bench.machine import sentence
from einroute._bench.race import geometric_mean
from einroute._bench.report import markdown

__all__ = ["Regrets", "picture", "read", "table"]

#: The least and the most of what is drawn, beyond which a dot lies on the edge; and what is regretted.
LEAST, MOST, OVER = 0.25, 4.0, 1.3
#: What comes after trials, by the name of the stage.
STAGES = {"trials": "after trials", "free": "after free trials"}
WIDTH, SIDE, TOP, ROW, BOTTOM = 640, 16, 8, 44, 44


@dataclass(frozen=True)
class Call:
    """A call: its family and words; its time over the best other way's, and over what a user would write.

    The first is 0 of calls of less than 10 microseconds, whose overhead is told elsewhere. The last says what
    was made of trials before.
    """

    family: str
    text: str
    ratio: float
    hand: float | None
    after: str


@dataclass(frozen=True)
class Regrets:
    """All calls, the machine, whether it was calibrated, and the seed they were drawn with."""

    machine: Mapping[str, Any]
    calibrated: bool
    seed: int
    calls: tuple[Call, ...]

    def families(self, after: str = "sight") -> Mapping[str, Sequence[Call]]:
        """The calls of each at a stage."""
        found: dict[str, list[Call]] = {}
        for call in self.calls:
            if call.after == after:
                found.setdefault(call.family, []).append(call)
        return found


def read(path: Path) -> Regrets:
    """What was measured."""
    given = json.loads(path.read_text(encoding="utf-8"))
    calls = (
        Call(one["family"], one["call"], one["ratio"], one["hand"], one["after"]) for one in given["calls"]
    )
    return Regrets(given["machine"], given["calibrated"], given["seed"], tuple(calls))


def picture(regrets: Regrets, style: str) -> str:
    """A strip of dots for each family, as a file of its own."""
    families = regrets.families()
    height = TOP + ROW * len(families) + BOTTOM
    bottom = height - BOTTOM
    title = "how many times the best other way's time the chosen way takes, call by call"
    box = f'viewBox="0 0 {WIDTH} {height}" xmlns="http://www.w3.org/2000/svg"'
    parts = [f'<svg class="timings strips" {box} role="img" aria-label="{title}">{style}']
    for value, kind in ((0.25, "grid"), (0.5, "grid"), (1, "edge"), (OVER, "grid"), (2, "grid"), (4, "grid")):
        x = _x(value)
        anchor = "start" if value == LEAST else "end" if value == MOST else "middle"
        parts.append(f'<line class="{kind}" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="{anchor}">{value:g}</text>')
    parts.append(f'<text class="axis" x="{_x(1) - 8:.1f}" y="{height - 8}" text-anchor="end">the best</text>')
    parts.append(f'<text class="axis" x="{_x(OVER) + 8:.1f}" y="{height - 8}">regretted</text>')
    for number, (family, calls) in enumerate(families.items()):
        y = TOP + ROW * number
        parts.append(
            f'<text class="axis" x="{SIDE}" y="{y + 15}">{escape(family)} ({len(calls)}, '
            f"{sum(call.ratio > OVER for call in calls)} over {OVER})</text>"
        )
        for call in calls:
            if not call.ratio:  # too short to be regretted
                continue
            told = f"<title>{escape(call.text)}: {in_times(call.ratio)}</title>"
            parts.append(f'<circle cx="{_x(call.ratio):.1f}" cy="{y + 28}" r="3.2">{told}</circle>')
    return "".join([*parts, "</svg>\n"])


def table(regrets: Regrets) -> str:
    """The shares as Markdown."""
    rows = [
        ["calls", f"over {OVER}", "the worst", "times what a user would write (geometric mean)"],
        *([family, *_row(calls)] for family, calls in regrets.families().items()),
    ]
    stages = {name: regrets.families(after) for after, name in STAGES.items() if regrets.families(after)}
    later = [
        [f"calls, of these over {OVER} and the worst", *stages],
        *(
            [family, *(", ".join(_row(calls)[:2]) for calls in (known[family] for known in stages.values()))]
            for family in regrets.families()
        ),
    ]
    return TEXT.format(
        machine=sentence(dict(regrets.machine)),
        constants="calibrated" if regrets.calibrated else "by the shipped constants",
        seed=regrets.seed if regrets.seed < 1 << 63 else f"{regrets.seed:040x}",  # a commit's hash
        table=markdown(rows),
        later=LATER.format(table=markdown(later)) if stages else "",
    )


def _row(calls: Sequence[Call]) -> list[str]:
    over = sum(call.ratio > OVER for call in calls)
    mean = geometric_mean(call.hand for call in calls if call.hand)
    return [
        f"{over} of {len(calls)} ({100 * over / len(calls):.0f} %)",
        in_times(max(call.ratio for call in calls)),
        in_times(mean),
    ]


def _x(value: float) -> float:
    share = (log2(min(max(value, LEAST), MOST)) - log2(LEAST)) / (log2(MOST) - log2(LEAST))
    return SIDE + share * (WIDTH - 2 * SIDE)


TEXT = """# How good the choices are

On {machine}, on one core, {constants}.
Written by `python docs/draw_measured.py` from `docs/results/regret.json`, seed {seed}.

![A dot for each call: the chosen way's time over the best other way's](../_static/regret.svg)

Calls drawn at random, each by the route that is chosen at first sight, held against every other route and
order that einroute has and against what a user would write with NumPy and SciPy. A dot is the chosen way's
time over that of the best other way, the least of four runs in which the two take turns; beyond 1.3 it is
regretted. Calls of less than 10 microseconds count, and are not drawn.

{table}
{later}"""

LATER = """
The same calls once trials have ended: of plans with the same bits, which is the default, and of all plans,
under `config(tune="free")`.

{table}
"""
