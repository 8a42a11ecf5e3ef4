"""Measured times as they lie in ``docs/results``, read and written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "results"
OURS = "einroute"


@dataclass(frozen=True)
class Time:
    """Seconds that one way took at one size, or as much of its curve's unit; `part` says in words what was
    timed where that was not all.
    """

    seconds: float
    part: str = ""


@dataclass(frozen=True)
class Point:
    """One size: its `label`, where it stands on the axis, and the time of each way by its name."""

    x: int
    label: str
    times: Mapping[str, Time]


@dataclass(frozen=True)
class Curve:
    """One problem at several sizes.

    Attributes
    ----------
    name : str
        What the pages call it.
    axis : str
        What grows from one size to the next, in words.
    points : tuple of Point
        In increasing order of size.
    unit : {"s", "B", "tasks"}
        Of what was measured.
    """

    name: str
    axis: str
    points: tuple[Point, ...]
    unit: str = "s"

    @property
    def ways(self) -> tuple[str, ...]:
        """Every way that was timed at some size; ours first."""
        found = dict.fromkeys(way for point in self.points for way in point.times)
        return (OURS, *(way for way in found if way != OURS))


@dataclass(frozen=True)
class Results:
    """All curves of one run, what made them, and the machine in general terms."""

    command: str
    machine: Mapping[str, str]
    curves: tuple[Curve, ...]

    def curve(self, name: str) -> Curve:
        """The curve of this name.

        Raises
        ------
        KeyError
            There is none.
        """
        for curve in self.curves:
            if curve.name == name:
                return curve
        raise KeyError(f"no curve {name!r} in the results; there are {[c.name for c in self.curves]}")


def write(path: Path, results: Results) -> None:
    """Put results into a file."""
    path.write_text(json.dumps(asdict(results), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Results:
    """Results from a file that `write` made."""
    given = json.loads(path.read_text(encoding="utf-8"))
    return Results(given["command"], given["machine"], tuple(_curve(curve) for curve in given["curves"]))


def _curve(given: Mapping[str, Any]) -> Curve:
    points: Sequence[Mapping[str, Any]] = given["points"]
    return Curve(
        given["name"],
        given["axis"],
        tuple(
            Point(point["x"], point["label"], {way: Time(**time) for way, time in point["times"].items()})
            for point in points
        ),
        given.get("unit", "s"),
    )
