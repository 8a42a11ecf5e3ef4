"""Measures what the plots of the page on dask arrays show: on a small cluster, and from graphs nobody runs.

    python docs/measure_cluster.py              # all, about fifteen minutes, into docs/results/cluster.json
    python docs/measure_cluster.py simulated    # some; the others' figures stay

The cluster is two worker processes of one thread and 1 GiB each, started anew for each way and size; what
counts is the median of three runs, of CPU seconds of both workers and of the larger's memory at its peak.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dask.array as da
import distributed

import einroute as er
from einroute._bench.machine import describe

from .results import FOLDER, OURS, Curve, Point, Results, Time, read, write
from .simulated import construction, simulate, there

COMMAND = "python docs/measure_cluster.py"
Way = Callable[..., Any]
RUNS = 3

#: Rows and columns, and of each chunk; np.einsum in tasks makes the largest last longest.
SQUARES, CHUNK = (500, 1000, 1500, 2000), 250
WAYS: dict[str, Way] = {
    OURS: lambda a, b: er.einsum("ij,jk->ik", a, b),
    "da.einsum": lambda a, b: da.einsum("ij,jk->ik", a, b),
    "da.matmul": da.matmul,
}
#: Workers, with so many chunks of so many rows and columns each.
WORKERS, EACH, ROWS, COLUMNS = (1, 4, 16, 64, 256, 1000), 16, 20_000, 100
GRAMS: dict[str, Way] = {
    OURS: lambda a, b: er.einsum("ij,ik->jk", a, b),
    "da.einsum": lambda a, b: da.einsum("ij,ik->jk", a, b),
    "da.tensordot": lambda a, b: da.tensordot(a, b, ((0,), (0,))),
}
#: Chunks along each side of both factors.
SIDES = (5, 10, 20, 40)


def _memory(reset: bool) -> int:
    """Bytes of this process at its peak since it was last asked to reset that."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    return 1024 * int(found[1]) if found else 0


def runs(way: Way, operands: Sequence[Any]) -> list[tuple[float, float]]:
    """CPU seconds of both workers, and the memory of the larger at its peak, of each run.

    Raises
    ------
    RuntimeError
        A worker was killed.
    """
    found = []
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit="1GiB", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        small = [x[:2, :2] for x in operands]
        client.compute(way(*small)).result()  # imports
        for _ in range(RUNS):
            client.run(_memory, True)
            before = client.run(time.process_time)
            client.compute(way(*operands).sum()).result()
            after = client.run(time.process_time)
            if set(before) != set(after):
                raise RuntimeError("a worker was killed")
            cpu = sum(after[worker] - before[worker] for worker in after)
            found.append((cpu, max(client.run(_memory, False).values())))
    return found


def squares() -> Iterator[Curve]:
    """Square products of growing size."""
    rng = da.random.default_rng(0)
    found: dict[int, dict[str, list[tuple[float, float]]]] = {}
    for n in SQUARES:
        operands = [rng.random((n, n), chunks=CHUNK) for _ in range(2)]
        found[n] = {}
        for name, way in WAYS.items():
            print(f"square {n}: {name}", file=sys.stderr, flush=True)
            found[n][name] = runs(way, operands)
    axis = f"rows and columns, in chunks of {CHUNK}"

    def point(n: int, at: int) -> Point:
        medians = {w: Time(statistics.median(r[at] for r in own)) for w, own in found[n].items()}
        return Point(n, f"{n}x{n}", medians)

    for at, (name, unit) in enumerate((("square-cpu", "s"), ("square-peak", "B"))):
        yield Curve(name, axis, tuple(point(n, at) for n in SQUARES), unit)


def simulated() -> Iterator[Curve]:
    """Sums over rows, of data that grow with the workers."""
    tasks, moved = [], []
    for workers in WORKERS:
        print(f"simulated {workers}", file=sys.stderr, flush=True)
        chunks = ((ROWS,) * (EACH * workers), (COLUMNS,))
        a, b = there("a", chunks), there("b", chunks)
        told = {name: simulate(way(a, b), (a, b), workers) for name, way in GRAMS.items()}
        label = f"{workers} workers, {workers * EACH} chunks"
        tasks.append(Point(workers, label, {name: Time(s.tasks) for name, s in told.items()}))
        if workers > 1:
            moved.append(Point(workers, label, {name: Time(s.moved) for name, s in told.items()}))
    axis = f"workers, each with {EACH} chunks of {ROWS} by {COLUMNS} of both operands"
    yield Curve("workers-tasks", axis, tuple(tasks), "tasks")
    yield Curve("workers-bytes", axis, tuple(moved), "B")


def graphs() -> Iterator[Curve]:
    """Graphs of square products of more and more chunks of one size, to the scheduler's dictionary."""
    points = []
    for side in SIDES:
        print(f"graphs {side}", file=sys.stderr, flush=True)
        chunks = ((1000,) * side,) * 2
        a, b = there("a", chunks), there("b", chunks)
        times = {}
        for name, way in WAYS.items():
            runs = [construction(way, a, b) for _ in range(RUNS)]
            times[name] = Time(statistics.median(runs))
        points.append(Point(side**3, f"{side**3} products of chunks", times))
    yield Curve("graph-seconds", "products of chunks of 1000 by 1000", tuple(points))


def plan() -> None:
    """The picture of a product of four."""
    square = [da.ones((3000, 3000), chunks=CHUNK) for _ in range(3)]
    told = er.explain("ij,jk,kl,lm->im", *square, da.ones((3000, 30), chunks=CHUNK))
    told.picture(FOLDER.parent / "_static" / "dask-plan.svg")


PARTS: Mapping[str, Callable[[], Iterator[Curve]]] = {
    "squares": squares,
    "simulated": simulated,
    "graphs": graphs,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is asked for, and write the results."""
    parser = argparse.ArgumentParser(description="Measure contractions of dask arrays.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PARTS)}, plan; all if none")
    parser.add_argument("--out", type=Path, default=FOLDER / "cluster.json", help="the file to write")
    given = parser.parse_args(argv)
    unknown = sorted(set(given.names) - {*PARTS, "plan"})
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(PARTS)}, plan")
    if not given.names or "plan" in given.names:
        plan()
    known = {c.name: c for c in read(given.out).curves} if given.out.exists() else {}
    for name, measure in PARTS.items():
        if not given.names or name in given.names:
            known |= {curve.name: curve for curve in measure()}
            write(
                given.out, Results(COMMAND, describe(("numpy", "dask", "distributed")), tuple(known.values()))
            )
    return 0
