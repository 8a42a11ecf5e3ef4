"""``python -m tests.fuzz [--kind dense|sparse|structured|mixed] --cases N --seed S [--through-routes]``."""

from __future__ import annotations

import argparse
import sys
import warnings

from tests.helpers import ER

from . import dense, sparse, structured
from .runner import fuzz
from .source import Source


def sources(kind: str, of: list[str] | None) -> tuple[Source, ...]:
    """Where the cases of a kind come from."""
    own = {"dense": dense.source, "sparse": sparse.source, "structured": lambda: structured.source(of)}
    return tuple(make() for name, make in own.items() if kind in (name, "mixed"))


def main() -> int:
    """Run the fuzz, print its table; 1 if a case failed or a route was never run."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description="Differential fuzz against NumPy."
    )
    parser.add_argument(
        "--kind", choices=("dense", "sparse", "structured", "mixed"), default="dense",
        help="what the operands are (dense); mixed: cases of each kind in turn",
    )  # fmt: skip
    parser.add_argument("--cases", type=int, default=1000, help="how many cases (1000)")
    parser.add_argument("--seed", type=int, default=0, help="which sequence of cases (0)")
    parser.add_argument("--start", type=int, default=0, help="the first case's number in the sequence (0)")
    parser.add_argument("--only", type=int, help="this case alone")
    parser.add_argument(
        "--through-routes", action="store_true", help="each case also through every route, one at a time"
    )
    parser.add_argument("--of", nargs="*", help="structured operands of these kinds only, as one_hot (all)")
    parser.add_argument("--stop-after", type=int, default=20, help="stop after so many failures (20)")
    options = parser.parse_args()
    indices = range(options.start, options.start + options.cases)
    if options.only is not None:
        indices = range(options.only, options.only + 1)
    warnings.simplefilter("ignore")  # of drawing: the judge looks at those of the calls
    report = fuzz(
        ER, *sources(options.kind, options.of), seed=options.seed, indices=indices,
        through_routes=options.through_routes, stop_after=options.stop_after, progress=True,
    )  # fmt: skip
    print(report.table())
    uncovered = report.uncovered()
    if uncovered:
        print("routes that no case ran through:", ", ".join(uncovered))
    return 1 if report.failures or uncovered else 0


if __name__ == "__main__":
    sys.exit(main())
