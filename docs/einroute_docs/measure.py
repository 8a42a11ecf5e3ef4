"""Measures the problems of the documentation at several sizes, for the plots in the documentation.

    python docs/measure.py                      # all, about eight minutes, into docs/results/problems.json
    python docs/measure.py many-rhs counting    # some; the others' figures stay
    python docs/measure.py --scale 0.1 --out F  # smaller, to see that it works

The ways are those of ``python -m einroute demo``: results are checked against the plain loop, the ways take
turns in one process, and the median of each one's turns counts. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from einroute._bench.machine import describe
from einroute._demo import PROBLEMS
from einroute._demo.problem import Size
from einroute._demo.runner import Row, run_size

from .results import FOLDER, OURS, Curve, Point, Results, Time, read, write

COMMAND = "python docs/measure.py"


@dataclass(frozen=True)
class Series:
    """One curve: a problem of the demo, and what grows.

    Attributes
    ----------
    name : str
        The curve's.
    problem : str
        The demo's name for it.
    axis : str
        What grows, in words.
    grows : str
        Dimensions that take the value of each size, by their names in the demo.
    sizes : tuple of int
    fixed : dict
        The other dimensions.
    """

    name: str
    problem: str
    axis: str
    grows: tuple[str, ...]
    sizes: tuple[int, ...]
    fixed: dict[str, int]

    def at(self, value: int, scale: float) -> tuple[int, Size]:
        """One size, and where it stands on the axis."""
        size = Size({**dict.fromkeys(self.grows, value), **self.fixed})
        if scale != 1:
            size = size.scaled(scale)
        return size.dims[self.grows[0]], size


SERIES = (
    Series(
        "many-rhs",
        "many-rhs",
        "rows and columns of M; 10 right-hand sides, one at a time",
        ("m", "n"),
        (10, 30, 100, 300, 1000),
        {"calls": 10},
    ),
    Series(
        "many-calls",
        "many-rhs",
        "right-hand sides, one at a time; M is 100 by 100",
        ("calls",),
        (1, 3, 10, 30, 100, 300),
        {"m": 100, "n": 100},
    ),
    Series(
        "ard-kernel",
        "ard-kernel",
        "points in x and in y, of 20 dimensions",
        ("N", "M"),
        (30, 100, 300, 1000, 2000),
        {"D": 20},
    ),
    Series(
        "rolled",
        "rolled-ints",
        "m = n = l, of d = 100 slices and k = 30 rollings",
        ("m", "n", "l"),
        (2, 4, 8, 16, 32, 64),
        {"d": 100, "k": 30},
    ),
    Series(
        "field",
        "layered-field",
        "points along z and along x, 20 layers",
        ("Z", "X"),
        (30, 100, 300, 1000),
        {"N": 20},
    ),
    Series(
        "counting",
        "counting",
        "draws, counted by 8 outcomes",
        ("T",),
        (1000, 10_000, 100_000, 1_000_000, 10_000_000),
        {},
    ),
    Series(
        "fresh-draws",
        "fresh-draws",
        "draws for each of 8 outcomes",
        ("T",),
        (1000, 10_000, 100_000, 1_000_000),
        {},
    ),
    Series(
        "sparse-tensordot",
        "sparse-tensordot",
        "I = J; A is 1000 by 1000, one non-zero a row",
        ("I", "J"),
        (5, 15, 50, 100, 200),
        {"N": 1000},
    ),
)


def curve(series: Series, scale: float, budget: float) -> Curve:
    """Measure one problem at all its sizes.

    Raises
    ------
    RuntimeError
        A result is wrong.
    """
    problem = next(problem for problem in PROBLEMS if problem.name == series.problem)
    # Once for nothing: imports, and code that is compiled at first use.
    run_size(problem, series.at(series.sizes[0], scale)[1], budget=0)
    points: dict[int, Point] = {}
    for value in series.sizes:
        x, size = series.at(value, scale)
        if x in points:
            continue  # scaled down, sizes may coincide
        print(f"{series.name}: {size.label}", file=sys.stderr, flush=True)
        row = run_size(problem, size, budget=budget)
        if not row.ok:
            raise RuntimeError(f"{series.name}, {size.label}: {row.failure}")
        points[x] = Point(x, size.label, times(row))
        gc.collect()
    return Curve(series.name, series.axis, tuple(points.values()))


def times(row: Row) -> dict[str, Time]:
    """The time of each way at one size; ours first."""
    usual = {timing.way: Time(timing.seconds, timing.part) for timing in row.timings}
    return {OURS: Time(row.seconds), **usual}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is asked for, and write the results."""
    names = [series.name for series in SERIES]
    parser = argparse.ArgumentParser(description="Measure the documented problems at several sizes.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all if not given")
    parser.add_argument("--scale", type=float, default=1.0, help="what each dimension is multiplied by")
    parser.add_argument("--budget", type=float, default=1.5, help="seconds for each way at each size")
    parser.add_argument("--out", type=Path, default=FOLDER / "problems.json", help="the file to write")
    given = parser.parse_args(argv)
    unknown = sorted(set(given.names) - set(names))
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(names)}")

    known = {c.name: c for c in read(given.out).curves} if given.names and given.out.exists() else {}
    for series in SERIES:
        if not given.names or series.name in given.names:
            known[series.name] = curve(series, given.scale, given.budget)
            curves = tuple(known[name] for name in names if name in known)
            write(given.out, Results(COMMAND, describe(("numpy", "scipy")), curves))
    return 0
