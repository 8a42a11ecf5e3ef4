"""Told beside taken, as text: who is off, and the share that is not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..._base.formatting import in_time
from .samples import Sample

__all__ = ["OFF", "SHORTEST", "line", "off", "summary"]

#: How many times too much or too little is off, and seconds of a call from which that counts.
OFF, SHORTEST = 2.0, 20e-6


def off(one: Sample) -> bool:
    """Whether an estimate is off by more than that."""
    return one.took >= SHORTEST and not one.spoilt and not 1 / OFF <= one.ratio <= OFF


def line(one: Sample) -> str:
    """One route of a call that is off."""
    return (
        f"{one.ratio:8.2f}  {one.route}{' (chosen)' if one.chosen else ''}: told {in_time(one.told)}, took "
        f"{in_time(one.took)}; {one.call.family} {one.call.number}: {one.call.text}"
    )


def summary(found: Sequence[Sample]) -> list[str]:
    """A line a route, by its name, and one for all that are chosen and one for all."""
    spoilt = sum(one.spoilt for one in found)
    found = [one for one in found if not one.spoilt]
    lines = []
    for route in sorted({one.route for one in found}):
        lines.append(_row(route, [one for one in found if one.route == route]))
    lines.append(_row("all that are chosen", [one for one in found if one.chosen]))
    lines.append(_row("all", found))
    short = sum(one.took < SHORTEST for one in found)
    lines.append(
        f"{len(found)} routes, {short} of them in less than {in_time(SHORTEST)}, which are not counted"
    )
    if spoilt:
        lines.append(f"{spoilt} more are left out: other programs had the cores meanwhile")
    return list(filter(None, lines))


def _row(name: str, found: Sequence[Sample]) -> str:
    long = [one for one in found if one.took >= SHORTEST]
    if not long:
        return ""
    ratios = np.array([one.ratio for one in long])
    within = sum(not off(one) for one in long)
    middle = float(np.median(ratios))
    share = f"{within:4} of {len(long):4} within {OFF:g} ({100 * within / len(long):3.0f} %)"
    return f"{name:28} {share}, took {middle:6.2f} of what was told (median)"
