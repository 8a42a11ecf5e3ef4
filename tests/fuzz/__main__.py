"""``python -m tests.fuzz --cases N --seed S [--through-routes] [--sparse | --structured] [--only I] ...``."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Any

from tests.helpers import ER

from .runner import fuzz
from .sparse import fuzz_sparse
from .structured import fuzz_structured


def main() -> int:
    """Run the fuzz, print its table; 1 if a case failed or a route was never run."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description="Differential fuzz against NumPy."
    )
    parser.add_argument("--cases", type=int, default=1000, help="how many cases (1000)")
    parser.add_argument("--seed", type=int, default=0, help="which sequence of cases (0)")
    parser.add_argument("--start", type=int, default=0, help="the first case's number in the sequence (0)")
    parser.add_argument("--only", type=int, help="this case alone")
    parser.add_argument(
        "--through-routes", action="store_true", help="each case also through every route, one at a time"
    )
    parser.add_argument("--sparse", action="store_true", help="calls with sparse operands instead")
    parser.add_argument("--structured", action="store_true", help="calls with structured operands instead")
    parser.add_argument("--kinds", nargs="*", help="of these kinds only, as one_hot (all)")
    parser.add_argument("--stop-after", type=int, default=20, help="stop after so many failures (20)")
    options = parser.parse_args()
    indices = range(options.start, options.start + options.cases)
    if options.only is not None:
        indices = range(options.only, options.only + 1)
    run: Any = fuzz_sparse if options.sparse else fuzz
    if options.structured:
        run = partial(fuzz_structured, kinds=options.kinds)
    report = run(
        ER, seed=options.seed, indices=indices, through_routes=options.through_routes,
        stop_after=options.stop_after, progress=True,
    )  # fmt: skip
    print(report.table())
    uncovered = report.uncovered()
    if uncovered:
        print("routes that no case ran through:", ", ".join(uncovered))
    return 1 if report.failures or uncovered else 0


if __name__ == "__main__":
    sys.exit(main())
