"""Outcomes as tables of text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from einroute._base.formatting import in_times

from .cases import GROUPS
from .race import ALLOWED_RATIO, OURS, Outcome, geometric_mean

#: How a table's head names an implementation.
HEADS = {
    "numpy": "NumPy",
    "numpy_optimize": "optimize=True",
    "scipy": "SciPy",
    "by_hand": "by hand",
    "pydata": "pydata/sparse",
    "mkl": "MKL",
}
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))
#: What stands above the columns.
LEGEND = (
    "einroute's time, and how many times faster it is than each of the others: larger is\n"
    "better, below 1 it is slower. The best: than the fastest of them, with the range of\n"
    "half of the rounds. A dash: the case cannot be written so, or takes too long."
)
PREPARED = "was made ready beforehand where that is what the others do in the call; there it is no rival"


def time(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> time(1.5e-6), time(0.0123), time(2e-7), time(9.999e-4), time(float("nan"))
    ('1.50 us', '12.3 ms', '0.20 us', '1.00 ms', '-')
    """
    if math.isnan(seconds):
        return "-"
    size, unit = next((pair for pair in UNITS if seconds >= 0.9995 * pair[0]), UNITS[-1])
    value = seconds / size
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {unit}"


def head(peer: str) -> str:
    """The name of an implementation in a table's head."""
    return HEADS.get(peer, peer)


def columns(cells: Sequence[Sequence[str]]) -> str:
    """Rows of aligned columns: the first to the left, the others to the right."""
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in cells
    )


def markdown(cells: Sequence[Sequence[str]]) -> str:
    """The same as a Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * len(cells[0]), *lines[1:]])


class Lines:
    """Prints each outcome as it comes, in columns whose width is known beforehand: our time, then how many
    times faster it is than each of the others.
    """

    def __init__(self, labels: Iterable[str], peers: Sequence[str]) -> None:
        known = list(labels)
        self.peers, self.done, self.total = peers, 0, len(known)
        self.width = max(map(len, known)) + 2 * len(str(self.total)) + 3
        print(f"\n{LEGEND}\n")
        self._row("case", ["einroute", *map(head, peers)], "the best")

    def __call__(self, outcome: Outcome) -> None:
        """Print one outcome."""
        ours = time(outcome.seconds.get(OURS, math.nan))
        self.done += 1
        number = f"{self.done}/{self.total}".rjust(2 * len(str(self.total)) + 1)
        self._row(
            f"{number}  {outcome.label}",
            [ours, *(in_times(outcome.faster(peer)) for peer in self.peers)],
            verdict(outcome),
        )

    def _row(self, label: str, cells: Iterable[str], last: str) -> None:
        widths = [8, *(max(5, len(head(peer))) for peer in self.peers)]
        middle = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        print(f"{label.ljust(self.width)}  {middle}  {last}", flush=True)


def verdict(outcome: Outcome) -> str:
    """How many times faster than the best of the others, with the spread, and whether something is wrong."""
    if outcome.problem:
        return f"WRONG: {outcome.problem}"
    if not outcome.best:
        return "-" if outcome.seconds else "checked"
    spread = outcome.spread.get(outcome.best)
    between = f" ({in_times(spread[0])} to {in_times(spread[1])})" if spread else ""
    return f"{in_times(outcome.faster(outcome.best))}{between}" + (" SLOW" if outcome.slow else "")


def summary(outcomes: Sequence[Outcome], peers: Sequence[str]) -> list[list[str]]:
    """Geometric means of how many times faster ours is, a row for each group and one for all."""
    groups = [(g, [o for o in outcomes if o.group == g]) for g in GROUPS]
    sets = [(group, own) for group, own in groups if own]
    sets += [("all", list(outcomes))] * (len(sets) > 1)
    rows = [["times faster, geometric means", "cases", "the best", *map(head, peers), "slow"]]
    for name, own in sets:
        means = (geometric_mean(o.faster(peer) for o in own) for peer in peers)
        best = geometric_mean(o.faster(o.best) for o in own)
        rows.append(
            [name, str(len(own)), in_times(best), *map(in_times, means), str(sum(o.slow for o in own))]
        )
    return rows


def remarks(outcomes: Sequence[Outcome]) -> list[str]:
    """What is behind the allowance, wrong, or left out, a line each."""
    lines = []
    slow = sorted((o for o in outcomes if o.slow), key=lambda o: o.faster(o.best))
    if slow:
        lines.append(
            f"behind by more than {ALLOWED_RATIO} times and what is allowed besides, 0.7 us for most "
            "(times faster; below 1 is slower):"
        )
    for o in slow:
        gap = o.seconds[OURS] - o.seconds[o.best]
        lines.append(f"  {in_times(o.faster(o.best))} (+{time(gap)})  {o.label}; best: {o.best_code}")
    names = dict.fromkeys(head(name) for o in outcomes for name in o.prepared if name in o.seconds)
    lines += [f"{name}: {PREPARED}" for name in names]
    lines += [f"WRONG {o.label}: {o.problem}" for o in outcomes if o.problem]
    lines += [f"{o.label}: {note}" for o in outcomes for note in o.notes if not note.endswith("too slow")]
    return lines


def records(outcomes: Sequence[Outcome], peers: Sequence[str]) -> list[dict[str, Any]]:
    """The outcomes for JSON: seconds, and how many times faster ours is than each, with the spread."""
    return [
        {
            "label": o.label,
            "group": o.group,
            "seconds": dict(o.seconds),
            "times_faster": {
                p: [o.faster(p), *o.spread.get(o.fastest(p), ())] for p in peers if o.fastest(p)
            },
            "prepared": list(o.prepared),
            "slow": o.slow,
            "problem": o.problem,
            "notes": list(o.notes),
        }
        for o in outcomes
    ]
