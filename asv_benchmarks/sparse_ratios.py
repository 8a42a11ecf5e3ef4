"""How dense by sparse compares with scipy, pydata/sparse, torch and MKL, in one process, in turn.

    MKL_RT=.../libmkl_rt.so python asv_benchmarks/sparse_ratios.py [--sizes 100 1000] [--formats csr csc]
        [--dtype f8] [--side right left] [--rounds 5] [--ways mkl scipy_right ...] [--markdown]

Every way is checked against scipy's first.  Prints the smallest time of ours over many rounds and how many
times faster it is than each other way, then geometric means.  Ways that are not installed are left out.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from benchmarks import sparse as bench

SLOW = 0.5  # seconds beyond which a way is timed twice only
#: Seconds until the threads of the library that ran before have stopped spinning (OpenMP's, for 0.2 s): else they
#: take a core from whoever comes next.
SPIN = 0.25


def race(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Seconds a call, the smallest of `rounds`, in turn."""
    best = dict.fromkeys(calls, math.inf)
    for done in range(rounds):
        for name, call in calls.items():
            if done >= 2 and best[name] > SLOW:
                continue
            sleep(SPIN)
            start = perf_counter()
            call()
            best[name] = min(best[name], perf_counter() - start)
    return best


def prepared(makers: dict[str, Any], ways: list[str], x: Any, a: Any) -> dict[str, Callable[[], Any]]:
    """The ways that are there, each called once and checked."""
    calls: dict[str, Callable[[], Any]] = {}
    expected = None
    for way in ways:
        try:
            call = makers[way](x, a)
            result = call()
        except NotImplementedError:
            continue
        calls[way] = call
        if way == "copy":
            continue
        expected = result if expected is None else expected
        scale = float(np.abs(expected).max()) or 1.0
        limit = 1e-4 if x.dtype.itemsize // (2 if x.dtype.kind == "c" else 1) == 4 else 1e-10
        if result.shape != expected.shape or float(np.abs(result - expected).max()) > limit * scale:
            raise SystemExit(f"{way} disagrees with {next(iter(calls))}")
    return calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=list(bench.SIZES))
    parser.add_argument("--densities", nargs="+", type=float, default=list(bench.DENSITIES))
    parser.add_argument("--formats", nargs="+", choices=("csr", "csc"), default=["csr", "csc"])
    parser.add_argument("--side", choices=("right", "left"), default="right", help="of the sparse operand")
    parser.add_argument("--dtype", default="f8")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ways", nargs="+", help="beside einroute; all by default")
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    makers: dict[str, Any] = dict(bench.MAKERS if arguments.side == "right" else bench.LEFT)
    first = "scipy_right" if arguments.side == "right" else "scipy"
    others = arguments.ways or [name for name in makers if name != "einroute"]
    ways = [first, *(name for name in others if name != first), "einroute"]
    bar = " | " if arguments.markdown else "  "
    logs: dict[str, list[float]] = {}
    for n in arguments.sizes:
        # One entry a row beside the densities asked for.
        for density in sorted({*arguments.densities, 1 / n}):
            for kind in arguments.formats:
                x, a = bench.operands(n, density, kind, arguments.dtype, side=arguments.side)
                best = race(prepared(makers, ways, x, a), arguments.rounds)
                ours = best.pop("einroute")
                cells = [f"N={n}", f"{100 * density:.3g} %", kind, f"{1e3 * ours:.1f} ms"]
                cells += [f"{name} {seconds / ours:.2f}" for name, seconds in best.items()]
                print(bar.join(cells), flush=True)
                scipy = min(seconds for name, seconds in best.items() if name.startswith("scipy"))
                for name, seconds in {**best, "best scipy": scipy}.items():
                    logs.setdefault(name, []).append(math.log(seconds / ours))
    means = (f"{name} {math.exp(sum(part) / len(part)):.2f}" for name, part in logs.items())
    print("times faster, geometric means:", bar.join(means))


if __name__ == "__main__":
    main()
