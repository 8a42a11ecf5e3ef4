"""How lstsq, solve, inv and pinv compare with NumPy and with factors applied by hand, in one process, in turn.

    python asv_benchmarks/lstsq_ratios.py [--rounds 15] [--only repeated once columns square]

Prints the smallest time of each over many short rounds taken in turn, and ratios of those.
"""

from __future__ import annotations

import argparse
import sys
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from benchmarks.lstsq import ONCE, REPEATED, SQUARE, ByHand, Fresh, system, warm

import einroute as er

BATCH_SECONDS = 2e-3


def race(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Seconds a call, the smallest of `rounds` batches each, in turn."""
    numbers = {}
    for name, call in calls.items():
        number = 1
        while timeit.timeit(call, number=number) < BATCH_SECONDS and number < 1 << 16:
            number *= 2
        numbers[name] = number
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            best[name] = min(best[name], timeit.timeit(call, number=numbers[name]) / numbers[name])
    return best


def line(label: str, best: dict[str, float]) -> None:
    ours = best["einroute"]
    others = "  ".join(
        f"{name} {1e6 * t:.2f} us (ratio {ours / t:.3f}, {1e6 * (ours - t):+.2f} us)"
        for name, t in best.items()
        if name != "einroute"
    )
    print(f"{label:28s} einroute {1e6 * ours:.2f} us  {others}", flush=True)


def repeated(rounds: int) -> None:
    for shape in REPEATED:
        a, b = system(*shape)
        hand = ByHand.of(a)
        warm(er.lstsq, a, b)
        calls: dict[str, Callable[[], Any]] = {
            "einroute": lambda a=a, b=b: er.lstsq(a, b),
            "by hand": lambda hand=hand, b=b: hand(b),
        }
        best = race(calls, rounds)
        best["numpy"] = race({"numpy": lambda a=a, b=b: np.linalg.lstsq(a, b)}, min(rounds, 3))["numpy"]
        line(f"repeated b {shape}", best)


def once(rounds: int) -> None:
    for shape in ONCE:
        a, b = system(*shape)
        calls = {"einroute": Fresh(er.lstsq, a, b), "numpy": Fresh(np.linalg.lstsq, a.copy(), b)}
        line(f"seen once {shape}", race(calls, rounds))


def columns(rounds: int) -> None:
    for count in (1, 10, 1000):
        a, b = system(1000, 50, count)
        warm(er.lstsq, a, b)
        calls = {"einroute": lambda a=a, b=b: er.lstsq(a, b), "numpy": lambda a=a, b=b: np.linalg.lstsq(a, b)}
        line(f"K={count} (1000, 50)", race(calls, rounds))


def square(rounds: int) -> None:
    for n in SQUARE:
        a, b = system(n, n)
        for name, arguments in (("solve", (b,)), ("inv", ()), ("pinv", ())):
            ours, theirs = getattr(er.linalg, name), getattr(np.linalg, name)
            warm(ours, a, *arguments)
            calls = {
                "einroute": lambda f=ours, a=a, r=arguments: f(a, *r),
                "numpy": lambda f=theirs, a=a, r=arguments: f(a, *r),
            }
            line(f"{name} again n={n}", race(calls, rounds))
            calls = {"einroute": Fresh(ours, a, *arguments), "numpy": Fresh(theirs, a.copy(), *arguments)}
            line(f"{name} once n={n}", race(calls, rounds))


PARTS = {"repeated": repeated, "once": once, "columns": columns, "square": square}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    for part in arguments.only:
        PARTS[part](arguments.rounds)


if __name__ == "__main__":
    main()
